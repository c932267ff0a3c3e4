function varargout = keep(c, f, varargin)
%KEEP As ARCUATE.CALL, but the results stay there and ARCUATE.REMOTE objects come back.
%   H = ARCUATE.KEEP(C, NAME, X1, ...)
[varargout{1:max(nargout, 1)}] = arcuate.call(c, f, varargin{:}, arcuate.options('keep', true));
end
