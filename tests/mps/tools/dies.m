function dies ()
  % DIES  Ends the interpreter.
  kill (getpid (), 9);
end
