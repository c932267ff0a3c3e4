function text = show(h)
%SHOW The printed form of an object that stays there, as its language prints it.
%   ARCUATE.SHOW(H) prints it, TEXT = ARCUATE.SHOW(H) returns it.
v = arcuate.wire.simple(h.connection, 'show', {'target', @() arcuate.wire.encode(h)});
if isstruct(v) && isfield(v, 'text')
    v = v.text;
end
if nargout
    text = v;
else
    fprintf('%s\n', v);
end
end
