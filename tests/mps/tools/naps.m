function t = naps (file)
  % NAPS  Waits until it is stopped; the file says that it has begun.
  fclose (fopen (file, 'w'));
  while (true)
    pause (0.02);
  end
end
