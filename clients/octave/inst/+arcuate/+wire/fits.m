function ok = fits(x, dtype)
%FITS Whether a class of floats (10: binary16, 11: binary32) holds a number exactly.
if dtype == 11
    ok = ~(abs(double(single(x)) - x) > 0) && (isinf(x) || ~isinf(single(x)));
elseif isnan(x) || isinf(x) || x == 0
    ok = true;
else
    [~, e] = log2(abs(x));
    step = max(e - 11, -24);
    ok = abs(x) < 65520 && x/2^step == fix(x/2^step);
end
end
