function remove(c, name)
%REMOVE Removes a variable from the session's workspace.
%   ARCUATE.REMOVE(C, NAME)
arcuate.wire.simple(c, 'delete', {'name', name});
end
