function arcuate__hello (m)
  % Answers the greeting.
  mlock ();
  o = m.options;
  native = arcuate__channel ('greet', m);
  arcuate__handles ('generation', option (o, 'generation', 0));
  folders = option (o, 'path', {});
  if (ischar (folders))
    folders = {folders};
  end
  for j = 1:numel (folders)
    if (! isfolder (folders{j}))
      error ('Arcuate:INVALID_ARGUMENT', 'path: there is no folder %s', folders{j});
    end
  end
  if (! isempty (folders))
    addpath (folders{:});   % at once: after each change Octave reads all its folders again
  end
  packages = option (o, 'packages', {});
  if (ischar (packages))
    packages = {packages};
  end
  for j = 1:numel (packages)
    try
      evalin ('base', ['pkg load ' packages{j}]);
    catch err
      error ('Arcuate:INVALID_ARGUMENT', 'packages: %s cannot be loaded (%s); install it with: pkg install -forge %s', packages{j}, strtrim (err.message), packages{j});
    end
  end
  arcuate__figures ('format', option (o, 'figures', 'image/png'));
  features = mapping ('order', 'F', 'vectors', true, 'map', false);
  info = mapping ('octave_home', OCTAVE_HOME (), 'helper', logical (native));
  kinds = {'null', 'bool', 'int', 'float', 'complex', 'text', 'bytes', 'missing', 'list', 'mapping', 'array', 'labelled', 'dataset', 'table', ...
    'categorical', 'datetime', 'date', 'duration', 'sparse', 'function', 'handle'};
  fflush (stdout);
  arcuate__send ('hello', 0, 'major', 1, 'minor', 0, 'language', 'Octave', 'version', OCTAVE_VERSION (), 'pid', getpid (), 'kinds', kinds, 'features', features, 'info', info);
end

function v = option (o, name, default)
  v = default;
  if (isstruct (o) && isfield (o, name) && ! isempty (o.(name)))
    v = o.(name);
  end
end

function n = mapping (varargin)
  % The nodes of a mapping of texts and bools.  Without arcuate__encode, which takes longer to be read than everything else here.
  c = reshape (varargin, 2, []);
  k = columns (c);
  n.R = zeros (8, 1 + k, 'uint64'); n.T = ''; n.P = zeros (1, 0, 'uint64'); n.B = {};
  n.R([2, 5],1) = [k; 9];
  for j = 1:k
    v = c{2,j};
    n.T = [n.T, c{1,j}];
    n.R(3,j+1) = numel (c{1,j});
    if (ischar (v))
      n.R([4, 5],j+1) = [numel(v); 5];
      n.T = [n.T, v];
    else
      n.R([1, 5],j+1) = [v; 1];
    end
  end
end
