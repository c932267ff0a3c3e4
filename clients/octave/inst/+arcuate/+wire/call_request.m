function [op, fields, how, count] = call_request(f, given, wanted)
%CALL_REQUEST The request that calls F, a name or an ARCUATE.REMOTE, with arguments.
f = arcuate.wire.word(f);
[args, more, how, count] = arcuate.wire.arguments(given, wanted);
parts = cell(1, numel(args));
for j = 1:numel(args)
    x = args{j};
    parts{j} = @() arcuate.wire.encode(x);
end
if isa(f, 'arcuate.Remote')
    target = {'target', @() arcuate.wire.encode(f)};
elseif ischar(f) && ~isempty(f)
    target = {'name', f};
else
    arcuate.wire.fail('INVALID_ARGUMENT', 'what is called is the name of a function (text) or an arcuate.Remote');
end
op = 'call';
fields = [target, {'args', @() arcuate.wire.group(8, {}, parts, 'flags', 2)}, more];
end
