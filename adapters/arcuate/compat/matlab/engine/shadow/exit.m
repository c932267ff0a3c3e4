function varargout = exit (varargin)
  % -*- texinfo -*-
  % @deftypefn {} {} exit (@dots{})
  % Not available in an engine: the Python program that started it ends it.
  % @end deftypefn
  from = dbstack ();
  if (numel (from) > 1 && any (strcmp (from(2).name, {'arcuate__loop', 'arcuate__serve', 'arcuate__everyday', 'arcuate__channel'})))
    builtin ('exit', varargin{:});
  else
    error ('arcuate:engine:exit', 'exit: m-code cannot end this engine, its workspace is kept; call eng.quit () in Python');
  end
end
