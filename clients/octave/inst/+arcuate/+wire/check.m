function classes = check(f, limits)
%CHECK Verifies the tables of a frame that comes from outside, before anything is allocated for its buffers.
%   CLASSES = ARCUATE.WIRE.CHECK(F, LIMITS) raises an error whose message ends with the path of what is
%   malformed, or returns the class of each buffer's elements. F: see ARCUATE.WIRE.TABLES. What a buffer
%   holds is checked by ARCUATE.WIRE.CONTENTS.
n = numel(f.kind);
texts(f);
k = find(f.kind > 20, 1);
if ~isempty(k)
    error('Arcuate:unsupported', ['%s\1this side does not know the kind %d of value; it knows 0 to 20; update ' ...
        'it, or send another kind'], arcuate.wire.path_to(f, k), f.kind(k));
end
inside = f.count.*(f.kind ~= 10);
below = [-1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 5 3 3 2 -1 -1 -1 -1 -1 1]; % children that a kind has, -1: see elsewhere
want = below(f.kind + 1).';
bad(f, want >= 0 & inside ~= want, 'another number of children than the kind has');
leaf = any(f.kind == [0:7, 15:18], 2);
bad(f, (leaf | (f.kind == 19 & f.count > 1)) & f.count ~= 0, 'a count, which this kind does not use');
left = 1 + cumsum(inside - 1);
if any(left(1:end-1) < 1) || left(end) ~= 0
    error('Arcuate:protocol', 'malformed value: %d nodes, but the counts ask for others', n);
end
[parent, depth] = tree(inside, limits);
keys(f, parent);
leaves(f);
[pool, buffer] = cursors(f);
classes = arrays(f, pool, buffer, limits);
if any(f.kind >= 8)
    arcuate.wire.check_parts(f, parent, pool);
end
deep = find(depth > limits.depth + limits.levels, 1); % a message adds levels of its own
if ~isempty(deep)
    error('Arcuate:conversion', ['%s\1the value nests deeper than %d levels; flatten it, or send the parts ' ...
        'one by one'], arcuate.wire.path_to(f, deep), limits.depth);
end
end

function bad(f, mask, text, varargin)
% Complains about the first node of a mask.
if any(mask)
    k = find(mask, 1);
    error('Arcuate:protocol', '%s\1malformed value of kind %d: %s', arcuate.wire.path_to(f, k), f.kind(k), ...
        sprintf(text, varargin{:}));
end
end

function texts(f)
% Keys and texts: UTF-8 each, and no longer than what there is of them.
sizes = f.klen + f.tlen;
if sum(sizes) ~= numel(f.text)
    error('Arcuate:protocol', 'malformed frame: %d bytes of text, but the nodes use %d', numel(f.text), sum(sizes));
end
if any(f.text > 127)
    starts = [f.from(f.klen > 0); f.from(f.tlen > 0) + f.klen(f.tlen > 0)] + 1;
    if ~arcuate.wire.is_utf8(f.text) || any(f.text(starts) >= 128 & f.text(starts) < 192)
        error('Arcuate:protocol', 'malformed frame: a text is not UTF-8');
    end
