function value = getvar(c, name, varargin)
%GETVAR A variable of the session's workspace.
%   VALUE = ARCUATE.GETVAR(C, NAME); ARCUATE.OPTIONS('keep', true) may follow.
value = arcuate.wire.simple(c, 'get', {'name', name}, varargin);
end
