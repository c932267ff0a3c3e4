function [R, T, P, B] = arcuate__marked (v, depth, nd)
  % The nodes of a marked struct: what Octave has no class for.  See arcuate__decode for how each is built.
  %
  % nd: the number of dimensions that the place demands, or [] where the struct itself knows.
  % Every field may have been edited; nothing is taken from a hidden copy.
  mlock ();
  P = zeros (1, 0, 'uint64'); T = ''; B = {};
  try
    switch (v.arcuate)
      case 'labelled'
        dims = words (v.dims);
        [R, T, P, B] = group (11, {'name', 'dims', 'data', 'coords', 'attrs'}, ...
          {@() name(v.name), @() wordlist(dims), @() data(v.data, numel (dims), depth + 1), @() variables(v.coords, depth + 1), @() plain(v.attrs, depth + 1)});
      case 'dataset'
        [R, T, P, B] = group (12, {'vars', 'coords', 'attrs'}, ...
          {@() variables(v.vars, depth + 1), @() variables(v.coords, depth + 1), @() plain(v.attrs, depth + 1)});
      case 'table'
        [R, T, P, B] = table (v, depth);
      case 'categorical'
        codes = v.codes;
        if (isfloat (codes))
          codes = int32 (codes);
        end
        gone = codes < 0;
        if (isempty (nd))
          nd = 1;
          if (numel (codes) != max ([size(codes), 0]) && ! isempty (codes))
            nd = ndims (codes);
          end
        end
        if (any (gone(:)))
          codes(gone) = 0;
        end
        if (any (double (codes(! gone)) >= numel (category_values (v.categories))))
          error ('Arcuate:conversion', 'a categorical has the code %d but only %d categories; codes count from 0', max (double (codes(:))), numel (category_values (v.categories)));
        end
        [R, T, P, B] = group (14, {'codes', 'categories'}, {@() masked(codes, gone, nd), @() data(v.categories, 1, depth + 1)});
        R(7,1) = logical (v.ordered);
      case {'datetime', 'date', 'duration'}
        [R, T, P, B] = moments (v, nd);
      case 'masked'
        if (isempty (nd))
          [R, T, P, B] = masked (v.data, v.mask, ndims (v.data), v.shape, true);
        else
          [R, T, P, B] = masked (v.data, v.mask, nd, [], true);
        end
      case 'sparse'
        [R, P, B] = entries (v);
      case 'texts'   % a plain list of texts, made by arcuate__workspace
        [R, T, P, B] = wordlist (v.data);
      case 'missing'
        k = find (strcmp (v.type, arcuate__dtypes ())) - 1;
        R = uint64 ([0; 0; 0; 0; 7; k; 0; 0]);
      otherwise
        [R, T, P, B] = plain (v, depth);
    end
  catch err
    if (strncmp (err.identifier, 'Arcuate:', 8))
      rethrow (err);
    end
    k = [find(err.message == char (1), 1), 0](1);
    err.message = sprintf ('%sa struct whose field ''arcuate'' is ''%s'' cannot be read as one: %s; repair its fields, or remove the field ''arcuate''', err.message(1:k), v.arcuate, err.message(k+1:end));
    error (struct ('identifier', 'Arcuate:conversion', 'message', err.message));
  end
end

