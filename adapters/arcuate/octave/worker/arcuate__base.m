function out = arcuate__base (name, args, count)
  % Calls a function by name with the base workspace as its caller.
  mlock ();
  if (isempty (regexp (name, '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$')))
    error ('Arcuate:NAME_NOT_FOUND', '''%s'' is no name of a function; a name is like sin or package.function, and eval takes expressions', name);
  end
  if (any (name == '.'))
    code = [name ' (arcuate__args (){:})'];
  else
    code = ['feval (''' name ''', arcuate__args (){:})'];
  end
  try
    out = invoke (code, args, count);
  catch err
    if (any (name == '.') || ! strcmp (err.identifier, 'Octave:undefined-function') || isempty (strfind (err.message, ['''' name ''''])) || ! isempty (arcuate__frames (err)))
      rethrow (err);
    end
    code = [name ' (arcuate__args (){:})'];
    if (! evalin ('base', ['exist (''' name ''', ''var'')']))
      rehash ();   % perhaps its file is new
      if (! any (exist (name) == [2, 3, 5, 103]))
        error ('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no function or variable of that name; add its folder with path=[...], or load its package', name);
      end
    end
    out = invoke (code, args, count);
  end
end

function out = invoke (code, args, count)
  arcuate__args (args);
  out = {};
  if (count)
    try
      [out{1:count}] = evalin ('base', code);
      return;
    catch err
      % A function without outputs: nothing of it has run yet.
      if (count > 1 || ! strcmp (err.identifier, 'Octave:invalid-fun-call') || isempty (strfind (err.message, 'called with too many outputs')) || ! isempty (arcuate__frames (err)))
        rethrow (err);
      end
    end
    arcuate__args (args);
  end
  evalin ('base', [code ';']);
end
