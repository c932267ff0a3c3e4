function n = handle_node(v)
%HANDLE_NODE The node of an object: one that stays in an interpreter, since others of this side cannot travel.
if ~isa(v, 'arcuate.Remote')
    error('Arcuate:conversion', ['an object of class %s has no form elsewhere; send what it holds as numbers, ' ...
        'texts, cells and structs'], class(v));
end
id = arcuate.wire.utf8(arcuate.wire.name_of(v)); info = v.info;
n = arcuate.wire.group(20, {'info'}, {@() arcuate.wire.encode(struct('callable', isfield(info, 'callable') && ...
    isequal(info.callable, true)))}, 'text', id);
end
