function setattr(h, name, value)
%SETATTR Sets an attribute of an object that stays there.
%   ARCUATE.SETATTR(H, NAME, VALUE)
arcuate.wire.simple(h.connection, 'setattr', {'target', @() arcuate.wire.encode(h), 'attribute', name, 'value', ...
    @() arcuate.wire.encode(value)});
end
