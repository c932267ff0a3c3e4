function [R, T, P, B] = arcuate__encode (v, depth = 0)
  % The nodes of a value, in pre-order (protos/frames.md).
  %
  % R  uint64, one column per node: value, children or dimensions, bytes of key, bytes of text, kind, dtype, flags, unit
  % T  keys and texts, a char row          P  the pool, a uint64 row
  % B  the buffers, a cell row of numeric arrays that are written as they are
  %
  % An error carries the path as a prefix of its message that ends with char(1); see arcuate__failure.
  mlock ();
  T = ''; P = zeros (1, 0, 'uint64'); B = {};
  switch (class (v))
    case 'double'
      if (! isscalar (v) || issparse (v))
        [R, T, P, B] = numbers (v, ndims (v));
      elseif (isreal (v))
        R = [typecast(v, 'uint64'); 0; 0; 0; 3; 0; 0; 0];
        if (isna (v))
          R([1, 5, 6]) = [0; 7; 12];
        end
      else
        [R, P] = cplx (v, 0);
      end
    case 'char'
      if (isempty (v) && ndims (v) == 2 && rows (v) < 2 || isrow (v))
        T = checked (reshape (v, 1, []));
        R = uint64 ([0; 0; 0; numel(T); 5; 0; 0; 0]);
      else
        [R, T, P, B] = letters (v, depth);
      end
    case 'logical'
      if (isscalar (v) && ! issparse (v))
        R = uint64 ([v; 0; 0; 0; 1; 0; 0; 0]);
      else
        [R, T, P, B] = numbers (v, ndims (v));
      end
    case 'struct'
      if (! isscalar (v))
        [R, T, P, B] = structs (v, depth);
      elseif (isfield (v, 'arcuate') && ischar (v.arcuate))
        [R, T, P, B] = arcuate__marked (v, depth, []);
      else
        keys = fieldnames (v);
        [R, T, P, B] = mapping (struct2cell (v), keys, depth, 0);
      end
    case 'cell'
      [R, T, P, B] = cells (v, depth);
    case 'single'
      if (! isscalar (v))
        [R, T, P, B] = numbers (v, ndims (v));
      elseif (isreal (v))
        R = [typecast(double (v), 'uint64'); 0; 0; 0; 3; 11; 0; 0];
        if (isna (v))
          R([1, 5]) = [0; 7];
        end
      else
        [R, P] = cplx (v, 13);
      end
    case {'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'}
      if (isscalar (v))
        x = v;
        if (! isa (v, 'uint64'))
          x = typecast (int64 (v), 'uint64');
        end
        R = [x; 0; 0; 0; 2; code(class (v)); 0; 0];
      else
        [R, T, P, B] = numbers (v, ndims (v));
      end
    case 'function_handle'
      s = func2str (v);
      if (strncmp (s, '@(varargin) arcuate__callback ("', 32))
        T = do_string_escapes (s(33:index (s, '"', 'last')-1));
        R = uint64 ([0; 0; 0; numel(T); 19; 0; 0; 0]);
      elseif (! isempty (T = arcuate__proxies ('id', v)))
        R = uint64 ([0; 0; 0; numel(T); 19; 0; 0; 0]);
      else
        [R, T, P, B] = arcuate__handle_node (v, depth);
      end
    case 'containers.Map'
      if (arcuate__matlab ())
        [R, T, P, B] = arcuate__handle_node (v, depth);
        return;
      end
      keys = v.keys ();
      if (! strcmp (v.KeyType, 'char'))
        error ('Arcuate:conversion', 'a containers.Map with %s keys has no form elsewhere, since keys are texts there; use text keys (num2str), send its keys and values as two arrays, or keep=True', v.KeyType);
      end
      [R, T, P, B] = mapping (v.values (), keys, depth, 1);
    otherwise
      [R, T, P, B] = arcuate__handle_node (v, depth);
  end
end

function s = checked (s)
  % A char row, checked to be UTF-8 without NUL.
  if (any (s > 127 | ! s))
    if (any (! s))
      error ('Arcuate:conversion', 'a text holds a NUL character, which ends a text in C and R; send uint8 (x) instead');
    elseif (! strcmp (__u8_validate__ (s), s))
      error ('Arcuate:conversion', 'the bytes of a char row are no UTF-8 text; send uint8 (x) instead');
    end
  end
end

function [R, P] = cplx (v, dtype)
  if (isna (v))
    R = uint64 ([0; 0; 0; 0; 7; 14; 0; 0]);
    P = zeros (1, 0, 'uint64');
  else
    R = uint64 ([0; 0; 0; 0; 4; dtype; 0; 0]);
    P = typecast (double ([real(v), imag(v)]), 'uint64');
  end
end

function c = code (cls)
  persistent codes = struct ('int8', 2, 'int16', 3, 'int32', 4, 'int64', 5, 'uint8', 6, 'uint16', 7, 'uint32', 8, 'uint64', 9);
  c = codes.(cls);
end

function [R, T, P, B] = numbers (v, nd)
  if (issparse (v))
    [R, T, P, B] = sparsely (v);
  else
    [R, P, B] = arcuate__array (v, nd);
    T = '';
  end
end

