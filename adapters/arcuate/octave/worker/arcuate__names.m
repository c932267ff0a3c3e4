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
    c = cellstr (completion_matches (prefix));
  elseif (isvarname (m.name) && evalin ('base', ['exist (''' m.name ''', ''var'')']) == 1)
    c = of_object (evalin ('base', m.name));
  else
    c = {};
    for folder = ostrsplit (path (), pathsep ())
      found = dir (fullfile (folder{1}, ['+' strrep(m.name, '.', [filesep '+'])], '*.m'));
      c = [c, regexprep({found.name}, '\.m$', '')];
    end
  end
  c = unique (c(:).');
  c = c(strncmp (c, prefix, numel (prefix)) & ! strncmp (c, 'arcuate__', 9) & ! cellfun ('isempty', c));
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
