function varargout = fclose (fid)
  % Closes a file. "all" leaves the channel to the caller open.
  if (nargin != 1)
    print_usage ('fclose');
  end
  if (ischar (fid) && strcmp (fid, 'all'))
    kept = arcuate__channel ('files');
    for f = reshape (fopen ('all'), 1, [])
      if (! any (f == kept))
        builtin ('fclose', f);
      end
    end
    varargout{1} = 0;
  else
    if (nargout)
      varargout{1} = builtin ('fclose', fid);
    else
      builtin ('fclose', fid);
    end
  end
end
