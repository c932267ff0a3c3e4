function n = bytes(x)
%BYTES How many bytes the elements of a numeric array take.
n = numel(x)*arcuate.wire.width(class(x));
end
