function pause (varargin)
  % Pauses for n seconds. Without n it would wait for a key, which nobody can press here.
  if (nargin < 1 || isinf (varargin{1}))
    error ('Arcuate:noInput', 'pause: this Octave runs without a terminal, so no key can be pressed; use pause (seconds)');
  end
  builtin ('pause', varargin{:});
end
