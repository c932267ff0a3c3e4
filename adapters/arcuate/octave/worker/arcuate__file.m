function file = arcuate__file (name)
  % The .m file of a function, also "package.function"; '' where there is none.
  mlock ();
  parts = ostrsplit (name, '.');
  tail = [sprintf('+%s/', parts{1:end-1}), parts{end}, '.m'];
  file = '';
  if (numel (parts) == 1)
    file = file_in_loadpath (tail);
    if (isempty (file))
      file = '';
    end
    return;
  end
  for folder = [{'.'}, ostrsplit(path (), pathsep ())]
    if (exist (fullfile (folder{1}, tail), 'file') == 2)
      file = fullfile (folder{1}, tail);
      return;
    end
  end
end
