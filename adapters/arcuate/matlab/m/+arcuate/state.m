function v = state(name, value)
%STATE What the worker remembers: V = ARCUATE.STATE(NAME), ARCUATE.STATE(NAME, VALUE).
persistent kept
if isempty(kept)
    mlock();
    kept = struct('prefix', '', 'threshold', Inf, 'pending', [], 'calls', '', 'answers', '', 'number', 0, ...
        'mime', 'image/png', 'visible', '');
end
if nargin > 1
    kept.(name) = value;
else
    v = kept.(name);
end
end
