function v = arcuate__decode (u, body, prefix)
  % The value of one frame.  The layout is that of protos/frames.md.
  %
  % u      the header as 16 doubles, one per 32-bit word
  % body   all further bytes, a uint8 column
  % prefix path of a shared segment without its number
  %
  % All columns are cast once; then one walk with three cursors (node, pool, buffer) builds the value.
  mlock ();
  n = u(5); m = u(6); p = u(7) + 4294967296 * u(8); t = u(9) + 4294967296 * u(10);
  w = 8 * n; q = w + 8 * p + 16 * m;
  f.bits = body(1:w);
  f.num = typecast (f.bits, 'double');
  c = reshape (double (typecast (body(q+1:q+12*n), 'uint32')), n, 3);
  k = reshape (body(q+12*n+1:q+16*n), n, 4);
  f.count = c(:,1); f.klen = c(:,2); f.tlen = c(:,3);
  f.kind = double (k(:,1)); f.dtype = double (k(:,2)); f.flags = double (k(:,3)); f.unit = k(:,4);
  f.text = char (body(q+16*n+1:q+16*n+t).');
  ends = cumsum (c(:,2) + c(:,3));
  f.from = ends - c(:,2) - c(:,3);     % bytes of text before each node
  if (t != ends(end))
    error ('Arcuate:protocol', 'malformed frame: %d bytes of text, but the nodes use %d', t, ends(end));
  end
  f.pool = []; f.blen = []; f.prefix = prefix;
  if (p)
    f.pool = body(w+1:w+8*p);
  end
  if (m)
    b = double (reshape (typecast (body(w+8*p+1:q), 'uint64'), m, 2));
    f.blen = b(:,1); f.bloc = b(:,2);
    inline = 64 * ceil (f.blen / 64) .* (f.bloc == 0);
    f.at = (u(11) - 64) + cumsum (inline) - inline;
    f.body = body;
  end
  try
    [v, i, p1, b1] = node (f, 1, 1, 1);
  catch err
    at = regexp (err.message, '^@(\d+) (.*)$', 'tokens', 'once');
    if (isempty (at))
      rethrow (err);
    end
    error (err.identifier, '%s%s%s', path (f, str2double (at{1})), char (1), at{2});
  end
  if (i != n + 1 || p1 != p + 1 || b1 != m + 1)
    error ('Arcuate:protocol', 'malformed frame: %d nodes, %d pool numbers and %d buffers are left over', n + 1 - i, p + 1 - p1, m + 1 - b1);
  end
end

function s = path (f, at)
  % Where node `at` stands, from the root on: ".args[0].x".
  left = []; index = []; above = {}; s = '';
  for i = 1:at
    s = '';
    if (! isempty (left))
      key = f.text(f.from(i)+1:f.from(i)+f.klen(i));
      if (isempty (key))
        s = sprintf ('%s[%d]', above{end}, index(end));
      elseif (isvarname (key))
        s = [above{end} '.' key];
      else
        s = [above{end} "['" key "']"];
      end
      left(end)--; index(end)++;
    end
    if (f.kind(i) != 10 && f.count(i))
      left(end+1) = f.count(i); index(end+1) = 0; above{end+1} = s;
    end
    while (! isempty (left) && ! left(end))
      left(end) = []; index(end) = []; above(end) = [];
    end
  end
end

function [v, i, p, b] = node (f, i, p, b)
  % The value of node i; i, p and b come back behind all that it used.
  switch (f.kind(i))
    case 3   % float
      v = number_only (f.num(i));
      if (f.dtype(i) == 11 || f.dtype(i) == 10)
        v = single (v);
      end
      i++;
    case 5   % text
      a = f.from(i) + f.klen(i);
      v = f.text(a+1:a+f.tlen(i));
      if (isempty (v))
        v = '';
      end
      i++;
    case 2
      v = integer (f.bits(8*i-7:8*i), f.dtype(i), f.flags(i));
      i++;
    case 1
      v = f.bits(8*i-7) != 0;
      i++;
    case 0
      v = zeros (0, 0);
      i++;
    case 9
      [v, i, p, b] = mapping (f, i, p, b);
    case 8
      [v, i, p, b] = list (f, i, p, b);
    case 10
      [v, i, p, b] = array (f, i, p, b);
    case 4
      x = number_only (typecast (f.pool(8*p-7:8*p+8), 'double'));
      if (f.dtype(i) == 13)
        x = single (x);   % single () of the complex number would make it real where it has no imaginary part
      end
      v = complex (x(1), x(2));
      i++; p += 2;
    case 6
      v = reshape (buffer (f, b, 'uint8'), 1, []);
      i++; b++;
    case 7
      names = arcuate__dtypes ();
      switch (f.dtype(i))
        case 12
          v = NA;
        case 11
          v = single (NA);
        case 14
          v = complex (NA, 0);
        otherwise
          v = struct ('arcuate', 'missing', 'type', names{f.dtype(i)+1});
      end
      i++;
    case {11, 12, 13, 14}
      [v, i, p, b] = parts (f, i, p, b);
    case {15, 16, 17}
      v = moment (f, i);
      i++;
    case 18
      [v, i, p, b] = sparsely (f, i, p, b);
    case 19
      id = text (f, i);
      [info, ~, i, p, b] = children (f, i, p, b);
      if (! isempty (info) && isstruct (info{1}) && isfield (info{1}, 'foreign'))
        v = arcuate__proxies ('make', id, info{1});
      else
        v = str2func (['@(varargin) arcuate__callback ("' undo_string_escapes(id) '", varargin{:})']);
      end
    case 20
      v = arcuate__handles ('get', text (f, i));
      [~, ~, i, p, b] = children (f, i, p, b);   % its info
    otherwise
      error ('Arcuate:unsupported', '@%d this Octave worker does not know values of kind %d; install the same version of Arcuate on both sides', i, f.kind(i));
  end
end

function x = number_only (x)
  % A NaN that has the bits of Octave's NA is a number; what is missing is marked in the frame, not by bits.
  if (any (isnan (x)))
    x(isna (x)) = NaN;
  end
end

function v = text (f, i)
  a = f.from(i) + f.klen(i);
  v = f.text(a+1:a+f.tlen(i));
end

function v = integer (bits, dtype, flags)
  switch (dtype)
    case 0
      if (flags)
        v = typecast (bits, 'uint64');
      else
        v = typecast (bits, 'int64');
        if (abs (v) <= 9007199254740992)
          v = double (v);
        end
      end
    case 9
      v = typecast (bits, 'uint64');
    otherwise
      names = {'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32'};
      v = feval (names{dtype-1}, typecast (bits, 'int64'));
  end
end

function [v, keys, i, p, b] = children (f, i, p, b)
  % The values of the children of node i as a cell row, and their keys.
  c = f.count(i); i++;
  v = cell (c > 0, c); keys = cell (1, c);   % no children: {}
  if (c > 3)
    ks = f.kind(i:i+c-1);
    if (all (ks == 3) && ! any (f.dtype(i:i+c-1)))   % floats alone: all at once
      v = num2cell (number_only (f.num(i:i+c-1)).');
      keys = mat2cell (f.text(f.from(i)+1:f.from(i+c-1)+f.klen(i+c-1)), 1, f.klen(i:i+c-1).');
      i += c;
      return;
    end
  end
  for j = 1:c
    a = f.from(i);
    keys{j} = f.text(a+1:a+f.klen(i));
    k = f.kind(i);
    if (k == 3 && ! f.dtype(i))
      v{j} = number_only (f.num(i++));
    else
      [v{j}, i, p, b] = node (f, i, p, b);
    end
  end
end

function [v, i, p, b] = mapping (f, i, p, b)
  own = i;
  [v, keys, i, p, b] = children (f, i, p, b);
  if (f.flags(own) == 1 && issorted (keys))   % a containers.Map sorts them: of others the order would be lost
    if (isempty (keys))
      v = containers.Map ('KeyType', 'char', 'ValueType', 'any');
    else
      v = containers.Map (keys, v, 'UniformValues', false);
    end
    return;
  end
  if (all (f.klen(own+1:i-1)) || ! any (cellfun ('isempty', keys)))
    c = numel (keys);
    if (c)
      v = cell2struct (v, keys, 2);
    else
      v = struct ();
    end
  else   % cell2struct refuses the empty name, a dynamic field does not
    s = struct ();
    for j = 1:numel (keys)
      if (isempty (keys{j}))
        s.('') = v{j};
      else
        s.(keys{j}) = v{j};
      end
    end
    v = s;
  end
  if (isfield (v, 'arcuate'))
    v = arcuate__chars (v);
  end
end

function [v, i, p, b] = list (f, i, p, b)
  flags = f.flags(i); own = i;
  if (flags >= 4)
    nd = number (f, p);
    shape = double (typecast (f.pool(8*p+1:8*(p+nd)), 'uint64')).';
    p += 1 + nd;
    shape = [ones(1, nd < 2), shape, ones(1, nd < 1)];
  end
  [v, ~, i, p, b] = children (f, i, p, b);
  if (flags >= 4)
    v = reshape (v, shape);
    if (flags >= 8)
      names = text (f, own);
      names = strsplit_nul (names);
      if (isempty (v))
        s = repmat (struct (), shape);
        for j = 1:numel (names)
          [s.(names{j})] = deal ([]);
        end
        v = s;
      else
        v = reshape ([v{:}], shape);
      end
    end
  end
end

function x = number (f, p)
  x = double (typecast (f.pool(8*p-7:8*p), 'uint64'));
end

function c = strsplit_nul (s)
  % The texts of a blob in which each ends with a NUL.
  if (isempty (s))
    c = cell (1, 0);
  elseif (numel (s) == 1)   % of '' ostrsplit makes no text at all
    c = {''};
  else
    c = ostrsplit (s(1:end-1), "\0");
    c(cellfun ('isempty', c)) = {''};
  end
end

function x = buffer (f, b, cls)
  % The numbers in buffer b, a column of class cls.
  if (f.bloc(b) == 0)
    x = typecast (f.body(f.at(b)+1:f.at(b)+f.blen(b)), cls);
    return;
  end
  persistent sizes
  if (isempty (sizes))
    sizes = struct ('int8', 1, 'uint8', 1, 'int16', 2, 'uint16', 2, 'int32', 4, 'uint32', 4, 'single', 4);
  end
  size1 = 8;
  if (isfield (sizes, cls))
    size1 = sizes.(cls);
  end
  path = sprintf ('%s%d', f.prefix, f.bloc(b));
  fid = fopen (path, 'r');
  if (fid < 0)
    error ('Arcuate:protocol', 'cannot open the shared segment %s', path);
  end
  x = fread (fid, f.blen(b) / size1, [cls '=>' cls]);
  fclose (fid);
  if (numel (x) * size1 != f.blen(b))
    error ('Arcuate:protocol', 'the shared segment %s is shorter than the %d bytes announced', path, f.blen(b));
  end
end

function [v, i, p, b] = array (f, i, p, b)
  nd = f.count(i); dtype = f.dtype(i); flags = f.flags(i);
  shape = double (typecast (f.pool(8*p-7:8*(p+nd-1)), 'uint64')).';
  shape = reshape (shape, 1, nd);   % for none, an index out of a column can give 0x1 too
  p += nd;
  switch (nd)   % Octave has two dimensions at least
    case 0
      size2 = [1, 1];
    case 1
      size2 = [1, shape];
    otherwise
      size2 = shape;
  end
  switch (dtype)
    case 12
      v = protected (buffer (f, b, 'double'));
    case {2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 18}
      names = {'', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', '', 'single', '', '', '', '', 'int64', 'int32', 'int64'};
      v = buffer (f, b, names{dtype});
      if (dtype == 11)
        v = protected (v);
      end
      if (dtype == 5 && bitand (flags, 4) && all (abs (v) <= 9007199254740992))
        v = double (v);   % a plain list of the language's own integers
      end
    case 1
      v = buffer (f, b, 'uint8') != 0;
    case 10
      v = halves (buffer (f, b, 'uint16'));
    case {13, 14}
      names = {'single', 'double'};
      v = protected (buffer (f, b, names{dtype-12}));
      v = complex (v(1:2:end), v(2:2:end));
    case 15
      v = strsplit_nul (char (buffer (f, b, 'uint8').'));
    otherwise
      error ('Arcuate:unsupported', 'this Octave worker does not know arrays of dtype %d', dtype);
  end
  b++;
  mask = [];
  if (bitand (flags, 1))
    mask = buffer (f, b, 'uint8') != 0;
    b++;
    if (isempty (mask))
      mask = false (0, 0);
    end
  end
  if (nd > 1 && ! bitand (flags, 2))   % row-major
    if (iscomplex (v))
      v = complex (permute (reshape (real (v), fliplr (size2)), nd:-1:1), permute (reshape (imag (v), fliplr (size2)), nd:-1:1));
    else
      v = permute (reshape (v, fliplr (size2)), nd:-1:1);
    end
    if (! isempty (mask))
      mask = permute (reshape (mask, fliplr (size2)), nd:-1:1);
    end
  else
    if (iscomplex (v))   % reshape makes it real where it has no imaginary parts
      v = complex (reshape (real (v), size2), reshape (imag (v), size2));
    else
      v = reshape (v, size2);
    end
    if (! isempty (mask))
      mask = reshape (mask, size2);
    end
  end
  if (dtype >= 16)
    marks = {'datetime', 'date', 'duration'};
    s = struct ('arcuate', marks{dtype-15}, 'value', v, 'unit', arcuate__units (f.unit(i)), 'zone', text (f, i), 'missing', [], 'shape', shape, 'scalar', false);
    if (! isempty (mask))
      s.missing = mask;
    end
    v = s;
  elseif (bitand (flags, 1))
    if (dtype == 14)
      x = real (v); y = imag (v);
      x(mask) = NA; y(mask) = 0;
      v = complex (x, y);
    elseif (dtype == 12 || dtype == 11)
      v(mask) = NA;
    else
      s = struct ('arcuate', 'masked', 'data', [], 'mask', mask, 'shape', shape);
      s.data = v;
      v = s;
    end
  end
  i++;
end

function v = protected (v)
  if (isnan (sum (v)))   % one pass tells whether there can be an NA at all
    v = number_only (v);
  end
end

function v = halves (x)
  % binary16 to single.
  x = double (x);
  sign = 1 - 2 * (x >= 32768);
  e = mod (floor (x / 1024), 32); m = mod (x, 1024);
  v = sign .* (2 .^ (e - 15)) .* (1 + m / 1024);
  k = e == 0; v(k) = sign(k) .* m(k) * 2^-24;
  k = e == 31; v(k) = sign(k) * Inf; v(k & m != 0) = NaN;
  v = single (v);
end

function v = moment (f, i)
  marks = {'datetime', 'date', 'duration'}; hints = {'python', 'numpy', 'pandas'};
  v = struct ('arcuate', marks{f.kind(i)-14}, 'value', typecast (f.bits(8*i-7:8*i), 'int64'), ...
              'unit', arcuate__units (f.unit(i)), 'zone', text (f, i), 'missing', [], 'shape', [], 'scalar', hints{mod(f.flags(i),3)+1});
end

function [v, i, p, b] = sparsely (f, i, p, b)
  dtype = f.dtype(i); unit = f.unit(i);
  rows = number (f, p); cols = number (f, p + 1); p += 2;
  names = {'uint8', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', '', 'single', 'double', 'single', 'double'};
  x = protected (buffer (f, b, names{dtype}));
  if (dtype >= 13)
    x = complex (double (x(1:2:end)), double (x(2:2:end)));
  end
  if (dtype == 1)
    x = x != 0;
  elseif (dtype < 10)
    error ('Arcuate:conversion', '@%d a sparse matrix in Octave holds doubles, this one holds %s; convert it to float64, or send it as a full array', i, names{dtype});
  end
  if (dtype == 11)
    x = double (x);
  end
  width = {'int32', 'int64'}{1 + mod(f.flags(i), 2)};
  r = double (buffer (f, b + 1, width)); c = double (buffer (f, b + 2, width));
  b += 3;
  if (unit < 2)   % pointers to the column or row of each entry
    counts = diff (c).';
    c = zeros (0, 1);
    if (any (counts))
      c = repelems (0:numel (counts)-1, [1:numel(counts); counts]).';
    end
  end
  if (unit == 1)
    [r, c] = deal (c, r);
  end
  i++;
  kept = x != 0;
  v = sparse (r(kept) + 1, c(kept) + 1, true, rows, cols);
  if (nnz (v) != numel (x))   % stored zeros, or a place that stands twice
    v = struct ('arcuate', 'sparse', 'shape', [rows, cols], 'rows', r, 'columns', c, 'data', x);
  elseif (! islogical (x))
    v = sparse (r + 1, c + 1, x, rows, cols);
    if (dtype >= 13 && ! iscomplex (v))
      v = complex (v, sparse (rows, cols));
    end
  end
end

function i = behind (f, i)
  % The node after node i and all that is below it.
  left = 1;
  while (left)
    left--;
    if (f.kind(i) != 10)
      left += f.count(i);
    end
    i++;
  end
end

function [v, i, p, b] = parts (f, i, p, b)
  % Labelled array, dataset, table and categorical: a marked struct of the children.
  own = i; kind = f.kind(i);
  marks = {'labelled', 'dataset', 'table', 'categorical'};
  [c, keys, i, p, b] = children (f, i, p, b);
  c = cell2struct (c, keys, 2);
  switch (kind)
    case 11
      v = struct ('arcuate', 'labelled');
      v.data = c.data; v.dims = c.dims; v.coords = c.coords; v.attrs = c.attrs; v.name = c.name;
    case 12
      v = struct ('arcuate', 'dataset');
      v.vars = c.vars; v.coords = c.coords; v.attrs = c.attrs;
    case 13
      v = struct ('arcuate', 'table', 'rows', double (typecast (f.bits(8*own-7:8*own), 'uint64')));
      v.columns = c.columns; v.index = c.index; v.attrs = c.attrs; v.container = text (f, own);
      % A column whose class can hold missing values keeps it, also where nothing is missing.
      j = own + 2;
      for k = 1:f.count(own+1)
        if (f.kind(j) == 10 && bitand (f.flags(j), 96) == 32)
          a = f.from(j);
          v.nullable.(f.text(a+1:a+f.klen(j))) = true;
        end
        j = behind (f, j);
      end
    case 14
      v = struct ('arcuate', 'categorical');
      if (isstruct (c.codes))
        v.codes = c.codes.data;
        v.codes(c.codes.mask) = -1;
      else
        v.codes = c.codes;
      end
      v.categories = c.categories; v.ordered = f.flags(own) == 1;
  end
end
