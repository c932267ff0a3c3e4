function v = chars(v)
%CHARS A char matrix from the mapping that ARCUATE.WIRE.ENCODE makes of it; other structs come back untouched.
if ~(isscalar(v) && ischar(v.arcuate) && strcmp(v.arcuate, 'char'))
    return
end
if isfield(v, 'rows') && iscellstr(v.rows)
    v = char(v.rows{:});
elseif isfield(v, 'codes')
    v = char(v.codes);
elseif isfield(v, 'bytes')
    v = char(v.bytes);
end
end
