function varargout = arcuate_engine (owner, folder)
  % arcuate_engine (owner, folder) prepares this Octave for an engine: MATLAB's rules, and the functions in `folder` instead of Octave's own.
  % value = arcuate_engine (what, text) asks the Python process that owns this Octave.
  persistent known = [];
  mlock ();   % "clear all" leaves it
  if (ischar (owner))
    if (isempty (known))
      error ('arcuate:engine', 'matlab.engine: this Octave was not started by arcuate.compat.matlab.engine');
    end
    varargout{1} = known (owner, folder);
    return;
  end
  known = owner;
  arcuate__matlab (true);
  arcuate__kept ({fileparts(mfilename ('fullpath')), folder});
  state = warning ('off', 'Octave:shadowed-function');
  addpath (folder);
  warning (state);
end
