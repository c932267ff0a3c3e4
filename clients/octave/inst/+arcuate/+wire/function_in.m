function v = function_in(id, info) %#ok<INUSD>
%FUNCTION_IN The function that the hub names: one of this side that comes back, and is the same again.
c = arcuate.wire.session();
k = str2double(id);
if isempty(c) || isnan(k) || k > numel(c.state.functions) || k < 1
    error('Arcuate:unsupported', 'a function ''%s'' that is none of this session; ask for a handle: arcuate.keep', id);
end
v = c.state.functions{k};
end
