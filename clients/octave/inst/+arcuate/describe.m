function d = describe(c, what)
%DESCRIBE What is known about a function: a struct with the signature, the help text and more.
%   D = ARCUATE.DESCRIBE(C, NAME), or of an ARCUATE.REMOTE.
if isa(what, 'arcuate.Remote')
    d = arcuate.wire.simple(c, 'describe', {'target', @() arcuate.wire.encode(what)});
else
    d = arcuate.wire.simple(c, 'describe', {'name', what});
end
end
