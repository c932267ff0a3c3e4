function v = arcuate__serve (waiting = 0)
  % Serves requests: for ever, or until the answer to the callback number `waiting` arrives, whose value it returns.
  mlock ();
  while (true)
    m = arcuate__request ();   % the everyday calls are done inside
    switch (m.op)
      case 'release'
        arcuate__handles ('release', m.handles);
      case {'return', 'raise'}
        if (waiting && m.id == waiting)
          if (strcmp (m.op, 'raise'))
            arcuate__raise (m);
          end
          v = m.value;
          return;
        end   % otherwise the answer to a callback, or a refused segment, of a call that an interrupt has ended
      case 'segment'   % for such a call as well
      case 'bye'
        exit (0);
      otherwise
        arcuate__request (m);
    end
  end
end
