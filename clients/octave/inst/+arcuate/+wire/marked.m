function n = marked(v, depth, nd)
%MARKED The nodes of a struct that stands for what has no class here; see ARCUATE.WIRE.DECODE.
%   ND: the number of dimensions that the place demands, or [] where the struct itself knows. Every field may
%   have been edited; nothing is taken from a hidden copy.
try
    switch v.arcuate
        case 'labelled'
            dims = words(v.dims);
            n = arcuate.wire.group(11, {'name', 'dims', 'data', 'coords', 'attrs'}, ...
                {@() name(v.name), @() wordlist(dims), @() content(v.data, numel(dims), depth + 1), ...
                @() variables(v.coords, depth + 1), @() plain(v.attrs, depth + 1)});
        case 'dataset'
            n = arcuate.wire.group(12, {'vars', 'coords', 'attrs'}, {@() variables(v.vars, depth + 1), ...
                @() variables(v.coords, depth + 1), @() plain(v.attrs, depth + 1)});
        case 'table'
            n = tabular(v, depth);
        case 'categorical'
            n = category(v, nd, depth);
        case {'datetime', 'date', 'duration'}
            n = moments(v, nd);
        case 'masked'
            if isempty(nd)
                n = masked(v.data, v.mask, ndims(v.data), v.shape, true);
            else
                n = masked(v.data, v.mask, nd, [], true);
            end
        case 'sparse' % what the class cannot hold: stored zeros, a place that stands twice
            n = entries(v);
        case 'missing'
            n = arcuate.wire.node(7, 'dtype', arcuate.wire.dtypes(v.type));
        case 'texts' % a plain list of texts, made by ARCUATE.VARIABLES
            n = wordlist(v.data);
        case 'mapping'
            n = pairs(v, depth, @(x, d) arcuate.wire.encode(x, d));
        otherwise
            n = plain(v, depth);
    end
catch err
    if strncmp(err.identifier, 'Arcuate:', 8)
        rethrow(err);
    end
    k = find(err.message == char(1), 1);
    if isempty(k)
        k = 0;
    end
    text = sprintf(['%sa struct whose field ''arcuate'' is ''%s'' cannot be read as one: %s; repair its ' ...
        'fields, or remove the field ''arcuate'''], err.message(1:k), v.arcuate, err.message(k+1:end));
    error(struct('identifier', 'Arcuate:conversion', 'message', text));
end
end

