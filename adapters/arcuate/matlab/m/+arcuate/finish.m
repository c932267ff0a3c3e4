function [reply, sizes] = finish(n)
%FINISH The frame of a message, or the sizes of the buffers that have to go elsewhere first.
sizes = cellfun(@arcuate.wire.bytes, n.B);
if any(sizes >= arcuate.state('threshold'))
    arcuate.state('pending', n);
    reply = zeros(1, 0, 'uint8');
    sizes = reshape(sizes, 1, []);
else
    reply = arcuate.wire.frame(n);
    sizes = zeros(1, 0);
end
end
