function c = adler(bytes)
%ADLER The Adler-32 checksum of a row or column of bytes (RFC 1950).
a = 1; s = 0; step = 4194304; % the sums of so many bytes are exact in double
for from = 1:step:numel(bytes)
    x = double(bytes(from:min(from + step - 1, numel(bytes))));
    x = x(:); n = numel(x);
    s = mod(s + n*a + (n:-1:1)*x, 65521);
    a = mod(a + sum(x), 65521);
end
c = a + 65536*s;
end
