function s = subscribe(c, topic, varargin)
%SUBSCRIBE Subscribes to a topic; ARCUATE.SAMPLE gives its samples one by one.
%   S = ARCUATE.SUBSCRIBE(C, TOPIC, NAME, VALUE, ...):
%   'from'    the number of the first sample that is wanted; 0 for the oldest that is kept
%   'buffer'  samples that may wait (100)
%   'policy'  what happens when more wait: 'drop' (default), 'block' or 'disconnect'
%
%   Example:
%     s = arcuate.subscribe(c, 'eeg', 'from', 0);
%     x = arcuate.sample(s, 5);
%     x.value
o = struct('from', [], 'buffer', 100, 'policy', 'drop');
varargin(1:2:end) = cellfun(@arcuate.wire.word, varargin(1:2:end), 'UniformOutput', false);
for j = 1:2:numel(varargin)
    if ~isfield(o, varargin{j})
        arcuate.wire.fail('INVALID_ARGUMENT', sprintf('arcuate.subscribe has no option ''%s''; it has from, buffer and policy', varargin{j}));
    end
    o.(varargin{j}) = varargin{j+1};
end
fields = {'topic', topic, 'policy', o.policy, 'buffer', int64(o.buffer), 'credit', int64(o.buffer)};
if ~isempty(o.from)
    fields = [fields, {'from', int64(o.from)}];
end
how = struct('timeout', [], 'output', []);
id = arcuate.wire.submit_request(c, 'subscribe', fields, how, strcmp(c.transport, 'zeromq'));
m = arcuate.wire.await(c, id, how, 60);
c.state.pending(c.state.pending == id) = [];
if isempty(m)
    arcuate.wire.fail('CONNECTION_LOST', 'the hub has not answered for a minute', 'executed', 'maybe');
end
arcuate.wire.outcome(c, m);
s = arcuate.Subscription(c, id, topic, o.buffer);
end
