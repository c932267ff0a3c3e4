function folders = arcuate__kept (extra)
  % folders = arcuate__kept () are the folders that stay on Octave's path, whatever is done to it.
  % arcuate__kept (extra) names further ones than the worker's own.
  persistent further = {};
  mlock ();
  if (nargin)
    further = extra;
  end
  own = fileparts (mfilename ('fullpath'));
  folders = [further, {own, fullfile(own, 'shadow')}];
end