function [R, P, B] = entries (v)
  % A sparse matrix with stored zeros, or with a place that stands twice, as its entries one by one.
  x = v.data(:); at = double ([v.rows(:), v.columns(:)]); shape = double (v.shape(:).');
  if (numel (shape) != 2 || rows (at) != numel (x) || any (at(:) != fix (at(:))) || any ((at < 0 | at >= shape)(:)))
    error ('Arcuate:conversion', 'the %d entries of a sparse matrix of size %s need a row and a column each, which count from 0 and are below that size', numel (x), mat2str (shape));
  elseif (! isfloat (x) && ! islogical (x) || any (isna (x)))
    error ('Arcuate:conversion', 'the entries of a sparse matrix are of class %s or hold NA; allowed are double, single and logical without NA', class (x));
  end
  dtype = 12 - isa (x, 'single');
  if (islogical (x))
    dtype = 1; x = uint8 (x);
  elseif (iscomplex (x))
    dtype += 2; x = [real(x).'; imag(x).'];
  end
  cls = 'int32'; flags = 0;
  if (any ([shape, rows(at)] > 2147483647))
    cls = 'int64'; flags = 1;
  end
  R = uint64 ([rows(at); 0; 0; 0; 18; dtype; flags; 2]);
  P = uint64 (shape); B = {x, feval(cls, at(:,1)), feval(cls, at(:,2))};
end

function c = category_values (c)
  if (isstruct (c))
    if (isfield (c, 'data'))
      c = c.data;
    else
      c = c.value;
    end
  end
end

function [R, T, P, B] = group (kind, keys, parts)
  n = numel (keys);
  Rs = Ts = Ps = Bs = cell (1, n);
  for j = 1:n
    try
      [Rs{j}, Ts{j}, Ps{j}, Bs{j}] = parts{j} ();
    catch err
      arcuate__path (err, keys{j});
    end
    Rs{j}(3) = numel (keys{j});
    Ts{j} = [keys{j}, Ts{j}];
  end
  R = [uint64([0; n; 0; 0; kind; 0; 0; 0]), Rs{:}];
  T = ['', Ts{:}]; P = [zeros(1, 0, 'uint64'), Ps{:}]; B = [Bs{:}];
end

function [R, T, P, B] = plain (v, depth)
  % Any value; a struct with the mark of a char matrix is a mapping here.
  if (isstruct (v) && isscalar (v) && isfield (v, 'arcuate'))
    keys = fieldnames (v);
    parts = cell (1, numel (keys));
    for j = 1:numel (keys)
      parts{j} = @() arcuate__encode (v.(keys{j}), depth + 1);
    end
    [R, T, P, B] = group (9, keys, parts);
  else
    if (isempty (v) && isa (v, 'double'))
      v = struct ();
    end
    [R, T, P, B] = arcuate__encode (v, depth);
  end
end

function c = words (c)
  if (ischar (c) && ! isempty (c))
    c = cellstr (c);
  elseif (isempty (c))
    c = {};
  end
  if (! iscellstr (c))
    error ('Arcuate:conversion', 'dims is of class %s; a cell of texts is needed, one per dimension', class (c));
  end
end

function [R, T, P, B] = name (v)
  [R, T, P, B] = arcuate__encode (v);
  if (! ischar (v) && isempty (v))
    R = zeros (8, 1, 'uint64'); P = zeros (1, 0, 'uint64'); B = {};
  end
end

function [R, T, P, B] = wordlist (c)
  % A list of texts, where an empty matrix stands for null.
  n = numel (c);
  parts = cell (1, n);
  for j = 1:n
    parts{j} = @() name (c{j});
  end
  [R, T, P, B] = group (8, repmat ({''}, 1, n), parts);
end

function [R, T, P, B] = masked (v, mask, nd, shape = [], always = false)
  % always: the mask is sent also where nothing is missing, since having one is part of the type.
  [R, P, B] = arcuate__array (v, nd, shape);
  T = '';
  if (always || ! isempty (mask) && any (mask(:)))
    mask = logical (mask);
    if (numel (mask) != numel (v))
      error ('Arcuate:conversion', 'a mask of %d elements stands beside %d values; both need the same size', numel (mask), numel (v));
    end
    if (iscell (v))   % under the mask a text is empty
      v(mask) = {''};
    elseif (iscomplex (v))   % an assignment makes it real where it has no imaginary parts
      re = real (v); im = imag (v);
      re(mask) = im(mask) = 0;
      v = complex (re, im);
    else
      v(mask) = 0;
    end
    [R, P, B] = arcuate__array (v, nd, shape);
    B = {B{1}, uint8(mask)};
    R(7) = bitor (R(7), 1);
  end
end

function [R, T, P, B] = data (v, nd, depth)
  % What stands in a labelled array, a variable, a column: an array of nd dimensions, or a list.
  T = '';
  if (isstruct (v) && isscalar (v) && isfield (v, 'arcuate'))
    if (strcmp (v.arcuate, 'list'))
      v = v.data;
      parts = cell (1, numel (v));
      for j = 1:numel (v)
        parts{j} = @() arcuate__encode (v{j}, depth + 1);
      end
      [R, T, P, B] = group (8, repmat ({''}, 1, numel (v)), parts);
    else
      [R, T, P, B] = arcuate__marked (v, depth, nd);
    end
    return;
  end
  if (ischar (v))
    v = cellstr (v);
  end
  if (iscell (v))
    R = [];
    if (iscellstr (v))
      [R, P, B] = arcuate__array (v, nd);
    end
    if (isempty (R))
      [R, T, P, B] = arcuate__encode (reshape (v, 1, []), depth);
    end
  elseif (isnumeric (v) || islogical (v))
    if (! iscomplex (v))   % full () makes a complex array real where it has no imaginary parts
      v = full (v);
    end
    [R, P, B] = arcuate__array (v, nd);
  else
    error ('Arcuate:conversion', 'a %s cannot be the data of a labelled array or a column; use numbers, logicals or a cell of texts', class (v));
  end
end

function [R, T, P, B] = variables (s, depth)
  % A mapping of names to variables.
  if (isempty (s))
    s = struct ();
  end
  keys = fieldnames (s);
  parts = cell (1, numel (keys));
  for j = 1:numel (keys)
    parts{j} = @() variable (s.(keys{j}), depth + 1);
  end
  [R, T, P, B] = group (9, keys, parts);
end

function [R, T, P, B] = variable (v, depth)
  dims = words (v.dims);
  [R, T, P, B] = group (9, {'dims', 'data', 'attrs'}, ...
    {@() wordlist(dims), @() data(v.data, numel (dims), depth + 1), @() plain(v.attrs, depth + 1)});
end

function [R, T, P, B] = moments (v, nd)
  T = ''; P = zeros (1, 0, 'uint64'); B = {};
  k = find (strcmp (v.arcuate, {'datetime', 'date', 'duration'}));
  unit = 0;
  if (k != 2)
    unit = arcuate__units (v.unit);
  end
  x = v.value;
  if (isfloat (x) && any (x(:) != fix (x(:))))
    error ('Arcuate:conversion', 'the value of a %s counts whole units (''%s''), but it holds a fraction; choose a finer unit', v.arcuate, v.unit);
  end
  if (ischar (v.scalar) && isscalar (x) && isempty (nd))
    hints = find (strcmp (v.scalar, {'python', 'numpy', 'pandas'})) - 1;
    T = v.zone;
    R = [typecast(int64 (x), 'uint64'); 0; 0; numel(T); 14 + k; 0; hints; unit];
    return;
  end
  if (k == 2)
    x = int32 (x);
  else
    x = int64 (x);
  end
  if (isempty (nd))
    shape = v.shape;
    if (isempty (shape) && isscalar (x) && islogical (v.scalar))
      nd = 0;
    else
      nd = ndims (x);
    end
  else
    shape = [];
  end
  [R, ~, P, B] = masked (x, v.missing, nd, shape);
  T = v.zone;
  R(4) = numel (T); R(6) = 15 + k; R(8) = unit;
end

function [R, T, P, B] = table (v, depth)
  keys = fieldnames (v.columns);
  n = v.rows;
  counts = cellfun (@(c) count (c), struct2cell (v.columns)).';
  if (! isempty (counts))
    n = counts(1);
    if (any (counts != n))
      error ('Arcuate:conversion', 'the columns of a table have %s rows; all need the same number', mat2str (counts));
    end
  end
  [R, T, P, B] = group (13, {'columns', 'index', 'attrs'}, ...
    {@() columns_of(v, keys, depth + 1), @() index_of(v.index, n, depth + 1), @() plain(v.attrs, depth + 1)});
  R(1,1) = n; R(4,1) = numel (v.container);
  T = [v.container, T];
end

function n = count (c)
  if (isstruct (c) && isfield (c, 'arcuate'))
    switch (c.arcuate)
      case 'categorical'
        n = numel (c.codes);
      case {'masked', 'list'}
        n = numel (c.data);
      otherwise
        n = numel (c.value);
    end
  elseif (ischar (c))
    n = rows (c);
  else
    n = numel (c);
  end
end

function [R, T, P, B] = hinted (hint, part)
  [R, T, P, B] = part ();
  if (hint && R(5,1) == 10)
    R(7,1) = bitor (R(7,1), 32);
  end
end

function [R, T, P, B] = columns_of (v, keys, depth)
  s = v.columns;
  hints = struct ();
  if (isfield (v, 'nullable'))
    hints = v.nullable;
  end
  parts = cell (1, numel (keys));
  for j = 1:numel (keys)
    parts{j} = @() hinted(isfield (hints, keys{j}), @() data (s.(keys{j}), 1, depth + 1));
  end
  [R, T, P, B] = group (9, keys, parts);
end

function [R, T, P, B] = index_of (s, n, depth)
  if (isempty (s))
    R = zeros (8, 1, 'uint64'); T = ''; P = zeros (1, 0, 'uint64'); B = {};
    return;
  end
  if (any (cellfun (@count, s.levels) != n))
    error ('Arcuate:conversion', 'the index of a table has %s rows, the table %d; change both, or set index to [] for 0..rows-1', mat2str (cellfun (@count, s.levels)), n);
  end
  names = s.names;
  if (! iscell (names))
    names = {names};
  end
  [R, T, P, B] = group (9, {'names', 'levels'}, {@() wordlist(names), @() levels(s.levels, depth + 1)});
end

function [R, T, P, B] = levels (c, depth)
  parts = cell (1, numel (c));
  for j = 1:numel (c)
    parts{j} = @() data (c{j}, 1, depth + 1);
  end
  [R, T, P, B] = group (8, repmat ({''}, 1, numel (c)), parts);
end
