function setvar(c, name, value)
%SETVAR Makes a variable in the session's workspace.
%   ARCUATE.SETVAR(C, NAME, VALUE)
arcuate.wire.simple(c, 'set', {'name', name, 'value', @() arcuate.wire.encode(value)});
end
