function s = arcuate__summary (v)
  % One line that says what an object is.
  s = '';
  if (is_function_handle (v))
    s = func2str (v);
    if (s(1) != '@')
      s = ['@' s];
    end
  else
    s = sprintf ('<%s %s>', strjoin (arrayfun (@num2str, size (v), 'uniformoutput', false), 'x'), class (v));
  end
  s = __u8_validate__ (s(s != 0));
  if (numel (s) > 200)
    s = [s(s(1:200) < 128)(1:end) '...'];
  end
end
