function file = arcuate__file (name)
  % The .m file of a function, also "package.function"; '' where there is none.
  mlock ();
  parts = ostrsplit (name, '.');
  file = '';
  if (numel (parts) == 1)
    file = file_in_loadpath ([name '.m']);
    if (isempty (file))
      file = '';
    end
    return;
  end
  tail = [sprintf('+%s/', parts{1:end-1}), parts{end}, '.m'];
  for folder = [{'.'}, ostrsplit(path (), pathsep ())]
    if (exist (fullfile (folder{1}, tail), 'file') == 2)
      file = fullfile (folder{1}, tail);
      return;
    end
  end
end
