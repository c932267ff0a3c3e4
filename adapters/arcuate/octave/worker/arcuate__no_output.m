function tf = arcuate__no_output (err)
  % Whether an error says that a function has no outputs, or is a script, so that nothing of it has run yet.
  mlock ();
  tf = (strcmp (err.identifier, 'Octave:invalid-fun-call') && ! isempty (regexp (err.message, 'called with too many outputs$'))
        || isempty (err.identifier) && strncmp (err.message, 'invalid call to script ', 23)) && numel (arcuate__frames (err)) < 2;
end
