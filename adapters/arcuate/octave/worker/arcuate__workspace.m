function [v, keep] = arcuate__workspace (m)
  % The requests about variables, objects and names: everything but call, eval and run.
  mlock ();
  keep = isfield (m, 'keep') && m.keep;
  v = [];
  switch (m.op)
    case 'get'
      m.name = variable (m.name);
      if (! arcuate__variable (m.name))
        if (any (exist (m.name) == [2, 3, 5, 103]))
          v = str2func (m.name);
          return;
        end
        missing (m.name);
      end
      v = evalin ('base', m.name);
    case 'set'
      name = variable (m.name);
      if (! isvarname (name))
        error ('Arcuate:INVALID_ARGUMENT', '''%s'' cannot be the name of a variable; use letters, digits and _, a letter first', name);
      end
      assignin ('base', name, m.value);
    case 'delete'
      if (! arcuate__variable (variable (m.name)))
        missing (m.name);
      end
      evalin ('base', ['clear -variables ' m.name]);
    case 'exists'
      v = arcuate__variable (variable (m.name));
    case 'list'
      evalin ('base', 'arcuate__args (who ());');
      v = texts (arcuate__args ());
    case 'attr'
      v = attribute (m);
    case 'setattr'
      error ('Arcuate:UNSUPPORTED', 'objects in Octave are values: the field ''%s'' of a kept object cannot be set from outside; change it in a variable with run, or call set', m.attribute);
    case 'index'
      v = element (m.target, m.args);
    case 'show'
      v = regexprep (evalc ('disp (m.target)'), '\n$', '');
    case 'names'
      v = texts (arcuate__names (m));
    case 'describe'
      v = arcuate__describe (m);
    case {'settle', 'ping'}
    otherwise
      error ('Arcuate:UNSUPPORTED', 'this Octave worker does not know the request ''%s''', m.op);
  end
end

function v = texts (c)
  % A cell of texts that travels as a plain list, also when it is empty.
  v = struct ('arcuate', 'texts', 'data', []);
  v.data = c(:).';
end

function name = variable (name)
  if (! ischar (name) || isempty (regexp (name, '^\w+$')))
    name = sprintf ('%s', name);
    if (isempty (regexp (name, '^[\w.]+$')))
      missing (name);
    end
  end
end

function missing (name)
  error ('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no variable of that name in this Octave', name);
end

function v = attribute (m)
  a = m.attribute;
  if (isfield (m, 'target'))
    v = of_object (m.target, a);
  elseif (arcuate__variable (m.name))
    v = of_object (evalin ('base', m.name), a);
  else
    full = [m.name '.' a];
    if (isempty (regexp (full, '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$')) || isempty (arcuate__file (full)))
      error ('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no such function in a package', full);
    end
    v = eval (['@(varargin) ' full ' (varargin{:})']);
  end
end

function v = of_object (x, a)
  if (isstruct (x))
    if (! isfield (x, a))
      error ('Arcuate:NAME_NOT_FOUND', 'the struct has no field ''%s''; it has: %s', a, strjoin (fieldnames (x).', ', '));
    end
    if (isscalar (x))
      v = x.(a);
    else
      v = reshape ({x.(a)}, size (x));
    end
    return;
  end
  if (isobject (x) || isjava (x) || ! (isnumeric (x) || islogical (x) || ischar (x) || iscell (x) || is_function_handle (x)))
    if (! strcmp (class (x), 'containers.Map') && any (strcmp (a, methods (x))) && ! any (strcmp (a, properties_of (x))))
      v = @(varargin) feval (a, x, varargin{:});
      return;
    end
    try
      v = x.(a);
      return;
    catch err
      if (any (strcmp (a, methods (x))))
        v = @(varargin) feval (a, x, varargin{:});
        return;
      end
      error ('Arcuate:NAME_NOT_FOUND', 'an object of class %s has no ''%s'' (%s)', class (x), a, err.message);
    end
  end
  error ('Arcuate:NAME_NOT_FOUND', 'a value of class %s has no fields, so no ''%s''', class (x), a);
end

function c = properties_of (x)
  c = {};
  try
    c = properties (x);
  catch
  end
end

function v = element (x, args)
  % x(i), the element itself where x is a cell.
  if (iscell (x) && ! isempty (args))
    v = x{args{:}};
  elseif (is_function_handle (x))
    error ('Arcuate:INVALID_ARGUMENT', 'a function cannot be indexed; call it');
  else
    v = x(args{:});
  end
end
