function restart(c)
%RESTART Replaces the interpreter of a session by a fresh one: variables are gone, objects that stayed there too.
%   ARCUATE.RESTART(C)
arcuate.wire.simple(c, 'restart', {});
c.state.released = {};
end
