function m = envelope(f)
%ENVELOPE What a message is, without reading its values: op, id and seq; F: of ARCUATE.WIRE.READ.
m = struct('op', '', 'id', -1, 'seq', 0, 'alive', false, 'f', f);
n = numel(f.kind);
if f.kind(1) ~= 9 || n < 3 || f.kind(2) ~= 5 || f.kind(3) ~= 2 || ~strcmp(word(f, 2, true), 'op') || ...
        ~strcmp(word(f, 3, true), 'id')
    error('Arcuate:protocol', 'a message without ''op'' and ''id''');
end
m.op = word(f, 2, false);
m.id = number(f, 3);
if f.kind(n) == 2 && strcmp(word(f, n, true), 'seq')
    m.seq = number(f, n);
end
m.alive = m.id == 0 && n > 3 && f.kind(4) == 5 && strcmp(word(f, 4, false), 'alive');
end

function s = word(f, i, key)
a = f.from(i); k = f.klen(i);
if ~key
    a = a + k; k = f.tlen(i);
end
s = char(f.text(a+1:a+k));
end

function x = number(f, i)
x = double(typecast(f.bits(8*i-7:8*i), 'int64'));
end
