function arcuate__send (op, id, varargin)
  % Sends a message: op, id, then pairs of a field's name and its value.
  %
  % A number is an int, a cell of texts a list of texts, a struct with the fields R, T, P and B the nodes of a value (see arcuate__encode).
  mlock ();
  n = numel (varargin) / 2;
  R = zeros (8, 3, 'uint64');
  R(1,3) = typecast (int64 (id), 'uint64');
  R(2,1) = 2 + n;
  R(3,2:3) = 2;
  R(4,2) = numel (op);
  R(5,:) = [9, 5, 2];
  T = ['op', op, 'id']; P = zeros (1, 0, 'uint64'); B = {};
  for j = 1:2:2*n
    key = varargin{j}; v = varargin{j+1};
    if (isstruct (v) && isfield (v, 'R'))
      r = v.R; t = v.T; P = [P, v.P]; B = [B, v.B];
    elseif (ischar (v))
      t = printable (v);
      r = uint64 ([0; 0; 0; numel(t); 5; 0; 0; 0]);
    elseif (islogical (v))
      r = uint64 ([v; 0; 0; 0; 1; 0; 0; 0]); t = '';
    elseif (iscell (v))
      v = cellfun (@printable, v(:).', 'uniformoutput', false);
      r = zeros (8, numel (v) + 1, 'uint64');
      r(5,:) = [8, 5 * ones(1, numel (v))]; r(2,1) = numel (v);
      r(4,2:end) = cellfun ('length', v);
      t = ['', v{:}];
    elseif (isa (v, 'uint8'))
      r = uint64 ([0; 0; 0; 0; 6; 0; 0; 0]); t = ''; B = [B, {v}];
    else
      r = [typecast(int64 (v), 'uint64'); 0; 0; 0; 2; 0; 0; 0]; t = '';
    end
    r(3,1) = numel (key);
    R = [R, r]; T = [T, key, t];
  end
  arcuate__channel ('write', R, T, P, B);
end

function s = printable (s)
  % A text that surely is UTF-8 without NUL.
  s = reshape (s, 1, []);
  s(s == 0) = ' ';
  if (any (s > 127))
    s = __u8_validate__ (s);
  end
end
