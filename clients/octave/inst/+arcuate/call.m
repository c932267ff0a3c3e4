function varargout = call(c, f, varargin)
%CALL Calls a function of the environment and returns what it returns.
%   [Y1, Y2, ...] = ARCUATE.CALL(C, NAME, X1, X2, ...) calls the function NAME, such as 'mean' or
%   'stats::quantile', or an ARCUATE.REMOTE that can be called. As many outputs are asked for as are assigned,
%   one at least. Among the arguments there may be ARCUATE.NAMED(...) and ARCUATE.OPTIONS(...). A function
%   handle as an argument can be called from there while the call runs.
%
%   Example:
%     [u, s, v] = arcuate.call(c, 'svd', magic(3));
%     q = arcuate.call(c, 'quantile', [1 2 3 10], arcuate.named('probs', 0.5));
[op, fields, how, count] = arcuate.wire.call_request(f, varargin, nargout);
varargout = arcuate.wire.results(arcuate.wire.ask(c, op, fields, how), count);
end
