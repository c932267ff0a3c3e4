function p = pieces(n, outside)
%PIECES The bytes of a frame as a row of cells, so that large buffers are not copied together.
%   P = ARCUATE.WIRE.PIECES(N) takes nodes (see ARCUATE.WIRE.NODE). P{1} is a row of uint8 with all tables;
%   then come buffers, numeric arrays that are written as they are, and rows of zeros between them.
%   P = ARCUATE.WIRE.PIECES(N, OUTSIDE) leaves buffers from OUTSIDE bytes on out of the frame: they are numbered
%   from 1 in the order of the nodes, and P{1} is the whole frame, P{2} the first of them, and so on.
c = size(n.R, 2); k = numel(n.B);
sizes = zeros(1, k); places = zeros(1, k);
for j = 1:k
    sizes(j) = arcuate.wire.bytes(n.B{j});
end
if nargin > 1
    places(sizes >= outside) = 1:sum(sizes >= outside);
end
used = 64 + 24*c + 8*numel(n.P) + 16*k + numel(n.T);
head = 64*ceil(used/64);
total = head + sum(64*ceil(sizes/64).*(places == 0));
R = n.R;
tables = [typecast([R(1,:), n.P, uint64(sizes), uint64(places)], 'uint8'), ...
    typecast(uint32(reshape(R(2:4,:).', 1, [])), 'uint8'), uint8(reshape(R(5:8,:).', 1, [])), uint8(n.T), ...
    zeros(1, head - used, 'uint8')];
first = typecast(uint32([1430475329, 1, mod(total, 4294967296), floor(total/4294967296), c, k, numel(n.P), 0, ...
    numel(n.T), 0, head, 0, 1]), 'uint8');
last = zeros(1, 8, 'uint8');
sum32 = typecast(uint32(arcuate.wire.adler([first, last, tables])), 'uint8');
p = {[first, sum32, last, tables]};
if nargin > 1
    for j = find(places == 0 & sizes > 0)
        x = reshape(n.B{j}, 1, []);
        if ~isa(x, 'uint8')
            x = typecast(x, 'uint8');
        end
        p{1} = [p{1}, x, zeros(1, mod(-sizes(j), 64), 'uint8')];
    end
    p = [p, n.B(places > 0)];
    return
end
for j = find(sizes > 0)
    p{end+1} = n.B{j}; %#ok<AGROW>
    if mod(sizes(j), 64)
        p{end+1} = zeros(1, mod(-sizes(j), 64), 'uint8'); %#ok<AGROW>
    end
end
end
