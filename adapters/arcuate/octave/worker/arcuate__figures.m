function arcuate__figures (id, format)
  % Sends each figure that is new or changed since the last time as a `display` event.
  %
  % arcuate__figures ('format', mime) chooses the format: image/png, image/svg+xml or application/pdf; '' sends none.
  % Where no toolkit can print without a window, nothing is sent; that is said once on standard error.
  persistent mime = 'image/png'; persistent told = false;
  mlock ();
  if (ischar (id))
    mime = format;
    return;
  end
  for h = get (0, 'children').'
    if (! strcmp (get (h, 'type'), 'figure') || ! strcmp (get (h, '__modified__'), 'on'))
      continue;
    end
    if (strcmp (mime, 'none') || isempty (get (h, 'children')))
      continue;
    end
    devices = struct ('image_png', '-dpng', 'image_svg_xml', '-dsvg', 'application_pdf', '-dpdf');
    device = devices.(regexprep (mime, '\W', '_'));
    file = [tempname() '.' device(3:end)];
    bytes = [];
    state = warning ();
    unwind_protect
      try
        warning ('off', 'all');
        print (h, file, device);
        fid = fopen (file, 'r');
        if (fid >= 0)
          bytes = fread (fid, Inf, 'uint8=>uint8').';
          fclose (fid);
        end
      catch err
        reason = err.message;
      end
    unwind_protect_cleanup
      warning (state);
      if (exist (file, 'file'))
        unlink (file);
      end
    end_unwind_protect
    if (! isempty (bytes))
      arcuate__send ('event', id, 'type', 'display', 'mime', mime, 'data', bytes);
    elseif (! told)
      told = true;
      fputs (stderr, "Arcuate: this Octave cannot draw figures without a window; install gnuplot (or Octave's Qt toolkit) to receive them\n");
      fflush (stderr);
    end
    set (h, '__modified__', 'off');
  end
end
