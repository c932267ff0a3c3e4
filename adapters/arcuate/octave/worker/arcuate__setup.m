function arcuate__setup ()
  % Settings of the interpreter: nothing waits for a user, no pager, no dumps, no windows, no noise.
  warning ('off', 'Octave:gnuplot-graphics');
  PS1 (''); PS2 (''); PS4 ('');
  page_screen_output (false);
  page_output_immediately (false);
  beep_on_error (false);
  debug_on_error (false); debug_on_warning (false); debug_on_interrupt (false);
  crash_dumps_octave_core (false); sigterm_dumps_octave_core (false); sighup_dumps_octave_core (false);
  suppress_verbose_help_message (true);
  max_recursion_depth (1000);
  set (0, 'defaultfigurevisible', 'off');
  lasterr (''); lastwarn ('', '');
  atexit ('arcuate__quiet');
end
