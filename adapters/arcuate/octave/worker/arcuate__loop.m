function arcuate__loop (helper = '')
  % Starts the worker, or starts it again after an interrupt: then the host writes this name on standard input (PROTOCOL.md, "Interrupts").
  %
  % helper: the file of the compiled helper, or '' to do without; only for the first start.
  %
  % SIGINT unwinds Octave to its prompt.  All state lives in locked functions and in the base workspace, so the next arcuate__loop goes on.
  % While the loop runs, standard input reads as an error and not as the pipe on which the host writes; at the prompt, standard output is
  % closed to Octave's own line feeds.
  persistent started null in out
  mlock ();
  if (isempty (started))
    null = fopen ('/dev/null', 'w');
    in = fopen ('/proc/self/fd/0', 'r');
    out = fopen ('/proc/self/fd/1', 'a');
    arcuate__setup ();
    arcuate__request (arcuate__channel ('open', [null, in, out], helper));
  else
    dup2 (out, 1);
  end
  dup2 (null, 0);
  unwind_protect
    if (! isempty (started))
      arcuate__channel ('finish');
      arcuate__send ('resumed', 0);
    end
    started = true;
    try
      arcuate__serve ();
    catch err   % a defect of the worker itself: the host must not wait for an answer
      fprintf (stderr, "Arcuate: %s\n", [err.message sprintf(' < %s', err.stack.name)]);
      fflush (stderr);
      exit (70);
    end
  unwind_protect_cleanup
    fflush (stdout);
    dup2 (null, 1);
    dup2 (in, 0);
  end_unwind_protect
end
