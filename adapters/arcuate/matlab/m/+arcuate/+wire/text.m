function s = text(bytes)
%TEXT A char row from a row of UTF-8 bytes.
if isempty(bytes)
    s = '';
elseif arcuate.wire.octave() || all(bytes < 128)
    s = char(bytes);
else
    s = native2unicode(bytes, 'UTF-8');
end
end
