function t = target(url)
%TARGET The parts of a hub's address: scheme, host, port, path of a socket file, environment, secure.
m = regexp(url, '^(https?|zmq)://(\[[^\]]+\]|[^:/]+)(:\d+)?(/[^/?#]*)?$', 'tokens', 'once');
t = struct('scheme', '', 'host', '', 'port', 0, 'path', '', 'environment', '', 'secure', false, 'address', '');
if strncmp(url, 'zmq+ipc://', 10)
    t.scheme = 'zmq';
    t.path = url(11:end);
    if ~isempty(t.path) && exist(t.path, 'file') == 0 % the last part is the name of an environment
        [t.path, name, more] = fileparts(t.path);
        t.environment = [name more];
    end
    codes = unique(regexp(t.path, '%[0-9A-Fa-f]{2}', 'match'));
    for code = [setdiff(codes, {'%25'}), intersect(codes, {'%25'})]
        t.path = strrep(t.path, code{1}, char(hex2dec(code{1}(2:3))));
    end
    t.address = t.path;
    return
end
if isempty(m)
    arcuate.wire.fail('INVALID_ARGUMENT', sprintf(['''%s'' is no address of a hub; write http://host:8080/r, ' ...
        'https://..., zmq://host:5555/r or zmq+ipc:///folder/socket/r'], url));
end
m = reshape(m, 1, []);
m(end+1:4) = {''};
t.scheme = strrep(m{1}, 'https', 'http');
t.secure = strcmp(m{1}, 'https');
t.host = m{2};
for x = m(3:4)
    if strncmp(x{1}, ':', 1)
        t.port = str2double(x{1}(2:end));
    elseif strncmp(x{1}, '/', 1)
        t.environment = x{1}(2:end);
    end
end
if ~t.port
    ports = struct('http', 8080, 'zmq', 5555);
    t.port = ports.(t.scheme);
end
t.address = sprintf('%s:%d', t.host, t.port);
end
