function v = masked_in(v, mask, shape, dtype)
%MASKED_IN An array of which some elements are missing: Octave's NA where it has one, otherwise a struct.
%   NaN is not missing.
if arcuate.wire.octave() && any(dtype == [11, 12, 14])
    if isreal(v)
        v(mask) = NA;
    else % an assignment makes it real where it has no imaginary parts
        x = real(v); y = imag(v);
        x(mask) = NA; y(mask) = 0;
        v = complex(x, y);
    end
else
    s = struct('arcuate', 'masked', 'data', [], 'mask', mask, 'shape', shape);
    s.data = v;
    v = s;
end
end
