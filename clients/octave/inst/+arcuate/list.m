function names = list(c)
%LIST The names of the variables in the session's workspace, as a cell of texts.
%   NAMES = ARCUATE.LIST(C)
names = arcuate.wire.simple(c, 'list', {});
if isempty(names)
    names = {};
end
names = cellstr(names);
names = reshape(names, 1, []);
end
