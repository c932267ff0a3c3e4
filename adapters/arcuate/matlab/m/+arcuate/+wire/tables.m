function f = tables(data)
%TABLES The tables of a frame as columns: what ARCUATE.WIRE.DECODE walks over.
%   F = ARCUATE.WIRE.TABLES(DATA) reads the uint8 column DATA, of which it needs the first F.head bytes.
u = double(typecast(data(1:64), 'uint32'));
if u(1) ~= 1430475329 || mod(u(2), 65536) ~= 1
    error('Arcuate:protocol', 'malformed frame: it does not begin as one of version 1');
end
n = u(5); m = u(6); p = u(7) + 4294967296*u(8); t = u(9) + 4294967296*u(10);
w = 64 + 8*n; q = w + 8*p + 16*m;
f.head = u(11);
f.bits = data(65:w);
f.num = typecast(f.bits, 'double');
c = reshape(double(typecast(data(q+1:q+12*n), 'uint32')), n, 3);
k = reshape(double(data(q+12*n+1:q+16*n)), n, 4);
f.count = c(:,1); f.klen = c(:,2); f.tlen = c(:,3);
f.kind = k(:,1); f.dtype = k(:,2); f.flags = k(:,3); f.unit = k(:,4);
f.text = data(q+16*n+1:q+16*n+t).';
f.from = cumsum(c(:,2) + c(:,3)) - c(:,2) - c(:,3);
f.pool = data(w+1:w+8*p);
b = zeros(0, 2);
if m
    b = double(reshape(typecast(data(w+8*p+1:q), 'uint64'), m, 2));
end
f.blen = b(:,1); f.bloc = b(:,2);
f.prefix = ''; f.given = {};
end
