function d = dtypes(x)
%DTYPES The name of a dtype code, or the code of a name.
names = {'', 'bool', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8', 'c16', 'text', ...
    'datetime', 'date', 'duration'};
if ischar(x)
    d = find(strcmp(x, names)) - 1;
else
    d = names{x + 1};
end
end
