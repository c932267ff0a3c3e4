function run(c, code, varargin)
%RUN Runs statements of the environment's language; what they print is shown while they run.
%   ARCUATE.RUN(C, CODE); ARCUATE.OPTIONS(...) may follow.
code = arcuate.wire.word(code);
[args, ~, how] = arcuate.wire.arguments(varargin, 1);
if ~isempty(args) || ~ischar(code)
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.run takes a connection, code (text) and arcuate.options(...)');
end
arcuate.wire.ask(c, 'run', {'code', code}, how);
end
