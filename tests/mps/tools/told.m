function t = told (x)
  % TOLD  Class, size and elements of anything, as text: what both sides of a test say of a value.
  if (iscell (x))
    t = ['cell ' mat2str(size (x)) '{' strjoin(cellfun (@told, x(:).', 'uniformoutput', false), ',') '}'];
  elseif (isstruct (x))
    names = fieldnames (x);
    parts = {};
    for k = 1:numel (x)
      for j = 1:numel (names)
        parts{end+1} = [names{j} '=' told(x(k).(names{j}))];
      end
    end
    t = ['struct ' mat2str(size (x)) '{' strjoin(parts, ',') '}'];
  else
    y = x(:).';
    if (iscomplex (x))
      n = [real(y); imag(y)](:).';
    else
      n = y;
    end
    t = sprintf ('%s%s %s[%s]', class (x), {'', ' complex'}{1 + iscomplex (x)}, mat2str (size (x)), strtrim (numbers (n)));
  end
end

function t = numbers (n)
  if (any (strcmp (class (n), {'int64', 'uint64'})))
    t = strjoin (arrayfun (@(k) strtrim (disp (k)), n, 'uniformoutput', false), ' ');   % sprintf rounds them
  elseif (isinteger (n) || ischar (n) || islogical (n))
    t = sprintf ('%d ', double (n));
  else
    t = sprintf ('%.17g ', double (n));
  end
end
