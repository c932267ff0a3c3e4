function m = await(c, id, how, timeout)
%AWAIT The reply or error of a request, or [] when it has not come within TIMEOUT seconds.
m = [];
waited = tic();
while true
    for j = 1:numel(c.state.inbox)
        if c.state.inbox{j}.id == id
            m = c.state.inbox{j};
            c.state.inbox(j) = [];
            return
        end
    end
    left = timeout - toc(waited);
    if left < 0
        return
    end
    try
        m = c.state.link.receive(min(left, 30), false);
    catch err
        if ~(strcmp(err.identifier, 'Arcuate:lost') && recovered(c, id))
            c.state.pending(c.state.pending == id) = [];
            arcuate.wire.lost(c, err, 'maybe');
        end
        continue
    end
    if isempty(m)
        if left <= 0
            return
        end
        continue
    end
    m = arcuate.wire.take(c, m, how);
    if ~isempty(m)
        if m.id == id
            return
        end
        c.state.inbox{end+1} = m;
    end
end
end

function ok = recovered(c, id)
% Comes back to the session, and sends the request that waits again, with its id: it is not carried out twice.
ok = isempty(c.state.parents) && arcuate.wire.resume(c);
if ok && id == c.state.next - 1
    try
        c.state.link.send(c.state.resend_op, c.state.resend, true);
    catch
        ok = false;
    end
end
end
