function n = message(op, id, varargin)
%MESSAGE The nodes of a message: its op and id, then pairs of a field's name and a function that gives its nodes.
keys = [{'op', 'id'}, varargin(1:2:end)];
parts = [{@() arcuate.wire.encode(op), @() arcuate.wire.node(2, 'value', typecast(int64(id), 'uint64'))}, ...
    varargin(2:2:end)];
n = arcuate.wire.group(9, keys, parts);
end
