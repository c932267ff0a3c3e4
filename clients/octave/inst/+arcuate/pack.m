function bytes = pack(value)
%PACK A value as one frame (protos/frames.md), a row of uint8: for files, or for programs that have frames.
%   BYTES = ARCUATE.PACK(VALUE)
%
%   Example:
%     isequal(arcuate.unpack(arcuate.pack({1, 'two', int8(3)})), {1, 'two', int8(3)})
if arcuate.wire.octave()
    max_recursion_depth(2000, 'local'); % a value may nest 64 deep, with some functions for each level
end
try
    bytes = arcuate.wire.joined(arcuate.wire.pieces(arcuate.wire.encode(value)));
catch err
    arcuate.wire.translate(err, '$', 'no');
end
end
