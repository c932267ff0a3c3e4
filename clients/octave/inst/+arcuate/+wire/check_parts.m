function check_parts(f, parent, pool)
%CHECK_PARTS Verifies the kinds that are made of others: labelled arrays, datasets, tables, categoricals,
%   functions, handles and struct arrays. Part of ARCUATE.WIRE.CHECK, with whose tables it works.
for i = find(any(f.kind == [8, 11:14, 19, 20], 2)).'
    c = find(parent == i).';
    switch f.kind(i)
        case 8
            if bitand(f.flags(i), 8)
                struct_array(f, parent, i, c);
            end
        case 11
            bad(f, c(1), ~any(f.kind(c(1)) == [0 5]), 'the name is neither text nor null');
            sizes = dims_of(f, parent, pool, c(2), c(3), {}, [], false);
            variables(f, parent, pool, c(4), sizes{:}, true);
            mapping(f, c(5));
        case 12
            sizes = variables(f, parent, pool, c(1), {}, [], false);
            variables(f, parent, pool, c(2), sizes{:}, false);
            both = intersect(keys_of(f, find(parent == c(1)).'), keys_of(f, find(parent == c(2)).'));
            bad(f, i, ~isempty(both), 'a name is of a variable and of a coordinate');
            mapping(f, c(3));
        case 13
            table(f, parent, pool, i, c);
        case 14
            bad(f, c(1), f.kind(c(1)) ~= 10 || ~any(f.dtype(c(1)) == 2:5), 'the codes are no array of signed integers');
            bad(f, c(2), f.kind(c(2)) ~= 10 || f.count(c(2)) ~= 1, 'the categories are no array of one dimension');
        otherwise
            info(f, parent, c);
    end
end
end

function bad(f, at, wrong, text, varargin)
if wrong
    error('Arcuate:protocol', '%s\1malformed value of kind %d: %s', arcuate.wire.path_to(f, at), f.kind(at), ...
        sprintf(text, varargin{:}));
end
end

function k = keys_of(f, c)
k = cell(1, numel(c));
for j = 1:numel(c)
    k{j} = char(f.text(f.from(c(j))+1:f.from(c(j))+f.klen(c(j))));
end
end

function s = text_of(f, i)
a = f.from(i) + f.klen(i);
s = char(f.text(a+1:a+f.tlen(i)));
end

function mapping(f, at)
bad(f, at, f.kind(at) ~= 9, 'it is no mapping');
end

function names = texts(f, parent, at, null)
% The texts of a list; with NULL also nulls, as ''.
c = find(parent == at).';
bad(f, at, f.kind(at) ~= 8 || ~all(f.kind(c) == 5 | (null & f.kind(c) == 0)), 'it is no list of texts');
names = cell(1, numel(c));
for j = 1:numel(c)
    names{j} = text_of(f, c(j));
end
end

function s = extent(f, parent, pool, at)
% The shape of an array or categorical, whose codes have it.
bad(f, at, ~any(f.kind(at) == [10 14]), 'it is neither array nor categorical');
if f.kind(at) == 14
    at = at + 1; % its first child
end
s = zeros(1, 0);
if f.kind(at) == 10
    s = reshape(double(typecast(f.pool(8*pool(at)+1:8*(pool(at)+f.count(at))), 'uint64')), 1, []);
end
end

function sizes = dims_of(f, parent, pool, dims, data, known, extents, closed)
% Compares dimensions with the data. CLOSED: all of them have to be known already.
names = texts(f, parent, dims, false);
s = extent(f, parent, pool, data);
bad(f, dims, numel(names) ~= numel(s), '%d names for %d dimensions', numel(names), numel(s));
for j = 1:numel(names)
    k = find(strcmp(known, names{j}), 1);
    if isempty(k)
        bad(f, dims, closed, 'the array has no dimension ''%s''', names{j});
        known{end+1} = names{j}; extents(end+1) = s(j); %#ok<AGROW>
    else
        bad(f, dims, extents(k) ~= s(j), 'the dimension ''%s'' is %d and %d long', names{j}, extents(k), s(j));
    end
end
sizes = {known, extents};
end

function sizes = variables(f, parent, pool, at, known, extents, closed)
mapping(f, at);
sizes = {known, extents};
for v = find(parent == at).'
    c = find(parent == v).';
    bad(f, v, f.kind(v) ~= 9 || ~isequal(keys_of(f, c), {'dims', 'data', 'attrs'}), ...
        'a variable is no mapping of ''dims'', ''data'' and ''attrs''');
    sizes = dims_of(f, parent, pool, c(1), c(2), sizes{:}, closed);
    mapping(f, c(3));
end
end

function table(f, parent, pool, i, c)
rows = double(typecast(f.bits(8*i-7:8*i), 'uint64'));
bad(f, i, ~any(strcmp(text_of(f, i), {'', 'pandas', 'arrow'})), 'an unknown container');
mapping(f, c(1));
for j = find(parent == c(1)).'
    if f.kind(j) == 8
        n = f.count(j);
        if bitand(f.flags(j), 4)
            n = shape1(f, pool, j);
        end
    else
        n = extent(f, parent, pool, j);
        bad(f, j, isempty(n), 'a column without a dimension');
    end
    bad(f, j, n(1) ~= rows, '%d rows in a table of %d', n(1), rows);
end
if f.kind(c(2)) ~= 0
    d = find(parent == c(2)).';
    bad(f, c(2), f.kind(c(2)) ~= 9 || ~isequal(keys_of(f, d), {'names', 'levels'}), ...
        'the index is neither null nor a mapping of ''names'' and ''levels''');
    names = texts(f, parent, d(1), true);
    levels = find(parent == d(2)).';
    bad(f, d(2), f.kind(d(2)) ~= 8 || numel(levels) ~= numel(names), '%d names for %d levels', numel(names), numel(levels));
    for j = levels
        n = extent(f, parent, pool, j);
        bad(f, j, numel(n) ~= 1, 'a level of the index is no array of one dimension');
        bad(f, j, n(1) ~= rows, '%d rows in a table of %d', n(1), rows);
    end
end
mapping(f, c(3));
end

function n = shape1(f, pool, at)
a = 8*(pool(at) + 1);
n = 0;
if typecast(f.pool(a-7:a), 'uint64') > 0
    n = double(typecast(f.pool(a+1:a+8), 'uint64'));
end
end

function struct_array(f, parent, i, c)
raw = f.text(f.from(i)+f.klen(i)+1:f.from(i)+f.klen(i)+f.tlen(i));
ends = find(raw == 0);
bad(f, i, ~isempty(raw) && raw(end) ~= 0, 'a name of a field does not end');
names = cell(1, numel(ends)); from = 1;
for j = 1:numel(ends)
    names{j} = char(raw(from:ends(j)-1)); from = ends(j) + 1;
end
bad(f, i, numel(unique(names)) < numel(names), 'two fields of the struct array have the same name');
for j = c
    bad(f, j, f.kind(j) ~= 9 || ~isequal(keys_of(f, find(parent == j).'), names), ...
        'an element of a struct array has other fields than the array');
end
end

function info(f, parent, c)
kinds = struct('name', 5, 'class', 8, 'summary', 5, 'callable', 1, 'language', 5);
for i = c
    mapping(f, i);
    below = find(parent == i).';
    names = keys_of(f, below);
    for j = 1:numel(below)
        if isfield(kinds, names{j})
            bad(f, below(j), f.kind(below(j)) ~= kinds.(names{j}), '''%s'' of the info is of another kind', names{j});
            if strcmp(names{j}, 'class')
                texts(f, parent, below(j), false);
            end
        end
    end
end
end
