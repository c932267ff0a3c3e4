function varargout = evaluate(c, code, varargin)
%EVALUATE The value of an expression of the environment's language.
%   Y = ARCUATE.EVALUATE(C, CODE); ARCUATE.OPTIONS(...) may follow.
%
%   Example:
%     x = arcuate.evaluate(c, '[k**2 for k in range(4)]')
code = arcuate.wire.word(code);
[args, more, how, count] = arcuate.wire.arguments(varargin, nargout);
if ~isempty(args) || ~ischar(code)
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.evaluate takes a connection, code (text) and arcuate.options(...)');
end
varargout = arcuate.wire.results(arcuate.wire.ask(c, 'eval', [{'code', code}, more], how), count);
end
