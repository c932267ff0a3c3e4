function d = code_of(cls)
%CODE_OF The dtype code of a numeric class or logical.
d = find(strcmp(cls, {'logical', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', '', ...
    'single', 'double'}));
end
