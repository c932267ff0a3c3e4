% Shows an Octave value as one text, by Octave's own means: class, size and every element by its bits.

function s = arcuate_see (x)
  if (isa (x, 'containers.Map'))
    keys = x.keys ();
    s = ['map ' arcuate_see_fields(keys, x.values ())];
  elseif (isa (x, 'function_handle'))
    s = 'function';
  elseif (issparse (x))
    [r, c, v] = find (x);
    if (islogical (x))
      v = v != 0;
    elseif (iscomplex (x) && ! iscomplex (v))
      v = complex (v, zeros (size (v)));
    end
    s = sprintf ('sparse %s (%s) (%s) %s', arcuate_see_size (x), sprintf ('%d,', r - 1)(1:end-1), ...
                 sprintf ('%d,', c - 1)(1:end-1), arcuate_see (reshape_see (v)));
  elseif (ischar (x))
    s = ['char ' arcuate_see_size(x) ' ' arcuate_see_text(x(:).')];
  elseif (iscell (x))
    s = ['cell ' arcuate_see_size(x) ' [' strjoin(cellfun (@arcuate_see, x(:).', 'UniformOutput', false), ',') ']'];
  elseif (isstruct (x))
    parts = cell (1, numel (x));
    names = fieldnames (x).';
    for k = 1:numel (x)
      parts{k} = arcuate_see_fields (names, struct2cell (x(k)).');
    end
    s = ['struct ' arcuate_see_size(x)];
    if (isempty (x))
      s = [s ' {' strjoin(cellfun (@arcuate_see_text, names, 'UniformOutput', false), ',') '}'];
    else
      s = [s ' ' strjoin(parts, ';')];
    end
  elseif (isnumeric (x) || islogical (x))
    s = [class(x) ' ' arcuate_see_size(x) ' [' arcuate_see_numbers(x) ']'];
  else
    s = ['object ' class(x)];
  end
end

function v = reshape_see (v)
  if (isempty (v))
    v = v(zeros (1, 0));   % find gives other empty shapes for other sparse matrices
    v = reshape (v, 0, 0);
  elseif (iscomplex (v))
    v = complex (real (v)(:), imag (v)(:));
  else
    v = v(:);
  end
end

function s = arcuate_see_fields (names, values)
  parts = cell (1, numel (names));
  for k = 1:numel (names)
    parts{k} = [arcuate_see_text(names{k}) '=' arcuate_see(values{k})];
  end
  s = ['{' strjoin(parts, ',') '}'];
end

function s = arcuate_see_size (x)
  s = strjoin (arrayfun (@(n) sprintf ('%d', n), size (x), 'UniformOutput', false), 'x');
end

function s = arcuate_see_text (t)
  if (isempty (t))
    s = '''''';
  elseif (all (isalnum (t) & t < 128 | t == ' ' | t == '_' | t == '.' | t == '-'))
    s = ['''' t ''''];
  else
    s = sprintf ('%dx%s', numel (t), sprintf ('%02x', uint8 (t)));
  end
end

function s = arcuate_see_numbers (x)
  x = full_see (x);
  if (isempty (x))
    s = '';
    return;
  end
  if (islogical (x))
    letters = 'FT';
    c = cellstr (letters(x(:) + 1).');
  elseif (iscomplex (x))
    re = real (x)(:); im = imag (x)(:);   % x(:) is real where all its imaginary parts are zeros
    gone = isna (re) | isna (im);
    c = strcat (arcuate_see_bits (re), {' '}, arcuate_see_bits (im));
    c(gone) = {'NA'};
  else
    c = arcuate_see_bits (x(:));
  end
  s = strjoin (c(:).', ',');
  if (numel (c) > 20000)
    s = ['md5:' hash('md5', s)];
  end
end

function x = full_see (x)
  if (! iscomplex (x))
    x = full (x);
  end
end

function c = arcuate_see_bits (x)
  c = cellstr (num2hex (x));
  if (isfloat (x))
    c(isnan (x)) = {'NaN'};
    c(isna (x)) = {'NA'};
  end
end
