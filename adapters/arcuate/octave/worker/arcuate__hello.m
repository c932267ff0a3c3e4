function arcuate__hello (m)
  % Answers the greeting.
  mlock ();
  o = m.options;
  native = arcuate__channel ('greet', m, option (o, 'helper', ''));
  arcuate__request (native);
  arcuate__handles ('generation', option (o, 'generation', 0));
  folders = option (o, 'path', {});
  if (ischar (folders))
    folders = {folders};
  end
  for j = numel (folders):-1:1
    if (! isfolder (folders{j}))
      error ('Arcuate:INVALID_ARGUMENT', 'path: there is no folder %s', folders{j});
    end
    addpath (folders{j});
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
  f.order = 'F'; f.vectors = true; f.map = false;
  [features.R, features.T, features.P, features.B] = arcuate__encode (f);
  i.octave_home = OCTAVE_HOME (); i.helper = logical (native);
  [info.R, info.T, info.P, info.B] = arcuate__encode (i);
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
