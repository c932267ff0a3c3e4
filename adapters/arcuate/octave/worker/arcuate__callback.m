function varargout = arcuate__callback (id, varargin)
  % Calls the function `id` of the caller (Python) and returns what it returns.
  persistent number = 0;
  mlock ();
  number++;
  own = number;
  n.P = zeros (1, 0, 'uint64'); n.T = ''; n.B = {};
  n.R = uint64 ([0; numel(varargin); 0; 0; 8; 0; 2; 0]);
  for j = 1:numel (varargin)
    try
      [r, t, p, b] = arcuate__encode (varargin{j});
    catch err
      err.message(err.message == char (1)) = ' ';
      error (err.identifier, 'argument %d of a Python function: %s', j, err.message);
    end
    n.R = [n.R, r]; n.T = [n.T, t]; n.P = [n.P, p]; n.B = [n.B, b];
  end
  fflush (stdout);
  fflush (stderr);
  arcuate__send ('callback', own, 'function', id, 'args', n);
  v = arcuate__serve (own);
  if (nargout < 2)
    varargout{1} = v;
  else   % [a, b] = f (...): the elements of what it returned
    if (! iscell (v))
      v = num2cell (v);
    end
    if (numel (v) < nargout)
      error ('Arcuate:callback', 'a Python function was asked for %d values and returned %d; return a tuple of that many', nargout, numel (v));
    end
    varargout = v(1:nargout);
  end
end
