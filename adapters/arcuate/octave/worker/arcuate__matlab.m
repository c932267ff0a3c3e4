function tf = arcuate__matlab (wanted)
  % Whether results follow MATLAB's rules where Octave's differ: a containers.Map is an object, not a value, and a function without outputs that is
  % asked for one fails before it runs.
  persistent rules = false;
  mlock ();
  if (nargin)
    rules = wanted;
  end
  tf = rules;
end
