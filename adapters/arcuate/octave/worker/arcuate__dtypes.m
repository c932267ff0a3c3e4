function names = arcuate__dtypes ()
  % The names of the dtypes, by code + 1.
  names = {'', 'bool', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8', 'c16', 'text', 'datetime', 'date', 'duration'};
end
