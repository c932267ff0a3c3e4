function v = simple(c, op, fields, given)
%SIMPLE A request whose arguments are options only; the value of its reply.
if nargin < 4
    given = {};
end
[args, more, how] = arcuate.wire.arguments(given, 1);
if ~isempty(args)
    arcuate.wire.fail('INVALID_ARGUMENT', sprintf('arcuate.%s was given %d arguments too many', op, numel(args)));
end
v = arcuate.wire.ask(c, op, [fields, more], how);
if isfield(v, 'value')
    v = v.value;
else
    v = [];
end
end
