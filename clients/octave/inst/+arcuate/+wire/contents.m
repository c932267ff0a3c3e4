function contents(f)
%CONTENTS Verifies what the buffers of a frame hold: truth values, masks, texts, codes, indices and pointers.
%   F: of ARCUATE.WIRE.TABLES, past ARCUATE.WIRE.CHECK, with all buffers in the cell F.given.
held = (f.kind == 6) + (f.kind == 10).*(1 + bitand(f.flags, 1)) + 3*(f.kind == 18);
buffer = cumsum(held) - held;
for i = find(f.kind == 10 | f.kind == 18 | f.kind == 14).'
    x = {}; d = f.dtype(i);
    if held(i)
        x = f.given(buffer(i)+1:buffer(i)+held(i));
        bad(f, i, d == 1 && any(x{1} > 1), 'a truth value is neither 0 nor 1');
    end
    switch f.kind(i)
        case 10
            if d == 15
                texts(f, i, x{1}, elements(f, i));
            end
            bad(f, i, bitand(f.flags(i), 1) && any(x{end} > 1), 'a byte of the mask is neither 0 nor 1');
        case 14
            codes(f, i, buffer(i + 1), bitand(f.flags(i + 1), 1));
        case 18
            sparsely(f, i, x);
    end
end
end

function bad(f, at, wrong, text, varargin)
if wrong
    error('Arcuate:protocol', '%s\1malformed value of kind %d: %s', arcuate.wire.path_to(f, at), f.kind(at), ...
        sprintf(text, varargin{:}));
end
end

function n = elements(f, i)
% How many elements array I has.
at = used(f, i);
n = prod(double(typecast(f.pool(8*at+1:8*(at+f.count(i))), 'uint64')));
end

function texts(f, i, x, n)
if n == 0
    bad(f, i, ~isempty(x), 'bytes in an array of no elements');
    return
end
bad(f, i, isempty(x) || x(end) ~= 0, 'the last byte is no NUL');
bad(f, i, sum(x == 0) ~= n, '%d texts instead of %d', sum(x == 0), n);
bad(f, i, ~arcuate.wire.is_utf8(x), 'it is not UTF-8');
end

function codes(f, i, b, masked)
x = double(f.given{b+1});
if masked
    x = x(f.given{b+2} == 0);
end
categories = elements(f, i + 2);
bad(f, i, any(x(:) < 0 | x(:) >= categories), 'a code is not one of its %d categories', categories);
end

function sparsely(f, i, x)
n = used(f, i);
at = double(typecast(f.pool(8*n+1:8*n+16), 'uint64'));
rows = at(1); columns = at(2);
inner = rows;
if f.unit(i) == 1
    inner = columns;
end
r = double(x{2}); c = double(x{3});
bad(f, i, any(r < 0 | r >= inner), 'an index is not inside the matrix');
if f.unit(i) == 2
    bad(f, i, any(c < 0 | c >= columns), 'an index is not inside the matrix');
else
    bad(f, i, c(1) ~= 0 || c(end) ~= numel(r) || any(diff(c) < 0), 'its pointers do not go from 0 to %d', numel(r));
end
end

function n = used(f, i)
% How many pool numbers the nodes before node I use.
need = 2*(f.kind == 4) + f.count.*(f.kind == 10) + 2*(f.kind == 18);
for j = find(f.kind(1:i-1) == 8 & bitand(f.flags(1:i-1), 12) > 0).'
    at = sum(need(1:j-1));
    need(j) = 1 + double(typecast(f.pool(8*at+1:8*at+8), 'uint64'));
end
n = sum(need(1:i-1));
end
