function arcuate__path (err, step)
  % Raises err again, with one more step in front of the path that its message begins with.
  if (ischar (step))
    if (isvarname (step))
      step = ['.' step];
    else
      step = ['["' undo_string_escapes(step) '"]'];
    end
  else
    step = sprintf ('[%d]', step);
  end
  text = err.message;
  if (! any (text == char (1)))
    text = [char(1) text];
  end
  error (struct ('identifier', err.identifier, 'message', [step text]));
end
