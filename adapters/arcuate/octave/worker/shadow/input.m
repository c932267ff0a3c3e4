function varargout = input (varargin)
  % -*- texinfo -*-
  % @deftypefn {} {} input (@dots{})
  % Not available: nobody sits at this Octave's terminal.
  % @end deftypefn
  error ('Arcuate:noInput', 'input: this Octave runs without a terminal, so nobody can answer; pass the value as an argument instead');
end
