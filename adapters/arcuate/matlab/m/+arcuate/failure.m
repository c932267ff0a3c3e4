function n = failure(m, err)
%FAILURE The error message that answers a request.
id = err.identifier; text = err.message; code = 'REMOTE_ERROR'; executed = 'yes'; path = '';
frames = arcuate.stack(err);
known = {'conversion', 'CONVERSION'; 'unsupported', 'UNSUPPORTED'; 'stale', 'STALE_HANDLE'; ...
    'protocol', 'PROTOCOL_ERROR'};
codes = {'NAME_NOT_FOUND', 'INVALID_ARGUMENT', 'LIMIT_EXCEEDED', 'INTERNAL', 'UNSUPPORTED', 'STALE_HANDLE'};
if strncmp(id, 'Arcuate:', 8) && isempty(frames)
    k = find(strcmp(id(9:end), known(:,1)), 1);
    if ~isempty(k)
        code = known{k,2};
    elseif any(strcmp(id(9:end), codes))
        code = id(9:end);
    end
    if ~strcmp(code, 'REMOTE_ERROR')
        id = '';
    end
    if any(strcmp(code, {'CONVERSION', 'UNSUPPORTED'}))
        k = find(text == char(1), 1);
        path = '$';
        if ~strcmp(m.op, 'undecodable')
            path = '$.value';
        end
        if ~isempty(k)
            path = [path text(1:k-1)];
            text = text(k+1:end);
        end
    end
    if strcmp(m.op, 'undecodable') || strcmp(code, 'NAME_NOT_FOUND')
        executed = 'no';
    end
elseif any(strcmp(id, {'MATLAB:UndefinedFunction', 'Octave:undefined-function'})) && isempty(frames)
    code = 'NAME_NOT_FOUND';
end
text(text == char(1) | text == 0) = ' ';
place = regexp(text, 'Line: (\d+) Column: (\d+)', 'tokens', 'once'); % of code that does not parse
classes = {'error'};
if isa(err, 'MException') && ~strcmp(class(err), 'MException')
    classes = {class(err), 'error'};
end
if ~isempty(id)
    classes = [{id}, classes];
end
extra = {};
if ~isempty(place)
    extra = {'line', @() count(place{1}), 'column', @() count(place{2})};
end
if ~isempty(path)
    extra = [extra, {'path', @() arcuate.wire.encode(path)}];
end
n = arcuate.message('error', m.id, 'code', @() arcuate.wire.encode(code), 'message', ...
    @() printable(text), 'class', @() texts(classes), 'stack', @() texts(frames), 'identifier', ...
    @() arcuate.wire.encode(id), 'language', @() arcuate.wire.encode(arcuate.language()), 'executed', ...
    @() arcuate.wire.encode(executed), extra{:});
end

function n = texts(c)
parts = cell(1, numel(c));
for j = 1:numel(c)
    s = c{j};
    parts{j} = @() printable(s);
end
n = arcuate.wire.group(8, {}, parts);
end

function n = printable(s)
s = reshape(s, 1, []);
try
    n = arcuate.wire.encode(s);
catch
    n = arcuate.wire.encode(s(s > 0 & s < 128));
end
end

function n = count(digits)
n = arcuate.wire.node(2, 'value', uint64(str2double(digits)));
end
