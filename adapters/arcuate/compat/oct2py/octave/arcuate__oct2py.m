function varargout = arcuate__oct2py (op, varargin)
  % What the oct2py face asks of Octave beyond Arcuate's own requests.
  %
  % Its name begins as those of the worker's functions do, so that no error shows it among the user's own calls.
  mlock ();   % so that no call looks for a newer file
  switch (op)
    case 'eval'   % runs statements; a struct with the field `value` where they set ans
      evalin ('base', 'clear -variables ans');
      evalin ('base', varargin{1});
      s = struct ();
      evalin ('base', 'arcuate__args (exist ("ans", "var"));');
      if (arcuate__args ())
        s.value = evalin ('base', 'ans');
      end
      varargout{1} = s;
    case 'class'   % what an object of a user class offers
      x = varargin{1};
      state = warning ('off', 'all');
      unwind_protect
        s.class = class (x);
        s.fields = cellstr (fieldnames (x)(:).');
        s.methods = cellstr (methods (x)(:).');
        s.get = any (strcmp (s.methods, 'get'));   % an object of an old class lets its own methods alone read it
      unwind_protect_cleanup
        warning (state);
      end_unwind_protect
      varargout{1} = s;
    case 'property'   % of an object of a classdef
      varargout{1} = varargin{1}.(varargin{2});
    case 'assign'   % the object with another value in a property
      x = varargin{1};
      x.(varargin{2}) = varargin{3};
      varargout{1} = x;
    case 'doc'
      name = varargin{1};
      try
        varargout{1} = evalc ('help (name)');
      catch
        varargout{1} = evalc ('type (name)');
      end
    case 'figures'
      varargout{1} = figures (varargin{:});
  end
end

function files = figures (folder, p, changed, finish)
  % Prints the open figures into files of a folder.
  %
  % p        struct with name, format, and width, height (pixels) and resolution, or [] where nothing is said
  % changed  only those that were drawn since the last time
  % finish   closes them
  files = {};
  for h = sort (get (0, 'children')).'
    if (! strcmp (get (h, 'type'), 'figure') || isempty (get (h, 'children')) || (changed && ! strcmp (get (h, '__modified__'), 'on')))
      continue;
    end
    file = fullfile (folder, sprintf ('%s%03d.%s', p.name, numel (files) + 1, p.format));
    options = {['-d' p.format]};
    if (strcmp (p.format, 'jpg'))
      options = {'-djpeg'};
    end
    if (strcmp (get (h, '__graphics_toolkit__'), 'gnuplot') && any (strcmp (p.format, {'png', 'pdf'})))
      options{1} = [options{1} 'cairo'];   % its plain devices need Ghostscript
    end
    place = get (h, 'position');
    if (! isempty (p.width))
      place(3) = p.width;
    end
    if (! isempty (p.height))
      place(4) = p.height;
    end
    if (isempty (p.resolution))
      options{end+1} = sprintf ('-S%d,%d', place(3:4));
    else
      options{end+1} = sprintf ('-r%d', p.resolution);
    end
    state = warning ('off', 'all');
    unwind_protect
      print (h, file, options{:});
    unwind_protect_cleanup
      warning (state);
    end_unwind_protect
    set (h, '__modified__', 'off');
    files{end+1} = file;
  end
  if (finish)
    close ('all');
  end
end