function [R, T, P, B] = letters (v, depth)
  % A char matrix; see arcuate__chars.
  s.arcuate = 'char';
  lines = cellstr_exact (v);
  if (isempty (lines))
    s.bytes = uint8 (v);
  else
    s.rows = lines;
  end
  [R, T, P, B] = mapping (struct2cell (s), fieldnames (s), depth, 0);
  k = find (R(5,:) == 10);   % the rows are a plain list of texts: one dimension
  if (R(6,k) == 15)
    R(2,k) = 1; P = uint64 (numel (lines));
  end
end

function lines = cellstr_exact (v)
  % The rows of a char matrix, or {} where they are no texts.
  lines = {};
  if (ndims (v) == 2 && ! isempty (v) && all (v(:)))
    lines = mat2cell (v, ones (1, rows (v)), columns (v));
    if (any (v(:) > 127))
      for i = 1:numel (lines)
        if (! strcmp (__u8_validate__ (lines{i}), lines{i}))
          lines = {};
          return;
        end
      end
    end
  end
end

function deeper (depth)
  if (depth >= 64)
    error ('Arcuate:conversion', 'the value nests deeper than 64 levels; flatten it, or send its parts one by one');
  end
end

function [R, T, P, B] = mapping (c, keys, depth, flags)
  % A mapping of the values c under the texts keys.
  deeper (depth);
  n = numel (c);
  own = uint64 ([0; n; 0; 0; 9; 0; flags; 0]);
  if (n > 3 && all (cellfun ('isclass', c, 'double')) && all (cellfun ('numel', c) == 1))
    x = [c{:}];
    if (isreal (x) && ! issparse (x) && ! any (isna (x)))   % floats alone: all at once
      R = zeros (8, n + 1, 'uint64');
      R(:,1) = own;
      R(1,2:end) = typecast (x, 'uint64');
      R(3,2:end) = cellfun ('length', keys);
      R(5,2:end) = 3;
      T = checked (['', keys{:}]);
      P = zeros (1, 0, 'uint64'); B = {};
      return;
    end
  end
  Rs = Ts = Ps = Bs = cell (1, n);
  for j = 1:n
    try
      [r, t, Ps{j}, Bs{j}] = arcuate__encode (c{j}, depth + 1);
      key = checked (keys{j});
    catch err
      arcuate__path (err, keys{j});
    end
    r(3) = numel (key);
    Rs{j} = r; Ts{j} = [key, t];
  end
  R = [own, Rs{:}]; T = ['', Ts{:}]; P = [zeros(1, 0, 'uint64'), Ps{:}]; B = [Bs{:}];
end

function [R, T, P, B] = cells (v, depth)
  deeper (depth);
  n = numel (v);
  if (n && iscellstr (v))
    [R, P, B] = arcuate__array (v, ndims (v));
    T = '';
    if (! isempty (R))
      return;
    end
  end
  Rs = Ts = Ps = Bs = cell (1, n);
  for j = 1:n
    try
      [Rs{j}, Ts{j}, Ps{j}, Bs{j}] = arcuate__encode (v{j}, depth + 1);
    catch err
      arcuate__path (err, j - 1);
    end
  end
  shape = zeros (1, 0, 'uint64'); flags = 0;
  if (ndims (v) > 2 || any (size (v)) && (rows (v) != 1 || ! n))
    shape = uint64 ([ndims(v), size(v)]); flags = 4;
  end
  R = [uint64([0; n; 0; 0; 8; 0; flags; 0]), Rs{:}];
  T = ['', Ts{:}]; P = [shape, Ps{:}]; B = [Bs{:}];
end

function [R, T, P, B] = structs (v, depth)
  deeper (depth);
  n = numel (v);
  keys = fieldnames (v);
  c = struct2cell (v(:));
  Rs = Ts = Ps = Bs = cell (1, n);
  for j = 1:n
    try
      [Rs{j}, Ts{j}, Ps{j}, Bs{j}] = mapping (c(:,j), keys, depth + 1, 0);
    catch err
      arcuate__path (err, j - 1);
    end
  end
  names = cellfun (@(k) [checked(k), "\0"], keys.', 'uniformoutput', false);
  names = ['', names{:}];
  R = [uint64([0; n; 0; numel(names); 8; 0; 12; 0]), Rs{:}];
  T = [names, Ts{:}]; P = [uint64([ndims(v), size(v)]), Ps{:}]; B = [Bs{:}];
end

function [R, T, P, B] = sparsely (v)
  [r, c, x] = find (v);
  r = r(:); c = c(:); x = x(:);
  if (islogical (v))
    dtype = 1; x = uint8 (x);
  else
    if (any (isna (x)))
      error ('Arcuate:conversion', 'a sparse matrix holds NA, and sparse matrices have no missing values elsewhere; send full (x)');
    end
    dtype = 12;
    if (iscomplex (v))
      dtype = 14; x = [real(x).'; imag(x).'];
    end
  end
  cls = 'int32'; flags = 0;
  if (any ([size(v), numel(r)] > 2147483647))
    cls = 'int64'; flags = 1;
  end
  ends = cumsum ([0; accumarray(c, 1, [columns(v), 1])]);
  R = uint64 ([numel(r); 0; 0; 0; 18; dtype; flags; 0]);
  T = ''; P = uint64 (size (v)); B = {x, feval(cls, r - 1), feval(cls, ends)};
end
