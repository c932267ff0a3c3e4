function arcuate__figures (id, format)
  % Sends each figure that is new or changed since the last time as a `display` event.
  %
  % arcuate__figures ('format', mime) chooses the format: image/png, image/svg+xml or application/pdf; '' sends none.
  % Where no toolkit can print without a window, nothing is sent; that is said once on standard error.
  persistent mime = 'image/png'; persistent told = false;
  persistent known = [];   % the figures that were sent once; drawnow () takes the mark of change also from one that was not
  mlock ();
  if (ischar (id))
    mime = format;
    return;
  end
  shown = sort (get (0, 'children')).';
  known = known(ismember (known, shown));
  for h = shown
    if (! strcmp (get (h, 'type'), 'figure') || ! (strcmp (get (h, '__modified__'), 'on') || ! any (known == h)))
      continue;
    end
    if (strcmp (mime, 'none') || isempty (get (h, 'children')))
      continue;
    end
    devices = struct ('image_png', '-dpng', 'image_svg_xml', '-dsvg', 'application_pdf', '-dpdf');
    device = devices.(regexprep (mime, '\W', '_'));
    size = {};
    file = [tempname() '.' device(3:end)];
    if (strcmp (get (h, '__graphics_toolkit__'), 'gnuplot') && ! strcmp (device, '-dsvg'))
      % gnuplot's own output: the plain device draws PostScript and needs Ghostscript, and where that is missing leaves files behind.
      device = [device 'cairo'];
      p = [8, 6];
      if (strcmp (get (h, 'paperunits'), 'inches'))
        p = get (h, 'paperposition')(3:4);
      end
      if (strcmp (mime, 'image/png'))
        size = {sprintf('-S%d,%d', round (150 * p))};   % as large as the plain device makes it; -r would be half ignored
      end
    end
    bytes = [];
    state = warning ();
    unwind_protect
      try
        warning ('off', 'all');
        try
          print (h, file, device, size{:});
        catch   % a gnuplot without cairo
          print (h, file, strrep (device, 'cairo', ''));
        end
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
    known(end+1) = h;
  end
end
