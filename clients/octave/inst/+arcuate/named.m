function a = named(varargin)
%NAMED Named arguments of ARCUATE.CALL: R's named arguments, Python's keywords, Octave's name-value pairs.
%   A = ARCUATE.NAMED(NAME, VALUE, ...)
%
%   Example:
%     arcuate.call(c, 'quantile', [1 2 3 10], arcuate.named('probs', 0.5, 'names', false))
varargin(1:2:end) = cellfun(@arcuate.wire.word, varargin(1:2:end), 'UniformOutput', false);
if mod(nargin, 2) || ~all(cellfun(@ischar, varargin(1:2:end)))
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.named takes pairs of a name (text) and a value');
end
names = varargin(1:2:end);
if numel(unique(names)) < numel(names)
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.named was given a name twice');
end
a = arcuate.Special('named', varargin);
end
