function b = utf8(s)
%UTF8 The UTF-8 bytes of a char row, as a row of uint8.
%   Text that has no such form, or holds a NUL, is refused.
if isempty(s)
    b = zeros(1, 0, 'uint8');
    return
end
x = double(s);
if any(x == 0)
    error('Arcuate:conversion', ['a text holds a NUL character, which ends a text in C and R; send ' ...
        'uint8(x) instead']);
end
if all(x < 128)
    b = uint8(x);
    return
end
try
    b = unicode2native(s, 'UTF-8');
    b = reshape(b, 1, []);
    ok = isequal(native2unicode(b, 'UTF-8'), s);
catch
    ok = false;
end
if ~ok
    error('Arcuate:conversion', 'a char row is no valid text (half a surrogate pair?); send double(x) instead');
end
end
