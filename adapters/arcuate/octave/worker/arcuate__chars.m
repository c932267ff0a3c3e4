function v = arcuate__chars (v)
  % A char matrix from the mapping that arcuate__encode makes of it; any other struct comes back untouched.
  %
  % Python has no character matrix, and every array of texts is already somebody's cellstr.  So a matrix travels as the mapping
  % {arcuate: 'char', rows: [text ...]}, or, where its bytes are no UTF-8 or it is empty or has more dimensions, {arcuate: 'char', bytes: uint8 array}.
  if (isscalar (v) && ischar (v.arcuate) && strcmp (v.arcuate, 'char'))
    if (isfield (v, 'rows') && iscellstr (v.rows))
      v = char (v.rows{:});
    elseif (isfield (v, 'bytes'))
      v = char (v.bytes);
    end
  end
end
