function found = environments(c)
%ENVIRONMENTS What a hub offers: a struct array of name, language, doc, options and eval.
%   FOUND = ARCUATE.ENVIRONMENTS(C), or ARCUATE.ENVIRONMENTS(URL) for a hub that needs no token.
c = arcuate.wire.word(c);
if ischar(c)
    c = arcuate.open(c);
end
list = arcuate.wire.simple(c, 'environments', {});
found = struct('name', {}, 'language', {}, 'doc', {}, 'options', {}, 'eval', {});
for j = 1:numel(list)
    if iscell(list)
        e = list{j};
    else
        e = list(j);
    end
    for name = fieldnames(found).'
        found(j).(name{1}) = [];
        if isfield(e, name{1})
            found(j).(name{1}) = e.(name{1});
        end
    end
end
end
