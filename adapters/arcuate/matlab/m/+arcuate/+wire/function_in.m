function v = function_in(id, info) %#ok<INUSD>
%FUNCTION_IN The function handle that calls a function of the caller.
v = @(varargin) arcuate.callback(id, varargin{:});
end
