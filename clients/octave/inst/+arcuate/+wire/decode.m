function v = decode(data, prefix)
%DECODE The value of one frame; the layout is that of protos/frames.md.
%   V = ARCUATE.WIRE.DECODE(DATA, PREFIX) reads the uint8 vector DATA. PREFIX is the path of a
%   shared segment without its number.
%   V = ARCUATE.WIRE.DECODE(F) takes what ARCUATE.WIRE.TABLES made, with the buffers in the cell F.given.
%
%   What has no class here becomes a struct with the field 'arcuate', as in Octave's environment.
if isstruct(data)
    f = data;
else
    data = data(:);
    f = arcuate.wire.tables(data);
    f.prefix = prefix;
    inside = 64*ceil(f.blen/64).*(f.bloc == 0);
    f.at = f.head - 64 + cumsum(inside) - inside;
    f.body = data(65:end);
end
try
    v = node(f, 1, 1, 1);
catch err
    at = regexp(err.message, '^@(\d+) (.*)$', 'tokens', 'once');
    if isempty(at)
        rethrow(err);
    end
    error(struct('identifier', err.identifier, 'message', ...
        [arcuate.wire.path_to(f, str2double(at{1})) char(1) at{2}]));
end
end

function [v, i, p, b] = node(f, i, p, b)
% The value of node i; i, p and b come back behind all that it used.
switch f.kind(i)
    case 0
        v = []; i = i + 1;
    case 1
        v = f.bits(8*i-7) ~= 0; i = i + 1;
    case 2
        v = integer(f.bits(8*i-7:8*i), f.dtype(i), f.flags(i)); i = i + 1;
    case 3
        v = numeric(f.num(i));
        if f.dtype(i) == 10 || f.dtype(i) == 11
            v = single(v);
        end
        i = i + 1;
    case 4
        x = numeric(typecast(f.pool(8*p-7:8*p+8), 'double'));
        v = complex(x(1), x(2));
        if f.dtype(i) == 13
            v = complex(single(x(1)), single(x(2)));
        end
        i = i + 1; p = p + 2;
    case 5
        v = words(f, i); i = i + 1;
    case 6
        v = reshape(buffer(f, b, 'uint8'), 1, []); i = i + 1; b = b + 1;
    case 7
        v = arcuate.wire.missing_in(f.dtype(i)); i = i + 1;
    case 8
        [v, i, p, b] = list(f, i, p, b);
    case 9
        [v, i, p, b] = mapping(f, i, p, b);
    case 10
        [v, i, p, b] = array(f, i, p, b);
    case {11, 12, 13, 14}
        [v, i, p, b] = parts(f, i, p, b);
    case {15, 16, 17}
        v = moment(f, i); i = i + 1;
    case 18
        [v, i, p, b] = sparsely(f, i, p, b);
    case 19
        id = words(f, i);
        [info, ~, i, p, b] = children(f, i, p, b);
        v = arcuate.wire.function_in(id, info);
    case 20
        id = words(f, i);
        [info, ~, i, p, b] = children(f, i, p, b);
        v = arcuate.wire.handle_in(id, info);
    otherwise
        error('Arcuate:unsupported', ['@%d this side does not know values of kind %d; install the same ' ...
            'version of Arcuate on both sides'], i, f.kind(i));
end
end

function x = numeric(x)
% A NaN that has the bits of Octave's NA is a number; what is missing is marked in the frame, not by bits.
gone = arcuate.wire.gone(x);
if any(gone(:))
    x(gone) = NaN;
end
end

function s = key(f, i)
s = arcuate.wire.text(f.text(f.from(i)+1:f.from(i)+f.klen(i)));
end

function s = words(f, i)
a = f.from(i) + f.klen(i);
s = arcuate.wire.text(f.text(a+1:a+f.tlen(i)));
end

function x = number(f, p)
x = double(typecast(f.pool(8*p-7:8*p), 'uint64'));
end

