function id = submit_request(c, op, fields, how, waited)
%SUBMIT_REQUEST Sends a request and returns its id. WAITED: its reply is awaited next.
if ~c.state.open
    arcuate.wire.fail('SESSION_CLOSED', 'the session was closed; open another: arcuate.open');
end
if arcuate.wire.octave()
    max_recursion_depth(2000, 'local');
end
arcuate.wire.session(c);
flush_released(c);
id = c.state.next;
extra = {};
if ~isempty(c.state.parents)
    extra = {'parent', int64(c.state.parents(end))};
end
if ~isempty(c.state.session)
    extra = [extra, {'seen', int64(c.state.seen)}];
end
if ~isempty(how.timeout)
    if ~isnumeric(how.timeout) || ~isscalar(how.timeout) || ~(how.timeout > 0)
        arcuate.wire.fail('INVALID_ARGUMENT', '''timeout'' is a number of seconds above 0');
    end
    if isfinite(how.timeout) && ~strcmp(op, 'open')
        extra = [extra, {'deadline', int64(max(1, round(1000*how.timeout)))}];
    end
end
try
    n = arcuate.wire.message(op, id, fields{:}, extra{:});
catch err
    arcuate.wire.translate(err, '$', 'no');
end
c.state.next = id + 1;
how.message = n; how.op = op;
c.state.resend = n; c.state.resend_op = op;
try
    c.state.link.send(op, n, waited);
catch err
    if any(strcmp(err.identifier, {'Arcuate:lost'})) && arcuate.wire.resume(c)
        c.state.link.send(op, n, waited);
    else
        arcuate.wire.lost(c, err, arcuate.wire.was_sent(err));
    end
end
c.state.pending(end+1) = id;
end

function flush_released(c)
ids = c.state.released;
if isempty(ids) || isempty(c.state.session)
    return
end
c.state.released = {};
try
    c.state.link.send('release', arcuate.wire.message('release', 0, 'handles', ids), false);
catch
    c.state.released = [ids, c.state.released]; % with the next request
end
end
