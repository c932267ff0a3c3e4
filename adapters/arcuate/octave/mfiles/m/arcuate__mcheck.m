function arcuate__mcheck (work)
  % Has Octave's own parser read files, and tells which names Octave knows.  For arcuate/octave/mfiles/parser.py.
  %
  % work: a folder with the texts of parser.py, items ended by NUL: files (one letter, then the path or the name of a
  % class), names, folders, packages.  Writes found: lines "kind NUL number or name NUL text", ended by char (1).
  %
  % Once the folders are on the path only functions are called that are compiled in, since a folder may redefine others.
  out = fopen (fullfile (work, 'found'), 'a');
  packages = items (work, 'packages');
  for j = 1:numel (packages)
    try
      pkg ('load', packages{j});
    catch err
      say (out, 'package', packages{j}, err.message);
    end
  end
  names = items (work, 'names');
  for j = 1:numel (names)
    if (any (exist (names{j}) == [2, 3, 5, 103]))
      say (out, 'known', names{j}, '');
    end
  end
  for name = methods_of_classes (names)
    say (out, 'known', name{1}, '');
  end
  installed = pkg ('list');
  for j = 1:numel (installed)
    say (out, 'installed', installed{j}.name, installed{j}.version);
  end
  say (out, 'version', OCTAVE_VERSION (), file_in_loadpath ('__unimplemented__.m'));
  files = items (work, 'files');
  folders = items (work, 'folders');
  if (! isempty (folders))
    addpath (folders{:});
  end
  start = str2double (fileread (fullfile (work, 'start')));
  for j = start:numel (files)
    say (out, 'begin', sprintf ('%d', j), '');
    lastwarn ('');
    try
      if (files{j}(1) == 'c')
        meta.class.fromName (files{j}(2:end));
      else
        __parse_file__ (files{j}(2:end));
      end
    catch err
      say (out, 'error', sprintf ('%d', j), err.message);
    end
    text = lastwarn ();
    if (! isempty (text))
      say (out, 'warning', sprintf ('%d', j), text);
    end
  end
  say (out, 'end', '', '');
  fclose (out);
end

function say (out, kind, name, text)
  fwrite (out, [kind, char(0), name, char(0), text, char(1)]);
  fflush (out);
end

function c = items (work, name)
  c = ostrsplit (fileread (fullfile (work, name)), char (0));
  c = c(1:end-1);
end

function found = methods_of_classes (names)
  % Those of the names that are methods of classes that Octave has: f (object) calls them, and exist does not see them.
  all = methods ('containers.Map')(:).';
  all = [all, methods('inputParser')(:).'];
  for folder = ostrsplit (path (), pathsep ())
    for class = glob (fullfile (folder{1}, '@*')).'
      all = [all, regexprep({dir(fullfile (class{1}, '*.m')).name}, '\.m$', '')];
    end
  end
  found = intersect (names(:).', unique (all(:).'));
end
