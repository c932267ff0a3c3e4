function varargout = kbhit (varargin)
  % Not available: nobody sits at this Octave's terminal.
  error ('Arcuate:noInput', 'kbhit: this Octave runs without a terminal, so no key can be pressed; pass the value as an argument instead');
end
