function ok = arcuate__direct (name)
  % Whether a function may be called without the base workspace as its caller: Octave's own, except those that look at their caller's variables
  % and those that draw.  Such a call takes a third of the time.
  persistent special = {'assignin', 'builtin', 'clc', 'clear', 'clearvars', 'clearall', 'dbstack', 'dbstop', 'diary', 'display', 'eval', 'evalc', 'evalin', ...
    'exist', 'feval', 'inputname', 'isargout', 'isglobal', 'isvariable', 'load', 'ls', 'mlock', 'munlock', 'mislocked', 'mfilename', 'nargchk', ...
    'nargin', 'nargout', 'narginchk', 'nargoutchk', 'onCleanup', 'print_usage', 'return', 'run', 'save', 'source', 'str2func', 'cellfun', 'arrayfun', ...
    'structfun', 'test', 'validatestring', 'warning', 'error', 'which', 'who', 'whos', 'who_line_format', 'what', 'inputParser', 'whos_line_format', ...
    '__run_history__', 'run_history', 'publish', 'profile', 'pkg', 'rethrow', 'lasterror', 'set', 'get', 'figure', 'exit', 'quit', 'fclose', 'input'};
  mlock ();
  ok = false;
  if (any (strcmp (name, special)) || ! isvarname (name))
    return;
  end
  switch (exist (name))
    case 5
      ok = true;
    case 2
      file = file_in_loadpath ([name '.m']);
      home = fullfile (OCTAVE_HOME (), 'share', 'octave');
      ok = ischar (file) && strncmp (file, home, numel (home)) && isempty (regexp (file, '/(plot|gui|pkg|testfun|prefs|audio|image|java|web|help|miscellaneous|profiler|path)/'));
  end
end
