function m = take(c, m, how)
%TAKE Deals with a message of the hub that is no answer; answers are returned, unless they came before.
if m.seq
    if m.seq <= c.state.seen || any(c.state.later == m.seq)
        m = [];
        return
    end
    c.state.later(end+1) = m.seq;
    while any(c.state.later == c.state.seen + 1)
        c.state.seen = c.state.seen + 1;
        c.state.later(c.state.later == c.state.seen) = [];
    end
end
switch m.op
    case {'reply', 'error'}
        if m.id == 0
            v = arcuate.wire.fields_of(m);
            c.state.link.drop();
            if strcmp(m.op, 'error')
                arcuate.wire.raise(v);
            end
            m = [];
        elseif any(c.state.abandoned == m.id)
            c.state.abandoned(c.state.abandoned == m.id) = [];
            m = [];
        end
        return
    case 'event'
        arcuate.wire.event(c, m, how);
    case 'callback'
        arcuate.wire.called(c, m, how);
    case 'sample'
        c.state.inbox{end+1} = m;
end
m = [];
end
