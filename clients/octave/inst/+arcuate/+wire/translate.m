function translate(err, base, executed)
%TRANSLATE Raises an error of ARCUATE.WIRE as one of the closed codes; others are raised as they are.
%   BASE: the path of what was read or written. EXECUTED: whether the call was carried out.
if ~strncmp(err.identifier, 'Arcuate:', 8)
    rethrow(err);
end
kind = regexp(err.identifier(9:end), '^[^:]*', 'match', 'once');
codes = {'conversion', 'CONVERSION'; 'protocol', 'PROTOCOL_ERROR'; 'unsupported', 'UNSUPPORTED'; ...
    'stale', 'STALE_HANDLE'; 'limit', 'LIMIT_EXCEEDED'; 'lost', 'CONNECTION_LOST'};
k = find(strcmp(kind, codes(:,1)), 1);
if isempty(k)
    rethrow(err);
end
text = err.message; path = '';
at = find(text == char(1), 1);
if ~isempty(at)
    path = text(1:at-1); text = text(at+1:end);
end
if k < 4 && (k ~= 2 || ~isempty(at))
    path = strrep(strrep([base path], '["', '['''), '"]', ''']');
    text = [text ' - at ' path];
else
    path = '';
end
setting = '';
if k == 5
    setting = err.identifier(15:end);
end
arcuate.wire.fail(codes{k,2}, text, 'path', path, 'setting', setting, 'executed', executed);
end
