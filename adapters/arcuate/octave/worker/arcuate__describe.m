function d = arcuate__describe (m)
  % What there is to know of a name or an object: {name, kind, doc, signature, parameters}.
  mlock ();
  d = struct ('name', '', 'kind', '', 'doc', '', 'signature', '', 'parameters', {{}});
  if (isfield (m, 'target'))
    if (! is_function_handle (m.target))
      d.kind = 'variable'; d.doc = arcuate__summary (m.target);
      return;
    end
    s = func2str (m.target);
    if (s(1) == '@')
      d.kind = 'function'; d.signature = s; d.name = 'anonymous';
      args = regexp (s, '^@\((.*?)\)', 'tokens', 'once');
      d.parameters = parameters (args{1});
      return;
    end
    m.name = s;
  end
  name = m.name;
  d.name = name;
  if (isempty (regexp (name, '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$')))
    return;
  end
  dotted = any (name == '.');
  if (arcuate__variable (name))
    x = evalin ('base', name);
    d.kind = 'variable'; d.doc = arcuate__summary (x);
    if (is_function_handle (x))
      e = arcuate__describe (struct ('target', x));
      d.kind = e.kind; d.signature = e.signature; d.parameters = e.parameters;
    end
    return;
  end
  file = '';
  if (dotted || any (exist (name) == [2, 103]))
    file = arcuate__file (name);
  end
  if (isempty (file) && (dotted || ! any (exist (name) == [2, 3, 5, 103])))
    if (any (cellfun (@(p) isfolder (fullfile (p, ['+' strrep(name, '.', '/+')])), ostrsplit (path (), pathsep ()))))
      d.kind = 'package';
    end
    return;
  end
  d.kind = 'function';
  line = '';
  if (! isempty (file))
    source = fileread (file);
    line = regexp (source, '^\s*function\s+([^\n%#;]*)', 'tokens', 'once', 'lineanchors');
  elseif (exist (name) == 103)
    line = regexp (evalc (['type ' name]), '^\s*function\s+([^\n%#;]*)', 'tokens', 'once', 'lineanchors');
  end
  usage = '';
  try
    [text, format] = get_help_text (name);
    if (dotted && strcmp (format, 'Not found'))
      text = regexprep (strjoin (regexp (source, '^[ \t]*[%#][^\n]*', 'match', 'lineanchors'), "\n"), '^[ \t]*[%#]+', '', 'lineanchors');
      format = 'plain text';
    end
    if (any (strcmp (format, {'texinfo', 'plain text', 'html'})))
      [d.doc, usage] = plain (text);
    end
  catch
  end
  if (! isempty (line))
    d.signature = strtrim (line{1});
    args = regexp (d.signature, '\((.*)\)\s*$', 'tokens', 'once');
    if (! isempty (args))
      d.parameters = parameters (args{1});
    end
  else
    d.signature = usage;
    d.parameters = parameters ('varargin');
  end
end

function c = parameters (list)
  % Python's view of an argument list.  A default (after =) makes a parameter optional; so does everything else in Octave.
  c = {};
  for p = ostrsplit (list, ',')
    t = regexp (strtrim (p{1}), '^(\w+|~|!)\s*(=\s*(.*))?$', 'tokens', 'once');
    if (isempty (t))
      continue;
    end
    q.name = t{1}; q.kind = 'positional'; q.default = [];
    if (any (strcmp (t{1}, {'~', '!'})))
      q.name = sprintf ('unused%d', numel (c) + 1);
    end
    if (numel (t) > 1)
      q.default = t{end};
    end
    if (strcmp (t{1}, 'varargin'))
      q.kind = 'var';
    end
    c{end+1} = q;
  end
end

function [text, usage] = plain (text)
  % Texinfo to plain text, without makeinfo.  usage: the first form of the call.
  usage = '';
  text = regexprep (text, '^[ \t]*-\*- texinfo -\*-[^\n]*\n', '', 'lineanchors');
  text = regexprep (text, '@(var|code|samp|dfn|emph|strong|command|file|qcode|option|w|asis|env|kbd|key|cite|sc|math|r|i|b|t|acronym|verb|url|email|uref)\{([^{}]*)\}', '$2');
  text = regexprep (text, '@(var|code|samp|dfn|emph|strong|command|file|qcode|option|w|asis|env|kbd|key|cite|sc|math|r|i|b|t)\{([^{}]*)\}', '$2');
  text = regexprep (text, '@(xref|pxref|ref)\{([^{},]*)[^{}]*\}', '$2');
  text = regexprep (text, '@seealso\{([^{}]*)\}', 'See also: $1');
  text = strrep (text, '@dots{}', '...');
  text = regexprep (text, '@(result|equiv|print|error|expansion)\{\}', '=>');
  text = regexprep (text, '@tex.*?@end tex\s*', '');
  text = regexprep (text, '@(deftypefnx?|deftypefunx?|defunx?)[ \t]*\{[^{}]*\}[ \t]*(\{([^{}]*)\})?[ \t]*([^\n]*)', '-- $3 $4');
  text = regexprep (text, '^@(end|group|need|noindent|cindex|findex|ifnottex|ifinfo|example|smallexample|table|itemize|enumerate|sp|opindex|anchor|iftex|multitable)\>[^\n]*\n?', '', 'lineanchors');
  text = regexprep (text, '^@(itemx?|subsubheading)[ \t]*', '* ', 'lineanchors');
  text = regexprep (text, '@[a-z]+\{([^{}]*)\}', '$1');
  text = regexprep (text, '@([@{}])', '$1');
  text = regexprep (text, '@[*:.]', '');
  text = regexprep (text, '[ \t]+\n', "\n");
  text = strtrim (regexprep (text, '\n{3,}', "\n\n"));
  form = regexp (text, '^-- *([^\n]+)', 'tokens', 'once', 'lineanchors');
  if (! isempty (form))
    usage = regexprep (strtrim (form{1}), '\s+', ' ');
  end
end
