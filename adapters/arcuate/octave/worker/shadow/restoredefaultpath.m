function varargout = restoredefaultpath (varargin)
  % Restores the load path of a fresh Octave, as Octave's own restoredefaultpath does; the worker's folders stay on it.
  folders = arcuate__kept ();   % now, since a function off the path is not found any more
  state = warning ('off', 'Octave:shadowed-function');
  unwind_protect
    [varargout{1:nargout}] = builtin ('restoredefaultpath', varargin{:});
    addpath (folders{:});
  unwind_protect_cleanup
    warning (state);
  end_unwind_protect
end
