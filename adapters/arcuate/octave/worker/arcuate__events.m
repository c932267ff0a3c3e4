function arcuate__events (id)
  % Before a reply: flushes what was printed, reports a new warning, sends figures that are new or changed.
  mlock ();
  fflush (stdout);
  fflush (stderr);
  % A blank behind its identifier marks a warning as reported, so that the same one is noticed when it comes again.
  [text, name] = lastwarn ();
  if (! isempty (text) && (isempty (name) || name(end) != ' '))
    lastwarn (text, [name ' ']);
    class = {'warning'};
    if (! isempty (name))
      class = {name, 'warning'};
    end
    arcuate__send ('event', id, 'type', 'warning', 'text', text, 'class', class, 'printed', true);
  end
  if (! isempty (get (0, 'children')))
    arcuate__figures (id);
  end
end
