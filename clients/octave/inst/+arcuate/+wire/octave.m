function t = octave()
%OCTAVE Whether values follow Octave's rules: NA in doubles, fields of any name, texts as UTF-8 bytes.
persistent known
if isempty(known)
    known = exist('OCTAVE_VERSION', 'builtin') ~= 0;
end
t = known;
end
