function greet(c, timeout)
%GREET Says hello, and takes the hub's limits; the hub has TIMEOUT seconds to answer.
o = c.state.options;
agent = 'arcuate-octave 0.1';
token = {};
if ~isempty(o.token)
    token = {'token', o.token};
end
limits = o.limits;
limits = rmfield(limits, 'levels');
names = fieldnames(limits);
for j = 1:numel(names)
    limits.(names{j}) = int64(limits.(names{j}));
end
n = arcuate.wire.message('hello', 0, 'major', int64(1), 'minor', int64(0), 'limits', @() ints(limits), token{:}, ...
    'agent', agent);
try
    c.state.link.send('hello', n, true);
    m = c.state.link.receive(timeout, false);
catch err
    arcuate.wire.lost(c, err, 'no');
end
if isempty(m)
    arcuate.wire.fail('CONNECTION_LOST', sprintf(['no hub answers at %s; is ''arcuate serve'' running there, and is the ' ...
        'key right?'], c.url));
end
v = arcuate.wire.fields_of(m);
if strcmp(m.op, 'error')
    arcuate.wire.raise(v);
elseif ~strcmp(m.op, 'hello') || v.major ~= 1
    arcuate.wire.fail('PROTOCOL_ERROR', sprintf('the hub speaks version %d.%d of the protocol, this client 1.0', v.major, v.minor));
end
c.state.link.most = min(o.limits.message, double(v.limits.message));
if isfield(v, 'hub')
    c.state.hub = v.hub;
end
end

function n = ints(s)
names = fieldnames(s).';
parts = cell(1, numel(names));
for j = 1:numel(names)
    x = s.(names{j});
    parts{j} = @() arcuate.wire.node(2, 'value', typecast(x, 'uint64'));
end
n = arcuate.wire.group(9, names, parts);
end
