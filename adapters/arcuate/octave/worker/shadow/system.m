function varargout = system (command, varargin)
  % Runs a shell command, as Octave's own system does; an interrupt that ends the command is reported as one.
  %
  % While system () waits, the C library ignores SIGINT in Octave itself, and only the shell gets it.
  if (nargin < 1)
    print_usage ('system');
  end
  async = numel (varargin) > 1 && ischar (varargin{2}) && ! strcmp (varargin{2}, 'sync');
  if (async || ! ischar (command) || ! isunix ())
    [varargout{1:nargout}] = builtin ('system', command, varargin{:});
    return;
  end
  quiet = numel (varargin) > 0 || nargout > 1;   % whether the output is returned
  varargout = {};
  if (quiet)
    [varargout{1:max (1, nargout)}] = builtin ('system', ["trap 'exit 130' INT\n" command], varargin{:});
  else
    varargout{1} = builtin ('system', ["trap 'exit 130' INT\n" command]);
  end
  if (varargout{1} == 130)
    error ('Arcuate:interrupted', 'system: the command was interrupted');
  end
  varargout = varargout(1:max (nargout, 0));
end
