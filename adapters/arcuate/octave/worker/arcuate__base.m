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
    if (any (name == '.') && ! isempty (regexp (err.message, '^member ''.*'' in package ''.*'' does not exist')) && isempty (arcuate__frames (err)))
      error ('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: %s; a function of a package is a file in its folder, outside private', name, err.message);
    end
    if (any (name == '.') || ! strcmp (strtrim (err.message), ['feval: function ''' name ''' not found']) || ! isempty (arcuate__frames (err)))
      rethrow (err);
    end
    code = [name ' (arcuate__args (){:})'];
    if (! arcuate__variable (name))
      rehash ();   % perhaps its file is new
      if (! any (exist (name) == [2, 3, 5, 103]))
        error ('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no function or variable of that name; add its folder with path=[...], or load its package', name);
      end
    end
    out = invoke (code, args, count);
  end
end

function out = invoke (code, args, count)
  % Runs `code`, which takes its arguments from arcuate__args.  Where it can be helped, `ans` is not touched.
  arcuate__args (args);
  out = {};
  if (count)
    try
      if (count == 1)
        evalin ('base', ['arcuate__args (' code ');']);
        out = arcuate__args ('values');
      else
        kept = arcuate__variable ('ans');
        arcuate__args (args{:});
        code = strrep (code, 'arcuate__args ()', 'arcuate__args (''values'')');
        [out{1:count}] = evalin ('base', code);
        if (! kept)
          evalin ('base', 'clear -variables ans');
        end
      end
      return;
    catch err
      if (count > 1 || arcuate__matlab () || ! arcuate__no_output (err))
        rethrow (err);
      end
    end
    arcuate__args (args);
  end
  evalin ('base', [code ';']);
end
