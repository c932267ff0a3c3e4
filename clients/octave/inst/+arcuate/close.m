function close(c)
%CLOSE Ends a session, and its connections with the hub.
%   ARCUATE.CLOSE(C). Closing what is closed does nothing.
if ~isfield(c.state, 'open') || ~c.state.open
    return
end
try
    if ~isempty(c.state.session)
        c.state.link.abandon();
        id = c.state.next;
        c.state.next = id + 1;
        c.state.link.send('close', arcuate.wire.message('close', id), true);
        m = c.state.link.receive(5, false);
        while ~isempty(m) && m.id ~= id
            m = c.state.link.receive(5, false);
        end
    end
catch
    % the hub ends a session that nobody uses
end
c.state.open = false;
c.state.link.close();
c.state.inbox = {}; c.state.functions = {};
end
