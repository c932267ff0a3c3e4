function b = frame(n, places)
%FRAME The bytes of a frame: nodes, and for each buffer its place (0: inside the frame).
c = size(n.R, 2); k = numel(n.B);
if nargin < 2
    places = zeros(1, k);
end
sizes = zeros(1, k); data = cell(1, k);
for j = 1:k
    sizes(j) = arcuate.wire.bytes(n.B{j});
    if places(j) == 0
        x = reshape(n.B{j}, 1, []);
        if ~isa(x, 'uint8')
            x = typecast(x, 'uint8');
        end
        data{j} = [x, zeros(1, mod(-sizes(j), 64), 'uint8')];
    end
end
used = 64 + 24*c + 8*numel(n.P) + 16*k + numel(n.T);
head = 64*ceil(used/64);
total = head + sum(64*ceil(sizes/64).*(places == 0));
R = n.R;
b = [typecast(uint32([1430475329, 1, mod(total, 4294967296), floor(total/4294967296), c, k, numel(n.P), 0, ...
    numel(n.T), 0, head, 0, 0, 0, 0, 0]), 'uint8'), ...
    typecast([R(1,:), n.P, uint64(sizes), uint64(places)], 'uint8'), ...
    typecast(uint32(reshape(R(2:4,:).', 1, [])), 'uint8'), uint8(reshape(R(5:8,:).', 1, [])), n.T, ...
    zeros(1, head - used, 'uint8'), data{:}];
end
