function varargout = keyboard (varargin)
  % -*- texinfo -*-
  % @deftypefn {} {} keyboard (@dots{})
  % Not available: nobody sits at this Octave's terminal.
  % @end deftypefn
  error ('Arcuate:noInput', 'keyboard: this Octave runs without a terminal, so nobody can answer; pass the value as an argument instead');
end