function v = integer(bits, dtype, flags)
switch dtype
    case 0
        if flags
            v = typecast(bits, 'uint64');
        else
            v = typecast(bits, 'int64');
            if v <= 9007199254740992 && v >= -9007199254740992
                v = double(v);
            end
        end
    case 9
        v = typecast(bits, 'uint64');
    otherwise
        names = {'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32'};
        v = feval(names{dtype-1}, typecast(bits, 'int64'));
end
end

function [v, keys, i, p, b] = children(f, i, p, b)
% The values of the children of node i as a cell row, and their keys.
c = f.count(i); i = i + 1;
v = cell(double(c > 0), c); keys = cell(1, c);
for j = 1:c
    keys{j} = key(f, i);
    [v{j}, i, p, b] = node(f, i, p, b);
end
end

function [v, i, p, b] = mapping(f, i, p, b)
own = i;
[v, keys, i, p, b] = children(f, i, p, b);
if f.flags(own) == 1 && issorted(keys) % in a map they are sorted: otherwise their order would be lost
    if isempty(keys)
        v = containers.Map('KeyType', 'char', 'ValueType', 'any');
    else
        v = containers.Map(keys, v, 'UniformValues', false);
    end
    return
end
if isempty(keys)
    v = struct();
elseif all(cellfun(@named, keys))
    v = cell2struct(v, keys, 2);
elseif arcuate.wire.octave() % whose structs have fields of any name; cell2struct refuses the empty one
    s = struct();
    for j = 1:numel(keys)
        s.(keys{j}) = v{j};
    end
    v = s;
else % a struct cannot have these fields
    s = struct('arcuate', 'mapping');
    s.keys = keys; s.values = v;
    v = s;
    return
end
if isfield(v, 'arcuate')
    v = arcuate.wire.chars(v);
end
end

function ok = named(k)
ok = ~isempty(regexp(k, '^[A-Za-z][A-Za-z0-9_]{0,62}$', 'once')); % keywords too
end

function [v, i, p, b] = list(f, i, p, b)
flags = f.flags(i); own = i;
shape = [];
if flags >= 4
    nd = number(f, p);
    shape = double(typecast(f.pool(8*p+1:8*(p+nd)), 'uint64')).';
    p = p + 1 + nd;
    shape = [ones(1, double(nd < 2)), shape, ones(1, double(nd < 1))];
end
[v, ~, i, p, b] = children(f, i, p, b);
if flags >= 8
    names = pieces(f.text(f.from(own)+f.klen(own)+1:f.from(own)+f.klen(own)+f.tlen(own)));
    bad = find(~cellfun(@named, names), 1);
    if ~isempty(bad) && (~arcuate.wire.octave() || isempty(names{bad}))
        error('Arcuate:conversion', '@%d ''%s'' cannot be the name of a field of a struct array', own, names{bad});
    end
    s = cell2struct(cell(numel(names), prod(shape)), names(:), 1);
    for j = 1:numel(v)
        for k = 1:numel(names)
            s(j).(names{k}) = v{j}.(names{k});
        end
    end
    v = reshape(s, shape);
elseif flags >= 4
    v = reshape(v, shape);
end
end

function c = pieces(bytes)
% The texts of a row of bytes in which each ends with a NUL.
ends = find(bytes == 0);
if ~isempty(ends) && (arcuate.wire.octave() || all(bytes < 128)) % all at once
    sizes = diff([0, ends]) - 1;
    bytes(ends) = [];
    c = mat2cell(char(reshape(bytes, 1, [])), 1, sizes);
    c(sizes == 0) = {''};
    return
end
c = cell(1, numel(ends)); from = 1;
for j = 1:numel(ends)
    c{j} = arcuate.wire.text(bytes(from:ends(j)-1));
    from = ends(j) + 1;
end
end

