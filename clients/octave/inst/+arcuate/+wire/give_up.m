function give_up(c, id)
%GIVE_UP Cancels a request whose answer nobody awaits any more: Ctrl-C, or an error on the way.
if ~any(c.state.pending == id)
    return
end
c.state.pending(c.state.pending == id) = [];
if ~c.state.open
    return
end
c.state.abandoned(end+1) = id;
try
    c.state.link.abandon();
    c.state.link.send('cancel', arcuate.wire.message('cancel', 0, 'call', int64(id)), false);
catch
    % a connection that is lost; the call ends with its session
end
end
