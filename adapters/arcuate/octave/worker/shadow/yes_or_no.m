function varargout = yes_or_no (varargin)
  % -*- texinfo -*-
  % @deftypefn {} {} yes_or_no (@dots{})
  % Not available: nobody sits at this Octave's terminal.
  % @end deftypefn
  error ('Arcuate:noInput', 'yes_or_no: this Octave runs without a terminal, so nobody can answer; pass the value as an argument instead');
end
