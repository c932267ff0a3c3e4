function a = options(varargin)
%OPTIONS How a call is made; given among the arguments of ARCUATE.CALL, EVALUATE, RUN, SUBMIT and KEEP.
%   A = ARCUATE.OPTIONS(NAME, VALUE, ...)
%
%   'timeout'  seconds after which the call is interrupted
%   'keep'     true: the result stays there, and an ARCUATE.REMOTE comes back
%   'output'   a function that is given what the call prints, as (stream, text), while it runs
%   'nargout'  how many outputs are asked for, instead of as many as are assigned
%
%   Example:
%     x = arcuate.evaluate(c, 'slow(3)', arcuate.options('timeout', 2.5))
varargin(1:2:end) = cellfun(@arcuate.wire.word, varargin(1:2:end), 'UniformOutput', false);
allowed = {'timeout', 'keep', 'output', 'nargout'};
if mod(nargin, 2) || ~all(cellfun(@ischar, varargin(1:2:end)))
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.options takes pairs of a name (text) and a value');
end
bad = find(~ismember(varargin(1:2:end), allowed), 1);
if ~isempty(bad)
    arcuate.wire.fail('INVALID_ARGUMENT', sprintf('there is no option ''%s''; there are %s', varargin{2*bad-1}, ...
        strjoin(allowed, ', ')));
end
a = arcuate.Special('options', varargin);
end
