function t = octave()
%OCTAVE Whether values follow Octave's rules: NA in doubles, fields of any name.
%   Never here: this is MATLAB, also where Octave stands in for it.
t = false;
end
