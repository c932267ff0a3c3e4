function v = arcuate__proxies (op, id, info)
  % Objects of other sessions: function handles that print as what they stand for, and say when they are no longer used.
  mlock ();
  switch (op)
    case 'make'
      kept = struct ('id', id, 'token', onCleanup (@() arcuate__proxies ('drop', id)));
      name = 'object';
      if (isfield (info, 'class') && ! isempty (info.class))
        name = cellstr (info.class){1};
      end
      if (isfield (info, 'language'))
        name = [info.language ' ' name];
      end
      v = eval (['@(varargin) arcuate__proxy ("' undo_string_escapes([name ' of another session']) '", kept, varargin{:})']);
    case 'id'   % of a function handle; '' when it is none of these
      v = '';
      if (strncmp (func2str (id), '@(varargin) arcuate__proxy ("', 29))
        v = functions (id).workspace{1}.kept.id;
      end
    case 'drop'   % the last copy of the function handle is gone
      try
        arcuate__send ('event', 0, 'type', 'released', 'functions', {id});
      end
  end
end
