function v = missing_in(dtype)
%MISSING_IN A missing value of a dtype code: Octave's NA where it has one, otherwise a struct.
if arcuate.wire.octave() && any(dtype == [11, 12, 14])
    v = NA;
    if dtype == 11
        v = single(NA);
    elseif dtype == 14
        v = complex(NA, 0);
    end
else
    v = struct('arcuate', 'missing', 'type', arcuate.wire.dtypes(dtype));
end
end
