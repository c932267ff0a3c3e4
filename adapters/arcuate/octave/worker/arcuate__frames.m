function frames = arcuate__frames (err)
  % The call stack of an error without the worker's own frames, outermost first, as texts.
  mlock ();
  frames = {};
  s = err.stack;
  for j = numel (s):-1:1
    name = s(j).name;
    if (strncmp (name, 'arcuate__', 9))
      if (strncmp (name, 'arcuate__callback', 17) || strcmp (name, 'arcuate__proxy'))
        continue;
      end
      frames = {};
      continue;
    end
    place = '';
    if (s(j).line > 0)
      place = sprintf (' at line %d, column %d', s(j).line, s(j).column);
    end
    if (! isempty (s(j).file))
      place = [place ' (' s(j).file ')'];
    end
    frames{end+1} = [name place];
  end
end
