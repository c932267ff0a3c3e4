function ok = resume(c)
%RESUME Comes back to a session whose connection was lost; false when that cannot be.
ok = false;
if isempty(c.state.session) || c.state.window <= 0
    return
end
for attempt = 1:2
    try
        c.state.link.drop();
        if strcmp(c.transport, 'zeromq')
            arcuate.wire.greet(c, min(c.state.options.timeout, 5));
        end
        id = c.state.next;
        c.state.next = id + 1;
        n = arcuate.wire.message('resume', id, 'session', c.state.session, 'secret', c.state.secret, ...
            'seen', int64(c.state.seen));
        c.state.link.send('resume', n, true);
        m = c.state.link.receive(10, false);
        while ~isempty(m) && m.id ~= id
            m = arcuate.wire.take(c, m, struct('output', []));
            if ~isempty(m)
                c.state.inbox{end+1} = m;
            end
            m = c.state.link.receive(10, false);
        end
        ok = ~isempty(m) && strcmp(m.op, 'reply');
        return
    catch err
        if ~any(strcmp(err.identifier, {'Arcuate:lost', 'Arcuate:down', 'arcuate:ConnectionLost'}))
            return
        end
        pause(0.05*attempt);
    end
end
end
