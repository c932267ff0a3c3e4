function v = handle_in(id, info)
%HANDLE_IN The object that stands here for one that stays in the interpreter.
if isempty(info)
    info = {struct()};
end
v = arcuate.Remote(arcuate.wire.session(), id, info{1});
end
