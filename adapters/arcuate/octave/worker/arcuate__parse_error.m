function [text, where] = arcuate__parse_error (m, text)
  % Adds line and column to the message of a parse error, which Octave gives for files only: the code is parsed once more, as a file.
  where = [];
  if (! isfield (m, 'code'))
    return;
  end
  file = [tempname() '.m'];
  fid = fopen (file, 'w');
  if (fid < 0)
    return;
  end
  fwrite (fid, ["1;\n" m.code "\n"]);   % a script, even where it begins with a function
  fclose (fid);
  unwind_protect
    try
      __parse_file__ (file);
    catch err
      line = regexp (err.message, 'near line (\d+)', 'tokens', 'once');
      caret = regexp (err.message, '>>> ([^\n]*)\n( *)\^', 'tokens', 'once');
      if (! isempty (line))
        where = [str2double(line{1}) - 1, 1];
        if (! isempty (caret))
          where(2) = max (1, numel (caret{2}) - 3);
        end
        text = regexprep (err.message, 'near line \d+ of file \S+', sprintf ('near line %d, column %d', where));
      end
    end
  unwind_protect_cleanup
    unlink (file);
  end_unwind_protect
end
