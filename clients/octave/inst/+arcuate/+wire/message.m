function n = message(op, id, varargin)
%MESSAGE The nodes of a message: its op and id, then pairs of a field's name and its value.
%   A value that is a function handle is called, and gives nodes; all others are encoded.
parts = cell(1, numel(varargin)/2);
for j = 1:numel(parts)
    x = varargin{2*j};
    if isa(x, 'function_handle')
        parts{j} = x;
    else
        parts{j} = @() plain(x);
    end
end
n = arcuate.wire.group(9, [{'op', 'id'}, varargin(1:2:end)], ...
    [{@() arcuate.wire.encode(op), @() arcuate.wire.node(2, 'value', typecast(int64(id), 'uint64'))}, parts]);
end

function n = plain(x)
% Whole numbers of a message are ints; lists of texts are lists.
if isa(x, 'int64')
    n = arcuate.wire.node(2, 'value', typecast(x, 'uint64'));
elseif iscellstr(x)
    parts = cell(1, numel(x));
    for j = 1:numel(x)
        s = x{j};
        parts{j} = @() arcuate.wire.encode(s);
    end
    n = arcuate.wire.group(8, {}, parts);
else
    n = arcuate.wire.encode(x);
end
end
