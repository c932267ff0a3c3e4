function varargout = path (varargin)
  % Shows or sets the load path, as Octave's own path does; the worker's folders stay on it.
  folders = arcuate__kept ();   % now, since a function off the path is not found any more
  state = warning ('off', 'Octave:shadowed-function');
  unwind_protect
    [varargout{1:nargout}] = builtin ('path', varargin{:});
    if (nargin)
      addpath (folders{:});
    end
  unwind_protect_cleanup
    warning (state);
  end_unwind_protect
end
