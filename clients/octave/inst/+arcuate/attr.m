function value = attr(h, name, varargin)
%ATTR An attribute (Python), element or slot (R), field or property (Octave, MATLAB) of an object that stays there.
%   VALUE = ARCUATE.ATTR(H, NAME); ARCUATE.OPTIONS('keep', true) may follow.
value = arcuate.wire.simple(h.connection, 'attr', {'target', @() arcuate.wire.encode(h), 'attribute', name}, varargin);
end
