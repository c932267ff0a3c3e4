% Runs the tests of this folder with Octave's own framework. ARCUATE_HUB and the other addresses that the files name
% say where hubs are; without them only the tests of values run. ARCUATE_ROUTE: curl, tcpclient, sockets or zeromq.
here = fileparts (mfilename ('fullpath'));
addpath (fullfile (fileparts (here), 'inst'));
page_screen_output (false);
files = {'values'};
if (! isempty (getenv ('ARCUATE_HUB')))
  files = {'session', 'errors'};
end
failed = 0;
for file = files
  [passed, all] = test (fullfile (here, [file{1} '.tst']), 'quiet', stdout);
  printf ('%s %s: %d of %d passed\n', file{1}, getenv ('ARCUATE_ROUTE'), passed, all);
  failed += all - passed;
end
exit (failed > 0);
