function c = class_of(dtype)
%CLASS_OF The class of a dtype code.
names = {'logical', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', '', 'single', 'double'};
c = names{dtype};
end
