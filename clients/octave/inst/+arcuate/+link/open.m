function [link, name] = open(t, options)
%OPEN The link to the hub at T by one of the ways that this program has; see ARCUATE.OPEN.
octave = arcuate.wire.octave();
name = options.transport;
if strcmp(t.scheme, 'zmq')
    allowed = {'zeromq'};
elseif ~octave
    allowed = {'matlab', 'tcpclient'};
else
    allowed = {'sockets', 'tcpclient', 'curl'}; % the fastest first
end
if t.secure
    allowed = setdiff(allowed, {'tcpclient', 'sockets'}, 'stable');
end
if isempty(name)
    for j = 1:numel(allowed)
        if isempty(missing(allowed{j}))
            name = allowed{j};
            break
        end
    end
    if isempty(name)
        arcuate.wire.fail('UNSUPPORTED', missing(allowed{end}));
    end
elseif ~any(strcmp(name, allowed))
    arcuate.wire.fail('INVALID_ARGUMENT', sprintf('%s cannot be reached by ''%s'' here; by %s', t.address, name, ...
        strjoin(allowed, ', ')));
elseif ~isempty(missing(name))
    arcuate.wire.fail('UNSUPPORTED', missing(name));
end
if ~isempty(options.curve) && ~strcmp(name, 'zeromq')
    arcuate.wire.fail('INVALID_ARGUMENT', '''curve'' is for zmq:// only; https:// has ''ca''');
elseif ~isempty(options.ca) && ~t.secure
    arcuate.wire.fail('INVALID_ARGUMENT', '''ca'' is for https:// only');
elseif ~isempty(options.token) && ~all(options.token > 32 & options.token < 127)
    arcuate.wire.fail('AUTHENTICATION_FAILED', 'a token is printable ASCII text');
end
if isnan(options.lease) % how long the hub keeps a session of which it hears nothing
    options.lease = 3600*any(strcmp(name, {'curl', 'matlab'}));
end
switch name
    case 'zeromq'
        link = arcuate.link.Zeromq(t, options);
    case 'tcpclient'
        make = @() arcuate.link.Http1(t.address, @() arcuate.link.Tcp(t.host, t.port));
        link = arcuate.link.Http(t, options, make, ~options.poll);
    case 'sockets'
        make = @() arcuate.link.Http1(t.address, @() arcuate.link.Socket(t.host, t.port));
        link = arcuate.link.Http(t, options, make, ~options.poll);
    case 'curl'
        link = arcuate.link.Http(t, options, @() arcuate.link.Curl(t, options), ~options.poll);
    case 'matlab'
        link = arcuate.link.Http(t, options, @() arcuate.link.Matlab(t, options), false);
end
end

function text = missing(name)
% What has to be installed for a way, or ''.
text = '';
switch name
    case 'matlab'
        return
    case 'curl'
        status = system('curl --version > /dev/null 2>&1');
        if status
            text = 'http needs the program curl (apt-get install curl), or one of the packages instrument-control and sockets';
        end
        return
    case 'tcpclient'
        if ~arcuate.wire.octave()
            return
        end
        package = 'instrument-control'; test = 'tcpclient';
    case 'sockets'
        package = 'sockets'; test = 'recv';
    case 'zeromq'
        package = 'zeromq'; test = 'zmq_poll';
end
if exist(test, 'file') || exist(test, 'builtin')
    return
end
try
    pkg('load', package);
catch
    text = sprintf('''%s'' needs the package %s: apt-get install octave-%s, or pkg install -forge %s', name, package, ...
        package, package);
end
end
