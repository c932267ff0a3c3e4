function x = sample(s, timeout)
%SAMPLE The next sample of a subscription: a struct of topic, sequence, time, lost and value.
%   X = ARCUATE.SAMPLE(S) waits for one, X = ARCUATE.SAMPLE(S, SECONDS) so long at most; then X is [].
%   LOST says how many samples before this one were not delivered.
if nargin < 2
    timeout = Inf;
end
c = s.connection; x = [];
waited = tic();
while true
    for j = 1:numel(c.state.inbox)
        m = c.state.inbox{j};
        if m.id == s.id
            c.state.inbox(j) = [];
            x = taken(c, s, m);
            return
        end
    end
    left = timeout - toc(waited);
    if left < 0 || ~s.live
        return
    end
    try
        m = c.state.link.receive(min(left, 30), true);
    catch err
        arcuate.wire.lost(c, err, 'no');
    end
    if ~isempty(m)
        m = arcuate.wire.take(c, m, struct('output', []));
        if ~isempty(m)
            c.state.inbox{end+1} = m;
        end
    elseif left <= 0
        return
    end
end
end

function x = taken(c, s, m)
v = arcuate.wire.outcome(c, m);
x = struct('topic', v.topic, 'sequence', double(v.sequence), 'time', v.time, 'lost', 0, 'value', []);
if isfield(v, 'lost')
    x.lost = double(v.lost);
end
x.value = v.value;
s.taken = s.taken + 1;
if s.taken >= s.buffer/2
    n = s.taken;
    s.taken = 0;
    c.state.link.send('credit', arcuate.wire.message('credit', 0, 'subscription', int64(s.id), 'count', int64(n)), false);
end
end
