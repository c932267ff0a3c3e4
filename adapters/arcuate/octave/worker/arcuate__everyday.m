function m = arcuate__everyday (kind, name, keys)
  % Reads messages, for a worker without the compiled helper.
  %
  %   m = arcuate__everyday ()          carries out everyday requests at once; returns the first message that is something else
  %   arcuate__everyday (kind, name)    takes the message read last for an everyday one from now on:
  %                                     'call' of a function with numbers, 'set' of a record of numbers (keys), 'get' of a variable
  %
  % Two such requests differ only in the column of values (protos/frames.md), so a message whose other bytes are known needs no decoding.
  persistent in out number u body seen plans heads next
  mlock ();
  if (nargin)
    if (isempty (seen) || numel (seen{2}) > 65536)
      return;
    end
    a = seen{1}; b = seen{2}; seen = [];
    n = double (typecast (a(17:20), 'uint32'));
    if (any (a(21:32)))
      return;   % buffers or numbers in the pool
    end
    kinds = b(20*n+1:21*n); rest = b(21*n+1:24*n);
    switch (kind)
      case 'get'
        ok = n == 4;
      case 'set'
        ok = n == 5 + numel (keys) && kinds(5) == 9 && all (kinds(6:end) == 3) && ! any (rest);
      otherwise
        ok = n > 5 && all (kinds(6:end) == 3) && ! any (rest(6:n)) && strncmp (char (b(24*n+1:24*n+6).'), 'opcall', 6);
    end
    if (ok)
      if (strcmp (kind, 'call') && n == 6)
        kind = 'one';   % argument
      end
      plan = struct ('kind', kind, 'name', name, 'from', 8 * n + 1);
      plan.tail = b(8*n+1:end);
      if (nargin > 2)
        plan.keys = keys;
      end
      plan.check = ['exist("' name '", "var") == 1'];
      next = mod (next, 8) + 1;
      plans{next} = plan; heads(:,next) = a;
    end
    return;
  end
  if (isempty (in))
    files = arcuate__channel ('files');
    in = files(1);
    plans = {}; heads = zeros (64, 0, 'uint8'); next = 0;
  end
  while (true)
    % An interrupt that comes while this waits strikes right after a read: what was read is then still here for the next loop.
    if (isempty (u))
      u = fread (in, 64, 'uint8=>uint8');
      if (numel (u) < 64)
        exit (0);   % the host is gone
      end
    end
    if (isempty (body))
      body = fread (in, double (typecast (u(9:16), 'uint64')) - 64, 'uint8=>uint8');
    end
    a = u; b = body; u = body = [];
    plan = [];
    for k = find (all (heads == a, 1))
      if (all (b(plans{k}.from:end) == plans{k}.tail))
        plan = plans{k};
        break;
      end
    end
    if (isempty (plan))
      seen = {a, b};
      m = arcuate__channel ('raw', {double(typecast (a, 'uint32')), b});
      return;
    end
    id = double (typecast (b(17:24), 'int64'));
    y = {};
    x = typecast (b(41:plan.from-1), 'double');
    if (any (isnan (x)))
      x(isna (x)) = NaN;   % a NaN with the bits of NA is a number
    end
    try
      switch (plan.kind)
        case 'one'
          y = {feval(plan.name, x(1))};
        case 'call'
          x = num2cell (x);
          [y{1:1}] = feval (plan.name, x{:});
        case 'set'
          assignin ('base', plan.name, cell2struct (num2cell (x), plan.keys, 1));
        case 'get'
          if (evalin ('base', plan.check))
            y = {evalin('base', plan.name)};
          else
            m = arcuate__channel ('raw', {double(typecast (a, 'uint32')), b});
            return;
          end
      end
    catch err
      m = arcuate__channel ('raw', {double(typecast (a, 'uint32')), b});
      if (arcuate__no_output (err))
        m.nargout = 0;
        return;   % is called again, without asking for a value
      end
      arcuate__failure (m, err);
      continue;
    end
    if (isempty (y))
      before (id);
      arcuate__channel ('scalar', id);
      continue;
    end
    y = y{1};
    if (isscalar (y) && isa (y, 'double') && isreal (y) && ! issparse (y) && ! isna (y))
      if (isempty (number))
        before (id);
        number = arcuate__channel ('scalar', id, y);
        files = arcuate__channel ('files');
        out = files(2);
        continue;
      end
      % Written out here, since this is the answer that comes most often.
      fflush (stdout);   % stderr is not buffered
      if (! isempty (lastwarn ()))
        arcuate__events (id);
      end
      number(81:88) = b(17:24);
      number(89:96) = typecast (y, 'uint8');
      fwrite (out, number);
      fflush (out);
      continue;
    elseif (isstruct (y) && isscalar (y) && numfields (y) > 3)
      c = struct2cell (y);
      if (all (cellfun ('isclass', c, 'double')) && all (cellfun ('numel', c) == 1))
        x = [c{:}];
        if (isreal (x) && ! issparse (x) && ! any (isna (x)) && all (cellfun ('isreal', c)))
          before (id);
          if (arcuate__channel ('record', id, fieldnames (y), x))
            continue;
          end
        end
      end
    end
    m = struct ('op', 'answer', 'id', id);
    m.out = {y};
    return;
  end
endfunction

function before (id)
  % What was printed and warned goes before the answer.  None of these requests draws.
  fflush (stdout);
  fflush (stderr);
  if (! isempty (lastwarn ()))
    arcuate__events (id);
  end
end
