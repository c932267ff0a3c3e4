function n = function_out(v)
%FUNCTION_OUT The node of a function handle: the other side may call it while a call of this session runs.
if strncmp(func2str(v), '@(varargin) arcuate.wire.foreign', 32)
    held = functions(v);
    n = arcuate.wire.node(19, 'text', arcuate.wire.utf8(held.workspace{1}.id));
    return
end
c = arcuate.wire.session();
if isempty(c)
    error('Arcuate:conversion', 'a function can be sent in a session only; give it to arcuate.call or arcuate.setvar');
end
k = numel(c.state.functions) + 1;
c.state.functions{k} = v;
name = func2str(v);
try
    arcuate.wire.utf8(name);
catch
    name = 'function';
end
n = arcuate.wire.group(19, {'info'}, {@() arcuate.wire.group(9, {'name'}, {@() arcuate.wire.encode(name)})}, ...
    'text', arcuate.wire.utf8(sprintf('%d', k)));
end
