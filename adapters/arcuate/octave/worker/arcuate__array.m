function [R, P, B] = arcuate__array (v, nd, shape = [])
  % The node of an array with nd dimensions, its pool and its buffers.  v: numeric, logical, or a cell of texts.
  %
  % nd     0: v is a scalar, 1: v is a vector, otherwise size (v), filled up with ones
  % shape  instead, where it has as many elements as v
  % R is empty where a cell holds something else than texts of one row.
  mlock ();
  if (! isempty (shape) && prod (double (shape)) == numel (v))
    shape = double (shape(:).'); nd = numel (shape);
  elseif (nd > 1)
    if (ndims (v) > nd)
      error ('Arcuate:conversion', 'an array of size %s has more dimensions than the %d that are named; name one per dimension', mat2str (size (v)), nd);
    end
    shape = [size(v), ones(1, nd - ndims (v))];
  elseif (nd == 1)
    if (numel (v) != max (size (v)) && ! isempty (v))
      error ('Arcuate:conversion', 'an array of size %s stands where one dimension is named; make it a vector', mat2str (size (v)));
    end
    shape = numel (v);
  else
    if (numel (v) != 1)
      error ('Arcuate:conversion', 'an array of size %s stands where no dimension is named; make it a scalar', mat2str (size (v)));
    end
    shape = [];
  end
  flags = 2 * (nd > 1);
  mask = [];
  switch (class (v))
    case 'double'
      dtype = 12;
    case 'single'
      dtype = 11;
    case 'logical'
      dtype = 1; v = uint8 (v);
    case 'cell'
      [v, ok] = texts (v);
      if (! ok)
        R = P = B = [];
        return;
      end
      dtype = 15;
    otherwise
      persistent codes = struct ('int8', 2, 'int16', 3, 'int32', 4, 'int64', 5, 'uint8', 6, 'uint16', 7, 'uint32', 8, 'uint64', 9);
      dtype = codes.(class (v));
  end
  if (dtype == 12 || dtype == 11)
    parts = iscomplex (v);
    if (parts)   % most operations on a complex array make it real where it has no imaginary parts
      dtype += 2;
      x = [full(real (v))(:).'; full(imag (v))(:).'];
    else
      v = full (v);   % also of ranges and of diagonal matrices, which are stored otherwise
    end
    if (isnan (sum (v(:))))   % one pass tells whether there can be an NA at all
      mask = isna (full (v));
      if (! any (mask(:)))
        mask = [];
      elseif (parts)
        x(:,mask(:)) = 0;
      else
        v(mask) = 0;
      end
    end
    if (parts)
      v = x;
    end
  end
  P = uint64 (shape);
  if (isempty (mask))
    B = {v};
  else
    B = {v, uint8(mask)};
    flags += 1;
  end
  R = uint64 ([0; nd; 0; 0; 10; dtype; flags; 0]);
end

function [b, ok] = texts (c)
  % The bytes of texts, each followed by a NUL.
  ok = all (cellfun ('size', c, 1)(:) == 1 | cellfun ('isempty', c)(:)) && all (cellfun ('ndims', c)(:) == 2);
  b = zeros (1, 0, 'uint8');
  if (! ok || isempty (c))
    return;
  end
  s = sprintf ('%s', c{:});   % skips the empty ones
  ends = cumsum (cellfun ('length', c)(:).' + 1);
  b = zeros (1, ends(end), 'uint8');
  inside = true (1, ends(end));
  inside(ends) = false;
  b(inside) = s;
  if (any (s > 127 | ! s))
    for j = 1:numel (c)
      if (any (! c{j}) || ! strcmp (__u8_validate__ (c{j}), c{j}))
        err.identifier = 'Arcuate:conversion';
        err.message = 'the bytes of a char row are no UTF-8 text without NUL; send uint8 (x) instead';
        arcuate__path (err, j - 1);
      end
    end
  end
end