end
zero = find(f.text == 0);
if ~isempty(zero)
    ends = f.from + sizes;
    names = f.kind == 8 & bitand(f.flags, 8) > 0; % the names of fields end with one each
    for z = zero
        k = find(ends >= z & sizes > 0, 1);
        bad(f, ((1:numel(ends)).' == k) & ~(names & z > f.from + f.klen), 'a text holds a NUL');
    end
end
end

function [parent, depth] = tree(inside, limits)
% The parent and the depth of each node; the counts are known to make one tree.
n = numel(inside);
parent = zeros(n, 1); depth = zeros(n, 1);
groups = find(inside).';
left = zeros(1, 0); above = zeros(1, 0); at = 1;
for g = [groups, n + 1]
    while at < g % a run of nodes without children
        if isempty(left)
            at = at + 1;
            continue
        end
        k = min(g - at, left(end));
        parent(at:at+k-1) = above(end); depth(at:at+k-1) = numel(above);
        left(end) = left(end) - k; at = at + k;
        [left, above] = done(left, above);
    end
    if g <= n
        if ~isempty(left)
            parent(g) = above(end); depth(g) = numel(above);
            left(end) = left(end) - 1;
        end
        left(end+1) = inside(g); above(end+1) = g; %#ok<AGROW>
        at = g + 1;
        if numel(above) > limits.depth + 1000 % far deeper than what is told about with its path
            error('Arcuate:conversion', 'the value nests deeper than %d levels; flatten it', limits.depth);
        end
    end
end
end

function [left, above] = done(left, above)
while ~isempty(left) && left(end) == 0
    left(end) = []; above(end) = [];
end
end

function keys(f, parent)
% Keys where they belong, none twice in a mapping.
if f.klen(1)
    error('Arcuate:protocol', 'malformed value: its root has a key');
end
above = [0; f.kind(parent(2:end))];
bad(f, above == 8 & f.klen > 0, 'the element of a list has a key');
names = {'name', 'dims', 'data', 'coords', 'attrs'};
fixed = {11, names; 12, {'vars', 'coords', 'attrs'}; 13, {'columns', 'index', 'attrs'}; ...
    14, {'codes', 'categories'}; 19, {'info'}; 20, {'info'}};
for j = find(ismember([fixed{:,1}], f.kind))
    for own = find(f.kind == fixed{j,1}).'
        own_keys(f, find(parent == own).', fixed{j,2});
    end
end
many = find(f.kind == 9 & f.count > 1).';
for own = many
    c = find(parent == own).';
    sizes = f.klen(c);
    for s = unique(sizes(:)).' % keys of one length are rows of a matrix
        same = c(sizes == s);
        if numel(same) > 1
            rows = f.text(reshape(f.from(same), [], 1) + (1:s));
            rows = reshape(rows, numel(same), s);
            if s == 0 || size(unique(rows, 'rows'), 1) < numel(same)
                bad(f, (1:numel(f.kind)).' == same(end), 'a key occurs twice in a mapping');
            end
        end
    end
end
end

function own_keys(f, c, names)
for j = 1:numel(c)
    key = char(f.text(f.from(c(j))+1:f.from(c(j))+f.klen(c(j))));
    bad(f, (1:numel(f.kind)).' == c(j) & ~strcmp(key, names{j}), 'the key is ''%s'' where ''%s'' belongs', key, names{j});
end
end

function leaves(f)
% What scalars hold, and that nothing else is set.
k = f.kind; d = f.dtype; u = f.unit;
zero = arcuate.wire.zero_bits(f.bits);
bad(f, any(k == [0 4 5 6 7 8 9 10 11 12 14 19 20], 2) & ~zero, 'a value, which this kind does not use');
bad(f, any(k == [0 5 6 8 9 11 12 13 14 15 16 17 19 20], 2) & d > 0, 'a dtype, which this kind does not use');
timed = any(k == [15 17], 2) | (any(k == [7 10], 2) & any(d == [16 18], 2));
bad(f, ~timed & k ~= 18 & u > 0, 'a unit, which this kind does not use');
bad(f, (any(k == [15 17], 2) | (k == 10 & any(d == [16 18], 2))) & (u < 1 | u > 13), 'the unit is none');
bad(f, u > 13, 'the unit is none');
bad(f, any(k == [0:4, 6 7 9 11 12 14 16 17 18], 2) & f.tlen > 0, 'a text, which this kind does not use');
bad(f, k == 8 & bitand(f.flags, 8) == 0 & f.tlen > 0, 'a text, which only a struct array has');
bad(f, any(k == [19 20], 2) & f.tlen == 0, 'no id');
low = reshape(f.bits(1:8:end), [], 1);
rest = arcuate.wire.zero_bits(f.bits - repmat(uint8([255 0 0 0 0 0 0 0]).', numel(k), 1));
bad(f, k == 1 & (d > 1 | low > 1 | ~rest), 'neither 0 nor 1, or no dtype of a bool');
bad(f, k == 7 & d > 18, 'an unknown dtype');
bad(f, k == 2 & (d == 1 | d > 9 | (d > 0 & bitand(f.flags, 1) > 0)), 'no dtype of an integer');
whole = (k == 2 & d > 1 & d < 9 & d ~= 5) | k == 16;
if any(whole)
    x = typecast(f.bits, 'int64'); x = reshape(x, [], 1);
    least = [0 0 -128 -32768 -2147483648 0 0 0 0]; most = [0 0 127 32767 2147483647 0 255 65535 4294967295];
    j = find(whole); e = d(j) + 1; e(k(j) == 16) = 5;
    out = x(j) < reshape(least(e), [], 1) | x(j) > reshape(most(e), [], 1);
    bad(f, marked(numel(k), j(out)), 'the number does not fit its class');
end
bad(f, k == 3 & ~any(d == [0 10 11 12], 2), 'no dtype of a float');
j = find(k == 3 & (d == 10 | d == 11));
out = false(size(j));
for i = 1:numel(j)
    out(i) = ~arcuate.wire.fits(f.num(j(i)), d(j(i)));
end
bad(f, marked(numel(k), j(out)), 'the number does not fit its class');
bad(f, k == 4 & ~any(d == [0 13 14], 2), 'no dtype of a complex number');
for j = find(k == 15 & f.tlen > 0 | k == 10 & d == 16 & f.tlen > 0).'
    a = f.from(j) + f.klen(j);
    zone = char(f.text(a+1:a+f.tlen(j)));
    if isempty(regexp(zone, '^(?!/)(?!.*\.\.)[A-Za-z0-9_+\-/:.,<>()]{1,128}$', 'once'))
        bad(f, marked(numel(k), j), 'no name of a time zone');
    end
end
bad(f, k == 10 & d ~= 16 & f.tlen > 0, 'a text, which this dtype does not use');
end

function m = marked(n, at)
m = false(n, 1);
m(at) = true;
end

function [pool, buffer] = cursors(f)
% Where each node's pool numbers and buffers begin.
need = 2*(f.kind == 4) + f.count.*(f.kind == 10) + 2*(f.kind == 18);
held = (f.kind == 6) + (f.kind == 10).*(1 + bitand(f.flags, 1)) + 3*(f.kind == 18);
total = numel(f.pool)/8;
for i = find(f.kind == 8 & bitand(f.flags, 12) > 0).'
    at = sum(need(1:i-1));
    if at >= total
        bad(f, marked(numel(need), i), 'the pool holds %d numbers, more are asked for', total);
    end
    nd = double(typecast(f.pool(8*at+1:8*at+8), 'uint64'));
    if nd > 64
        error('Arcuate:conversion', '%s\1a list of %d dimensions; 64 are the most', arcuate.wire.path_to(f, i), nd);
    end
    need(i) = 1 + nd;
end
if sum(need) ~= total || sum(held) ~= numel(f.blen)
    error('Arcuate:protocol', ['malformed value: %d pool numbers and %d buffers, but the nodes ask for %d ' ...
        'and %d'], total, numel(f.blen), sum(need), sum(held));
end
pool = cumsum(need) - need; buffer = cumsum(held) - held;
end

function classes = arrays(f, pool, buffer, limits)
% The sizes of arrays, sparse matrices and shaped lists.
classes = repmat({'uint8'}, 1, numel(f.blen));
big = find(f.blen > limits.array, 1);
if ~isempty(big)
    error('Arcuate:limit:array', ['an array of %d bytes exceeds the limit of %d bytes; raise the limit ''array'' ' ...
        'of arcuate.open'], f.blen(big), limits.array);
end
names = {'uint8', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'uint16', ...
    'single', 'double', 'single', 'double', 'uint8', 'int64', 'int32', 'int64'};
width = [1 1 2 4 8 1 2 4 8 2 4 8 8 16 0 8 4 8];
for i = find(any(f.kind == [4 8 10 18], 2)).'
    me = marked(numel(f.kind), i); d = f.dtype(i); b = buffer(i);
    switch f.kind(i)
        case 4
            if d == 13
                x = typecast(f.pool(8*pool(i)+1:8*pool(i)+16), 'double');
                bad(f, me & ~(arcuate.wire.fits(x(1), 11) && arcuate.wire.fits(x(2), 11)), 'the number does not fit its class');
            end
        case 8
            bad(f, me & bitand(f.flags(i), 12) == 8, 'a struct array without a shape');
            if bitand(f.flags(i), 4)
                s = shape(f, i, pool(i) + 1, double(typecast(f.pool(8*pool(i)+1:8*pool(i)+8), 'uint64')), 1);
                bad(f, me & prod(s) ~= f.count(i), '%d elements do not fill its shape', f.count(i));
            end
        case 10
            bad(f, me & (d < 1 | d > 18), 'an unknown dtype');
            if f.count(i) > 64
                error('Arcuate:conversion', '%s\1an array of %d dimensions; 64 are the most; reshape it', ...
                    arcuate.wire.path_to(f, i), f.count(i));
            end
            s = shape(f, i, pool(i), f.count(i), width(d));
            fl = f.flags(i);
            bad(f, me & bitand(fl, 4) > 0 & (f.count(i) ~= 1 | ~any(d == [1 5 12 14 15])), 'no sequence');
            bad(f, me & bitand(fl, 12) == 8, 'a tuple that is no sequence');
            sized(f, me, b + 1, prod(s)*width(d), d == 15);
            bad(f, me & d == 15 & f.blen(b+1) < prod(s), 'fewer bytes than texts');
            classes{b+1} = names{d};
            if bitand(fl, 1)
                sized(f, me, b + 2, prod(s), false);
            end
        case 18
            bad(f, me & (d < 1 | d > 14 | d == 10 | f.unit(i) > 2), 'no form of a sparse matrix');
            s = shape(f, i, pool(i), 2, 1);
            stored = double(typecast(f.bits(8*i-7:8*i), 'uint64'));
            wide = 4 + 4*bitand(f.flags(i), 1);
            sized(f, me, b + 1, stored*width(d), false);
            sized(f, me, b + 2, stored*wide, false);
            outer = [s(2) + 1, s(1) + 1, stored];
            sized(f, me, b + 3, outer(f.unit(i) + 1)*wide, false);
            kinds = {'int32', 'int64'};
            classes(b+1:b+3) = [names(d), kinds(wide/4), kinds(wide/4)];
    end
end
end

function s = shape(f, i, at, nd, width)
s = double(typecast(f.pool(8*at+1:8*(at+nd)), 'uint64')).';
s = reshape(s, 1, []);
if prod(max(s, 1))*max(width, 1) > 9.2e18
    bad(f, marked(numel(f.kind), i), 'its shape is larger than any memory');
end
end

function sized(f, me, b, size, free)
bad(f, me & ~free & f.blen(b) ~= size, '%.0f bytes in a buffer instead of %.0f', f.blen(b), size);
end
