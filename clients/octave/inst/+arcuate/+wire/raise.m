function raise(e)
%RAISE Raises the error that a message of the hub describes; E: its fields.
found = {};
known = fieldnames(arcuate.wire.blank_error());
for j = 1:numel(known)
    name = known{j};
    if isfield(e, name) && ~any(strcmp(name, {'code', 'message'}))
        x = e.(name);
        if any(strcmp(name, {'class', 'stack'})) && ischar(x)
            x = {x};
        elseif any(strcmp(name, {'class', 'stack'})) && isempty(x)
            x = {};
        end
        if iscell(x)
            x = reshape(x, 1, []);
        end
        found = [found, {name, x}]; %#ok<AGROW>
    end
end
text = '';
if isfield(e, 'message')
    text = e.message;
end
arcuate.wire.fail(e.code, text, found{:});
end
