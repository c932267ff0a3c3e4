function m = arcuate__request (m)
  % arcuate__request (m) carries out one request and answers it.
  % m = arcuate__request () reads requests, carries out everyday calls at once, and returns the first message that is something else.
  % arcuate__request (native) tells whether the compiled helper is there.
  persistent direct = struct ()   % functions that may be called from here, since they do not look at the workspace of their caller
  persistent others = struct ()   % functions that were found not to be such: asking again would search the whole path
  persistent native = false
  mlock ();
  if (! nargin)
    if (! native)
      m = arcuate__everyday ();
      while (strcmp (m.op, 'answer'))
        try
          answer (native, m.id, m.out, 1, false);
        catch err
          arcuate__failure (m, err);
        end
        m = arcuate__everyday ();
      end
      return;
    end
    while (true)
      [m, name, args, id] = arcuate__native ('read');
      if (! isfield (direct, name))
        if (! isstruct (m))
          m = arcuate__channel ('raw', m);
        end
        return;
      end
      try
        out = {};
        [out{1:1}] = feval (name, args{:});
        if (! arcuate__native ('reply', id, out, 1))
          answer (native, id, out, 1, false);
        end
      catch err
        if (arcuate__no_output (err))
          m.nargout = 0;
          return;   % is called again, without asking for a value
        end
        arcuate__failure (m, err);
      end
    end
  elseif (! isstruct (m))
    native = m;
    return;
  end
  try
    if (isfield (m, 'trace'))   % the W3C trace that the request belongs to, or the end of one
      if (isempty (m.trace))
        unsetenv ('TRACEPARENT');
      else
        setenv ('TRACEPARENT', m.trace);
      end
    end
    switch (m.op)
      case 'call'
        [named, count, keep] = controls (m);
        args = m.args;
        if (! isempty (named))
          args = [args, [fieldnames(named).'; struct2cell(named).'](:).'];
        end
        if (isfield (m, 'target'))
          if (is_function_handle (m.target))
            out = {};
            try
              [out{1:count}] = m.target (args{:});
            catch err
              if (count != 1 || ! arcuate__no_output (err))
                rethrow (err);
              end
              m.target (args{:});
            end
          else
            error ('Arcuate:INVALID_ARGUMENT', 'an object of class %s cannot be called; index it, or name a function', class (m.target));
          end
        elseif (count && ! isfield (others, m.name) && (isfield (direct, m.name) || arcuate__direct (m.name)))
          direct.(m.name) = true;
          out = {};
          [out{1:count}] = feval (m.name, args{:});
          if (! native && count == 1 && numfields (m) == 4)
            arcuate__everyday ('call', m.name);
          end
        else
          if (count && isvarname (m.name))
            others.(m.name) = true;
          end
          out = arcuate__base (m.name, args, count);
        end
        answer (native, m.id, out, count, keep);
      case 'eval'
        [~, count, keep] = controls (m);
        out = {};
        if (count)
          [out{1:count}] = evalin ('base', m.code);
        else
          evalin ('base', m.code);
        end
        answer (native, m.id, out, count, keep);
      case 'run'
        evalin ('base', m.code);
        answer (native, m.id, {}, 0, false);
      case 'hello'
        arcuate__hello (m);
        return;
      case 'undecodable'
        error (m.error);
      otherwise
        [out, keep] = arcuate__workspace (m);
        if (! native)
          if (strcmp (m.op, 'set') && isstruct (m.value) && isscalar (m.value))
            arcuate__everyday ('set', m.name, fieldnames (m.value));
          elseif (strcmp (m.op, 'get') && numfields (m) == 3 && isvarname (m.name))
            arcuate__everyday ('get', m.name);
          end
        end
        answer (native, m.id, {out}, 1, keep);
    end
  catch err
    arcuate__failure (m, err);
    return;
  end
end

function [named, count, keep] = controls (m)
  named = []; count = 1; keep = false;
  if (numfields (m) > 3)
    if (isfield (m, 'named'))
      named = m.named;
    end
    if (isfield (m, 'nargout'))
      count = m.nargout;
    end
    if (isfield (m, 'keep'))
      keep = m.keep;
    end
  end
end

function answer (native, id, out, count, keep)
  % Sends a reply, after everything that was printed, warned and drawn.
  if (native && ! keep)
    if (! isempty (get (0, 'children')))
      arcuate__figures (id);
    end
    if (arcuate__native ('reply', id, out, count))
      return;
    end
  end
  if (count == 1 && ! native && ! keep && ! isempty (out) && isa (out{1}, 'double') && isscalar (out{1}) && isreal (out{1}) && ! issparse (out{1}) && ! isna (out{1}))
    arcuate__events (id);
    arcuate__channel ('scalar', id, out{1});
    return;
  end
  if (count < 2)
    if (! count || isempty (out))
      n.R = zeros (8, 1, 'uint64'); n.T = ''; n.P = zeros (1, 0, 'uint64'); n.B = {};
    else
      n = nodes (out{1}, keep);
    end
    key = 'value';
  else
    parts = cell (1, count);
    n.R = uint64 ([0; count; 0; 0; 8; 0; 2; 0]); n.T = ''; n.P = zeros (1, 0, 'uint64'); n.B = {};
    for j = 1:count
      try
        p = nodes (out{j}, keep);
      catch err
        arcuate__path (err, j - 1);
      end
      n.R = [n.R, p.R]; n.T = [n.T, p.T]; n.P = [n.P, p.P]; n.B = [n.B, p.B];
    end
    key = 'values';
  end
  arcuate__events (id);
  arcuate__send ('reply', id, key, n);
end

function n = nodes (v, keep)
  if (keep && ! (is_function_handle (v) && strncmp (func2str (v), '@(varargin) arcuate__callback', 29)))
    [n.R, n.T, n.P, n.B] = arcuate__handle_node (v, 0);
  else
    [n.R, n.T, n.P, n.B] = arcuate__encode (v);
  end
end
