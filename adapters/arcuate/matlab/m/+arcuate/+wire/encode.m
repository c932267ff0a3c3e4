function n = encode(v, depth)
%ENCODE The nodes of a value; see ARCUATE.WIRE.NODE.
%   An error carries the path as a prefix of its message that ends with char(1).
if nargin < 2
    depth = 0;
end
switch class(v)
    case {'double', 'single', 'logical', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'}
        n = numbers(v);
    case 'char'
        if isempty(v) && ndims(v) == 2 && size(v, 1) < 2 || size(v, 1) == 1 && ndims(v) == 2
            n = arcuate.wire.node(5, 'text', arcuate.wire.utf8(reshape(v, 1, [])));
        else
            n = letters(v, depth);
        end
    case 'struct'
        if ~isscalar(v)
            n = structs(v, depth);
        elseif isfield(v, 'arcuate') && ischar(v.arcuate)
            n = arcuate.wire.marked(v, depth, []);
        else
            n = fields(struct2cell(v), fieldnames(v), depth, 0);
        end
    case 'cell'
        n = cells(v, depth);
    case 'function_handle'
        n = arcuate.wire.function_out(v);
    case 'containers.Map'
        if ~strcmp(v.KeyType, 'char')
            error('Arcuate:conversion', ['a containers.Map with %s keys has no form elsewhere, since keys are ' ...
                'texts there; use text keys (num2str), send its keys and values as two arrays, or keep=True'], ...
                v.KeyType);
        end
        n = fields(v.values(), v.keys(), depth, 1);
    case {'string', 'datetime', 'duration', 'calendarDuration', 'table', 'timetable', 'categorical', 'dictionary', 'missing'}
        n = arcuate.wire.modern(v, depth);
    otherwise
        n = arcuate.wire.handle_node(v);
end
end

function n = numbers(v)
% A number or an array of numbers.
cls = class(v);
if issparse(v)
    n = sparsely(v);
elseif ~isscalar(v)
    n = arcuate.wire.array(v, ndims(v));
elseif islogical(v)
    n = arcuate.wire.node(1, 'value', uint64(v));
elseif isfloat(v)
    dtype = 11*strcmp(cls, 'single');
    if isnan(v) && any(arcuate.wire.gone(v))
        n = arcuate.wire.node(7, 'dtype', dtype + (dtype == 0)*12 + 2*~isreal(v));
    elseif isreal(v)
        n = arcuate.wire.node(3, 'value', typecast(double(v), 'uint64'), 'dtype', dtype);
    else
        parts = typecast(double([real(v), imag(v)]), 'uint64');
        n = arcuate.wire.node(4, 'dtype', 13*(dtype > 0), 'pool', parts);
    end
else
    x = v;
    if ~strcmp(cls, 'uint64')
        x = typecast(int64(v), 'uint64');
    end
    if ~isreal(v)
        error('Arcuate:conversion', 'a complex number of class %s has no form elsewhere; convert it to double', cls);
    end
    n = arcuate.wire.node(2, 'value', x, 'dtype', arcuate.wire.code_of(cls));
end
end

function n = letters(v, depth)
% A char matrix; see ARCUATE.WIRE.CHARS.
lines = {};
if ndims(v) == 2 && ~isempty(v) && all(v(:) ~= 0)
    lines = cellstr_exact(v);
end
if ~isempty(lines)
    s = struct('arcuate', 'char');
    s.rows = lines;
    n = arcuate.wire.group(9, {'arcuate', 'rows'}, {@() arcuate.wire.encode('char'), ...
        @() arcuate.wire.array(lines, 1)});
elseif all(v(:) < 256)
    n = fields({'char'; uint8(v)}, {'arcuate'; 'bytes'}, depth, 0);
else
    n = fields({'char'; uint16(v)}, {'arcuate'; 'codes'}, depth, 0);
end
end

function lines = cellstr_exact(v)
lines = mat2cell(v, ones(1, size(v, 1)), size(v, 2));
try
    for j = 1:numel(lines)
        arcuate.wire.utf8(lines{j});
    end
catch
    lines = {};
end
end

function deeper(depth)
if depth >= 64
    error('Arcuate:conversion', ['the value nests deeper than 64 levels; flatten it, or send its parts ' ...
        'one by one']);
end
end

function n = fields(c, keys, depth, flags)
deeper(depth);
parts = cell(1, numel(c));
for j = 1:numel(c)
    x = c{j};
    parts{j} = @() arcuate.wire.encode(x, depth + 1);
end
n = arcuate.wire.group(9, keys, parts, 'flags', flags);
end

function n = cells(v, depth)
deeper(depth);
if numel(v) && iscellstr(v)
    n = arcuate.wire.array(v, ndims(v));
    if ~isempty(n)
        return
    end
end
parts = cell(1, numel(v));
for j = 1:numel(v)
    x = v{j};
    parts{j} = @() arcuate.wire.encode(x, depth + 1);
end
shape = []; flags = arcuate.wire.forced();
if ndims(v) > 2 || any(size(v)) && (size(v, 1) ~= 1 || isempty(v))
    shape = [ndims(v), size(v)]; flags = 4;
end
n = arcuate.wire.group(8, {}, parts, 'flags', flags, 'pool', shape);
end

function n = structs(v, depth)
deeper(depth);
keys = fieldnames(v);
names = zeros(1, 0, 'uint8');
for j = 1:numel(keys)
    names = [names, arcuate.wire.utf8(keys{j}), uint8(0)]; %#ok<AGROW>
end
parts = cell(1, numel(v));
for j = 1:numel(v)
    x = v(j);
    parts{j} = @() fields(struct2cell(x), keys, depth + 1, 0);
end
n = arcuate.wire.group(8, {}, parts, 'flags', 12, 'text', names, 'pool', [ndims(v), size(v)]);
end

function n = sparsely(v)
[r, c, x] = find(v);
r = r(:); c = c(:); x = x(:);
if any(arcuate.wire.gone(x))
    error('Arcuate:conversion', ['a sparse matrix holds NA, and sparse matrices have no missing values ' ...
        'elsewhere; send full(x)']);
elseif islogical(v)
    dtype = 1; x = uint8(x);
elseif isreal(v)
    dtype = 12 - isa(v, 'single');
else
    dtype = 14 - isa(v, 'single'); x = reshape([real(x).'; imag(x).'], [], 1);
end
cls = 'int32'; flags = 0;
if any([size(v), numel(r)] > 2147483647)
    cls = 'int64'; flags = 1;
end
ends = cumsum([0; accumarray(c, 1, [size(v, 2), 1])]);
n = arcuate.wire.node(18, 'value', uint64(numel(r)), 'dtype', dtype, 'flags', flags, 'pool', size(v), ...
    'buffers', {x, feval(cls, r - 1), feval(cls, ends)});
end
