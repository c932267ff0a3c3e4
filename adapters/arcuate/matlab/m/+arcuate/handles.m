function v = handles(op, x)
%HANDLES The objects that stay here, by the text id 'generation:number', with how often each was sent.
persistent objects counts generation next
if isempty(next)
    mlock();
    objects = containers.Map('KeyType', 'char', 'ValueType', 'any');
    counts = containers.Map('KeyType', 'char', 'ValueType', 'any');
    generation = 0; next = 1;
end
v = [];
switch op
    case 'put'
        v = sprintf('%d:%d', generation, next);
        next = next + 1;
        objects(v) = {x};
        counts(v) = 1;
    case 'get'
        if ~isKey(objects, x)
            error('Arcuate:stale', ['the object %s is no longer in this MATLAB: it was released, or MATLAB was ' ...
                'restarted; create it again'], x);
        end
        v = objects(x);
        v = v{1};
    case 'release'
        x = reshape(x, 1, []);
        for j = 1:numel(x)
            id = x{j};
            if isKey(objects, id)
                counts(id) = counts(id) - 1;
                if counts(id) < 1
                    remove(objects, id);
                    remove(counts, id);
                end
            end
        end
    case 'generation'
        generation = x;
    case 'clear'
        remove(objects, keys(objects));
        remove(counts, keys(counts));
    case 'count'
        v = double(objects.Count);
end
end
