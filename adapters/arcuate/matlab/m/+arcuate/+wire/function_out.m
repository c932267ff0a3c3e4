function n = function_out(v)
%FUNCTION_OUT The node of a function handle: a function of the caller, or an object that stays here.
id = arcuate.callback_id(v);
if isempty(id)
    n = arcuate.wire.handle_node(v);
else
    n = arcuate.wire.node(19, 'text', arcuate.wire.utf8(id));
end
end
