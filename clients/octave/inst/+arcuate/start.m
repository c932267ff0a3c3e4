function p = start(c, code, varargin)
%START Begins to run statements and returns at once; as ARCUATE.RUN.
%   P = ARCUATE.START(C, CODE). ARCUATE.VALUE(P) waits for the end, ARCUATE.DONE(P) says whether it is over,
%   ARCUATE.CANCEL(P) interrupts it. What is printed meanwhile is shown while one of these waits.
code = arcuate.wire.word(code);
[args, ~, how] = arcuate.wire.arguments(varargin, 1);
if ~isempty(args) || ~ischar(code)
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.start takes a connection, code (text) and arcuate.options(...)');
end
p = arcuate.Pending(c, arcuate.wire.submit_request(c, 'run', {'code', code}, how, false), how, 0);
end