function n = entries(v)
x = v.data(:); at = double([v.rows(:), v.columns(:)]); shape = double(v.shape(:).');
k = size(at, 1);
if numel(shape) ~= 2 || k ~= numel(x) || any(at(:) ~= fix(at(:)) | at(:) < 0) || any(at(:,1) >= shape(1) | at(:,2) >= shape(2))
    error('Arcuate:conversion', ['the %d entries of a sparse matrix of size %s need a row and a column each, which ' ...
        'count from 0 and are below that size'], numel(x), mat2str(shape));
elseif ~isfloat(x) && ~islogical(x) || any(arcuate.wire.gone(x))
    error('Arcuate:conversion', ['the entries of a sparse matrix are of class %s or hold NA; allowed are double, ' ...
        'single and logical without NA'], class(x));
end
dtype = 12 - isa(x, 'single');
if islogical(x)
    x = uint8(x); dtype = 1;
elseif ~isreal(x)
    x = [real(x).'; imag(x).']; dtype = dtype + 2;
end
cls = 'int32'; flags = 0;
if any([shape, k] > 2147483647)
    cls = 'int64'; flags = 1;
end
n = arcuate.wire.node(18, 'value', uint64(k), 'dtype', dtype, 'flags', flags, 'unit', 2, 'pool', shape, ...
    'buffers', {x, feval(cls, at(:,1)), feval(cls, at(:,2))});
end

function n = pairs(v, depth, part)
% A mapping whose keys cannot be names of fields.
parts = cell(1, numel(v.keys));
for j = 1:numel(parts)
    x = v.values{j};
    parts{j} = @() part(x, depth + 1);
end
n = arcuate.wire.group(9, v.keys, parts);
end

function n = plain(v, depth)
% Any value; a struct with an unknown mark is a mapping here.
if isstruct(v) && isscalar(v) && isfield(v, 'arcuate')
    if strcmp(v.arcuate, 'mapping')
        n = pairs(v, depth, @(x, d) arcuate.wire.encode(x, d));
        return
    end
    keys = fieldnames(v);
    parts = cell(1, numel(keys));
    for j = 1:numel(keys)
        x = v.(keys{j});
        parts{j} = @() arcuate.wire.encode(x, depth + 1);
    end
    n = arcuate.wire.group(9, keys, parts);
elseif isempty(v) && isa(v, 'double')
    n = arcuate.wire.node(9);
else
    n = arcuate.wire.encode(v, depth);
end
end

function c = words(c)
if ischar(c) && ~isempty(c)
    c = cellstr(c);
elseif isempty(c)
    c = {};
elseif isa(c, 'string')
    c = cellstr(c);
end
if ~iscellstr(c)
    error('Arcuate:conversion', 'dims is of class %s; a cell of texts is needed, one per dimension', class(c));
end
end

function n = name(v)
if ~ischar(v) && isempty(v)
    n = arcuate.wire.node(0);
else
    n = arcuate.wire.encode(v);
end
end

function n = wordlist(c)
% A list of texts, where an empty matrix stands for null.
parts = cell(1, numel(c));
for j = 1:numel(c)
    x = c{j};
    parts{j} = @() name(x);
end
n = arcuate.wire.group(8, {}, parts);
end

function n = masked(v, mask, nd, shape, always)
% ALWAYS: the mask is sent also where nothing is missing, since having one is part of the type.
if ~always && (isempty(mask) || ~any(mask(:)))
    n = arcuate.wire.array(v, nd, shape);
    return
end
mask = logical(mask);
if numel(mask) ~= numel(v)
    error('Arcuate:conversion', 'a mask of %d elements stands beside %d values; both need the same size', numel(mask), numel(v));
end
if iscell(v) % under the mask a text is empty
    v(mask) = {''};
elseif isreal(v)
    v(mask) = 0;
else % an assignment makes it real where it has no imaginary parts
    x = real(v); y = imag(v);
    x(mask) = 0; y(mask) = 0;
    v = complex(x, y);
end
n = arcuate.wire.array(v, nd, shape);
n.B = {n.B{1}, uint8(mask)};
n.R(7) = bitor(n.R(7), uint64(1));
end

function n = content(v, nd, depth)
% What stands in a labelled array, a variable, a column: an array of ND dimensions, or a list.
if isstruct(v) && isscalar(v) && isfield(v, 'arcuate')
    if strcmp(v.arcuate, 'list')
        parts = cell(1, numel(v.data));
        for j = 1:numel(parts)
            x = v.data{j};
            parts{j} = @() arcuate.wire.encode(x, depth + 1);
        end
        n = arcuate.wire.group(8, {}, parts);
    else
        n = arcuate.wire.marked(v, depth, nd);
    end
    return
end
if ischar(v) % not by CELLSTR, which takes blanks away
    v = reshape(mat2cell(v, ones(1, size(v, 1)), size(v, 2)), [], 1);
end
if iscell(v)
    n = [];
    if iscellstr(v)
        n = arcuate.wire.array(v, nd);
    end
    if isempty(n)
        n = arcuate.wire.encode(reshape(v, 1, []), depth);
    end
elseif isnumeric(v) || islogical(v)
    n = arcuate.wire.array(v, nd);
elseif isa(v, 'string') || isa(v, 'datetime') || isa(v, 'duration') || isa(v, 'categorical')
    n = arcuate.wire.modern(v, depth, nd);
else
    error('Arcuate:conversion', 'a %s cannot be the data of a labelled array or a column; use numbers, logicals or a cell of texts', class(v));
end
end

function n = variables(s, depth)
% A mapping of names to variables.
if isempty(s)
    n = arcuate.wire.node(9);
    return
end
if isfield(s, 'arcuate') && ischar(s.arcuate)
    n = pairs(s, depth, @variable);
    return
end
keys = fieldnames(s);
parts = cell(1, numel(keys));
for j = 1:numel(keys)
    x = s.(keys{j});
    parts{j} = @() variable(x, depth + 1);
end
n = arcuate.wire.group(9, keys, parts);
end

function n = variable(v, depth)
dims = words(v.dims);
n = arcuate.wire.group(9, {'dims', 'data', 'attrs'}, {@() wordlist(dims), ...
    @() content(v.data, numel(dims), depth + 1), @() plain(v.attrs, depth + 1)});
end

function n = category(v, nd, depth)
codes = v.codes;
if isfloat(codes)
    codes = int32(codes);
end
gone = codes < 0;
if isempty(nd)
    nd = 1;
    if ~isvector(codes) && ~isempty(codes)
        nd = ndims(codes);
    end
end
codes(gone) = 0;
c = v.categories;
if isstruct(c)
    if isfield(c, 'data')
        c = c.data;
    else
        c = c.value;
    end
end
if any(double(codes(~gone)) >= numel(c))
    error('Arcuate:conversion', 'a categorical has the code %d but only %d categories; codes count from 0', max(double(codes(:))), numel(c));
end
n = arcuate.wire.group(14, {'codes', 'categories'}, {@() masked(codes, gone, nd, [], false), ...
    @() content(v.categories, 1, depth + 1)}, 'flags', double(logical(v.ordered)));
end

function n = moments(v, nd)
k = find(strcmp(v.arcuate, {'datetime', 'date', 'duration'}));
unit = 0;
if k ~= 2
    unit = arcuate.wire.units(v.unit);
end
x = v.value;
if isfloat(x) && any(x(:) ~= fix(x(:)))
    error('Arcuate:conversion', 'the value of a %s counts whole units (''%s''), but it holds a fraction; choose a finer unit', v.arcuate, v.unit);
end
zone = arcuate.wire.utf8(v.zone);
if ischar(v.scalar) && isscalar(x) && isempty(nd)
    hints = find(strcmp(v.scalar, {'python', 'numpy', 'pandas'})) - 1;
    n = arcuate.wire.node(14 + k, 'value', typecast(int64(x), 'uint64'), 'flags', hints, 'unit', unit, 'text', zone);
    return
end
if k == 2
    x = int32(x);
else
    x = int64(x);
end
shape = [];
if isempty(nd)
    shape = v.shape; nd = ndims(x);
    if isempty(shape) && isscalar(x) && islogical(v.scalar)
        nd = 0;
    end
end
n = masked(x, v.missing, nd, shape, false);
n.R(4) = numel(zone); n.R(6) = 15 + k; n.R(8) = unit;
n.T = zone;
end

function n = tabular(v, depth)
cols = v.columns;
if isstruct(cols) && isfield(cols, 'arcuate') && ischar(cols.arcuate)
    keys = cols.keys(:); values = cols.values(:);
else
    keys = fieldnames(cols); values = struct2cell(cols);
end
counts = cellfun(@count, values).';
rows = v.rows;
if ~isempty(counts)
    rows = counts(1);
    if any(counts ~= rows)
        error('Arcuate:conversion', 'the columns of a table have %s rows; all need the same number', mat2str(counts));
    end
end
hints = {};
if isfield(v, 'nullable')
    hints = v.nullable;
end
parts = cell(1, numel(keys));
for j = 1:numel(keys)
    x = values{j}; hint = any(strcmp(keys{j}, hints));
    parts{j} = @() hinted(hint, content(x, 1, depth + 1));
end
n = arcuate.wire.group(13, {'columns', 'index', 'attrs'}, {@() arcuate.wire.group(9, keys, parts), ...
    @() index_of(v.index, rows, depth + 1), @() plain(v.attrs, depth + 1)}, 'value', uint64(rows), ...
    'text', arcuate.wire.utf8(v.container));
end

function n = hinted(hint, n)
if hint && n.R(5,1) == 10
    n.R(7,1) = bitor(n.R(7,1), uint64(32));
end
end

function n = index_of(s, rows, depth)
if isempty(s)
    n = arcuate.wire.node(0);
    return
end
if any(cellfun(@count, s.levels) ~= rows)
    error('Arcuate:conversion', 'the index of a table has %s rows, the table %d; change both, or set index to [] for 0..rows-1', mat2str(cellfun(@count, s.levels)), rows);
end
names = s.names;
if ~iscell(names)
    names = {names};
end
parts = cell(1, numel(s.levels));
for j = 1:numel(parts)
    x = s.levels{j};
    parts{j} = @() content(x, 1, depth + 1);
end
n = arcuate.wire.group(9, {'names', 'levels'}, {@() wordlist(names), @() arcuate.wire.group(8, {}, parts)});
end

function n = count(c)
if isstruct(c) && isfield(c, 'arcuate')
    switch c.arcuate
        case 'categorical'
            n = numel(c.codes);
        case {'masked', 'list'}
            n = numel(c.data);
        otherwise
            n = numel(c.value);
    end
elseif ischar(c)
    n = size(c, 1);
else
    n = numel(c);
end
end