function x = buffer(f, b, cls)
% The numbers in buffer b, a column of class cls.
if ~isempty(f.given)
    x = f.given{b};
    if ~isa(x, cls)
        x = typecast(x, cls);
    end
    return
elseif f.bloc(b) == 0
    x = typecast(f.body(f.at(b)+1:f.at(b)+f.blen(b)), cls);
    return
end
file = sprintf('%s%d', f.prefix, f.bloc(b));
fid = fopen(file, 'r');
if fid < 0
    error('Arcuate:protocol', 'cannot open the shared segment %s', file);
end
count = f.blen(b)/arcuate.wire.width(cls);
x = fread(fid, count, [cls '=>' cls]);
fclose(fid);
if numel(x) ~= count
    error('Arcuate:protocol', 'the shared segment %s is shorter than the %d bytes announced', file, f.blen(b));
end
end

function [v, i, p, b] = array(f, i, p, b)
nd = f.count(i); dtype = f.dtype(i); flags = f.flags(i);
shape = double(typecast(f.pool(8*p-7:8*(p+nd-1)), 'uint64')).';
p = p + nd;
full2 = [ones(1, double(nd < 2)), shape, ones(1, double(nd < 1))]; % two dimensions at least
other = [];
switch dtype
    case 1
        v = buffer(f, b, 'uint8') ~= 0;
    case {2, 3, 4, 5, 6, 7, 8, 9, 11, 12}
        v = numeric(buffer(f, b, arcuate.wire.class_of(dtype)));
        if dtype == 5 && bitand(flags, 4) && all(v <= 9007199254740992 & v >= -9007199254740992)
            v = double(v); % a plain list of the language's own integers
        end
    case 10
        v = halves(buffer(f, b, 'uint16'));
    case {13, 14}
        v = numeric(buffer(f, b, arcuate.wire.class_of(dtype - 2)));
        other = v(2:2:end); v = v(1:2:end);
    case 15
        v = pieces(buffer(f, b, 'uint8').');
        v(cellfun('isempty', v)) = {''};
    case {16, 18}
        v = buffer(f, b, 'int64');
    case 17
        v = buffer(f, b, 'int32');
    otherwise
        error('Arcuate:unsupported', '@%d this side does not know arrays of dtype %d', i, dtype);
end
b = b + 1;
order = nd > 1 && ~bitand(flags, 2);
v = arrange(v, full2, order);
if ~isempty(other) || dtype == 13 || dtype == 14
    v = complex(v, arrange(other, full2, order));
end
mask = [];
if bitand(flags, 1)
    mask = arrange(buffer(f, b, 'uint8') ~= 0, full2, order);
    b = b + 1;
end
if dtype >= 16
    v = arcuate.wire.moments(dtype - 15, v, f.unit(i), words(f, i), mask, shape);
elseif ~isempty(mask) || bitand(flags, 1)
    v = arcuate.wire.masked_in(v, mask, shape, dtype);
end
i = i + 1;
end

function v = arrange(v, shape, rowwise)
if rowwise && sum(shape ~= 1) > 1 % otherwise the order is the same
    v = permute(reshape(v, fliplr(shape)), numel(shape):-1:1);
else
    v = reshape(v, shape);
end
end

function v = halves(x)
% binary16 to single.
x = double(x);
sign = 1 - 2*(x >= 32768);
e = mod(floor(x/1024), 32); m = mod(x, 1024);
v = sign.*(2.^(e - 15)).*(1 + m/1024);
k = e == 0; v(k) = sign(k).*m(k)*2^-24;
k = e == 31; v(k) = sign(k)*Inf; v(k & m ~= 0) = NaN;
v = single(v);
end

function v = moment(f, i)
hints = {'python', 'numpy', 'pandas'};
v = arcuate.wire.moments(f.kind(i) - 14, typecast(f.bits(8*i-7:8*i), 'int64'), f.unit(i), words(f, i), ...
    [], [], hints{mod(f.flags(i), 3) + 1});
end

function [v, i, p, b] = sparsely(f, i, p, b)
dtype = f.dtype(i); unit = f.unit(i);
rows = number(f, p); cols = number(f, p + 1); p = p + 2;
if dtype > 1 && dtype < 10
    error('Arcuate:conversion', ['@%d a sparse matrix here holds doubles, this one holds %s; convert it to ' ...
        'float64, or send it as a full array'], i, arcuate.wire.class_of(dtype));
end
if dtype == 1
    x = buffer(f, b, 'uint8') ~= 0;
elseif dtype < 13
    x = double(numeric(buffer(f, b, arcuate.wire.class_of(dtype))));
else
    x = double(numeric(buffer(f, b, arcuate.wire.class_of(dtype - 2))));
    x = complex(x(1:2:end), x(2:2:end));
end
kinds = {'int32', 'int64'};
width = kinds{1 + mod(f.flags(i), 2)};
r = double(buffer(f, b + 1, width)); c = double(buffer(f, b + 2, width));
b = b + 3; i = i + 1;
if unit < 2 % pointers to the column or row of each entry
    counts = diff(c(:)).';
    c = zeros(numel(r), 1); at = 0;
    for j = find(counts)
        c(at+1:at+counts(j)) = j - 1;
        at = at + counts(j);
    end
end
if unit == 1
    s = r; r = c; c = s;
end
s = sparse(r(x ~= 0) + 1, c(x ~= 0) + 1, 1, rows, cols);
if nnz(s) ~= numel(x) % stored zeros, or a place that stands twice
    v = struct('arcuate', 'sparse', 'shape', [rows, cols], 'rows', r, 'columns', c, 'data', x);
elseif islogical(x)
    v = sparse(r(x) + 1, c(x) + 1, true, rows, cols);
elseif isreal(x)
    v = sparse(r + 1, c + 1, x, rows, cols);
else
    v = sparse(r + 1, c + 1, x, rows, cols);
    if isreal(v)
        v = complex(v, sparse(rows, cols));
    end
end
end

function [v, i, p, b] = parts(f, i, p, b)
% Labelled array, dataset, table and categorical, from their children.
own = i;
[c, keys, i, p, b] = children(f, i, p, b);
c = cell2struct(c, keys, 2);
switch f.kind(own)
    case 11
        v = struct('arcuate', 'labelled');
        v.data = c.data; v.dims = c.dims; v.coords = c.coords; v.attrs = c.attrs; v.name = c.name;
    case 12
        v = struct('arcuate', 'dataset');
        v.vars = c.vars; v.coords = c.coords; v.attrs = c.attrs;
    case 13
        v = struct('arcuate', 'table', 'rows', double(typecast(f.bits(8*own-7:8*own), 'uint64')));
        v.columns = c.columns; v.index = c.index; v.attrs = c.attrs; v.container = words(f, own);
        v.nullable = nullable(f, own + 1);
        v = arcuate.wire.table_in(v);
    case 14
        v = struct('arcuate', 'categorical');
        if isstruct(c.codes)
            v.codes = c.codes.data; v.codes(c.codes.mask) = -1;
        else
            v.codes = c.codes;
        end
        v.categories = c.categories; v.ordered = f.flags(own) == 1;
        v = arcuate.wire.category_in(v);
end
end

function names = nullable(f, i)
% The columns whose class can hold missing values, also where nothing is missing.
names = {};
left = f.count(i); j = i + 1;
while left
    if f.kind(j) == 10 && bitand(f.flags(j), 96) == 32
        names{end+1} = key(f, j); %#ok<AGROW>
    end
    j = behind(f, j);
    left = left - 1;
end
end

function i = behind(f, i)
% The node after node i and all that is below it.
left = 1;
while left
    left = left - 1;
    if f.kind(i) ~= 10
        left = left + f.count(i);
    end
    i = i + 1;
end
end
