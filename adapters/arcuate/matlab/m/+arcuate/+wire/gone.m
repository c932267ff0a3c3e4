function mask = gone(v)
%GONE Where the elements of a float array are Octave's NA; [] where that does not exist.
mask = [];
if arcuate.wire.octave() && isfloat(v) && isnan(sum(v(:))) % one pass tells whether there can be one
    mask = isna(full(v));
end
end
