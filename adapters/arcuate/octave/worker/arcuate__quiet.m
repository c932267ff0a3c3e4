function arcuate__quiet ()
  % At exit: keeps Octave's own "ignoring const execution_exception&" from the user.
  fflush (stdout); fflush (stderr);
  dup2 (fopen ('/dev/null', 'w'), 2);
end
