function arcuate__failure (m, err)
  % Answers a request with an error.
  mlock ();
  id = err.identifier; text = err.message;
  extra = {};
  code = 'REMOTE_ERROR'; executed = 'yes';
  if (strcmp (id, 'Arcuate:interrupted'))
    code = 'CALL_CANCELLED'; executed = 'maybe'; id = '';
  end
  frames = arcuate__frames (err);
  if (strcmp (code, 'CALL_CANCELLED'))
    text = 'the call was interrupted'; frames = {};
  elseif (strncmp (id, 'Arcuate:', 8) && isempty (frames))
    known = {'conversion', 'CONVERSION'; 'unsupported', 'UNSUPPORTED'; 'stale', 'STALE_HANDLE'; 'protocol', 'PROTOCOL_ERROR'};
    k = find (strcmp (id(9:end), known(:,1)));
    if (! isempty (k))
      code = known{k,2};
    elseif (any (strcmp (id(9:end), {'NAME_NOT_FOUND', 'INVALID_ARGUMENT', 'LIMIT_EXCEEDED', 'INTERNAL', 'UNSUPPORTED', 'STALE_HANDLE'})))
      code = id(9:end);
    end
    if (! strcmp (code, 'REMOTE_ERROR'))
      id = '';
      k = find (text == char (1), 1);
      path = '$';
      if (! isempty (k))
        path = ['$.value' text(1:k-1)];
        if (strcmp (m.op, 'undecodable'))
          path = ['$' text(1:k-1)];
        end
        text = text(k+1:end);
      elseif (any (strcmp (code, {'CONVERSION', 'UNSUPPORTED'})) && ! strcmp (m.op, 'undecodable'))
        path = '$.value';
      end
      if (any (strcmp (code, {'CONVERSION', 'UNSUPPORTED'})))
        extra = {'path', path};
      end
      if (any (strcmp (m.op, {'undecodable', 'hello'})) || strcmp (code, 'NAME_NOT_FOUND'))
        executed = 'no';
      end
    end
  elseif (strcmp (id, 'Octave:undefined-function') && isempty (frames))
    code = 'NAME_NOT_FOUND';
  elseif (strncmp (text, 'parse error', 11))
    [text, where] = arcuate__parse_error (m, text);
    id = 'Octave:parse-error';
    if (! isempty (where))
      extra = {'line', where(1), 'column', where(2)};
    end
  end
  text(text == char (1)) = ' ';
  class = {'error'};
  if (! isempty (id))
    class = {id, 'error'};
  end
  try
    arcuate__events (m.id);
  catch
  end
  arcuate__send ('error', m.id, 'code', code, 'message', text, 'class', class, 'stack', frames, 'identifier', id, 'language', 'Octave', 'executed', executed, extra{:});
end
