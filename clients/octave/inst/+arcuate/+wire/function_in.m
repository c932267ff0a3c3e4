function v = function_in(id, info) %#ok<INUSD>
%FUNCTION_IN The function that the hub names: one of this side that comes back is the same again.
c = arcuate.wire.session();
k = str2double(id);
if ~isempty(c) && k >= 1 && k <= numel(c.state.functions)
    v = c.state.functions{k};
else
    v = @(varargin) arcuate.wire.foreign(id, varargin{:});
end
end
