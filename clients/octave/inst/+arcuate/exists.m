function yes = exists(c, name)
%EXISTS Whether the session's workspace has a variable.
%   YES = ARCUATE.EXISTS(C, NAME)
yes = arcuate.wire.simple(c, 'exists', {'name', name});
end
