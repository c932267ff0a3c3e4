function c = arcuate__names (m)
  % Names for completion: fields of an object or variable, functions of a package, or all functions.
  mlock ();
  prefix = '';
  if (isfield (m, 'prefix'))
    prefix = m.prefix;
  end
  if (isfield (m, 'target'))
    c = of_object (m.target);
  elseif (isempty (m.name))
    c = completion_matches (prefix);
    c(c == 0) = ' ';   % its rows are filled up with NUL
    c = cellstr (c);
    evalin ('base', 'arcuate__args (who ());');
    c = [c(:); arcuate__args()(:)];
  elseif (arcuate__variable (m.name))
    c = of_object (evalin ('base', m.name));
  else
    c = {};
    for folder = ostrsplit (path (), pathsep ())
      inside = fullfile (folder{1}, ['+' strrep(m.name, '.', [filesep '+'])]);
      for kind = {'*.m', '+*'}
        found = dir (fullfile (inside, kind{1}));
        c = [c, regexprep({found.name}, '^\+|\.m$', '')];
      end
    end
  end
  c = unique (c(:).');
  if (! isempty (prefix))
    c = c(strncmp (c, prefix, numel (prefix)));
  end
  c = c(! strncmp (c, 'arcuate__', 9) & ! cellfun ('isempty', c));
end

function c = of_object (x)
  c = {};
  if (isstruct (x))
    c = fieldnames (x);
  elseif (isobject (x) || isjava (x))
    try
      c = [c; properties(x)(:)];
    end
    try
      c = [c; methods(x)(:)];
    end
  end
end
