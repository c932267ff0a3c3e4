function arcuate__events (id)
  % Before a reply: flushes what was printed, reports a new warning, sends figures that are new or changed.
  persistent last = '';
  mlock ();
  fflush (stdout);
  fflush (stderr);
  [text, name] = lastwarn ();
  if (! strcmp (text, last))
    last = text;
    if (! isempty (text))
      class = {'warning'};
      if (! isempty (name))
        class = {name, 'warning'};
      end
      arcuate__send ('event', id, 'type', 'warning', 'text', text, 'class', class, 'printed', true);
    end
  end
  if (! isempty (get (0, 'children')))
    arcuate__figures (id);
  end
end
