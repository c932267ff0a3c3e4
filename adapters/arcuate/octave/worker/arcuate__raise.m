function arcuate__raise (m)
  % Turns the exception of a Python callback into an Octave error.
  name = 'Exception';
  if (isfield (m, 'class') && ! isempty (m.class))
    c = m.class;
    if (iscell (c))
      name = c{1};
    end
  end
  error (struct ('identifier', ['Arcuate:' name], 'message', sprintf ('%s: %s', name, m.message)));
end
