function c = open(url, varargin)
%OPEN Opens a session with an environment behind a hub.
%   C = ARCUATE.OPEN(URL) with URL such as 'http://127.0.0.1:8080/r': the hub, and the environment whose
%   interpreter is wanted. Without an environment only ARCUATE.ENVIRONMENTS, PUBLISH and SUBSCRIBE can be used.
%   In an interpreter that a hub has started 'hub:///r' is that hub, with the rights of whoever called the
%   interpreter.
%
%   C = ARCUATE.OPEN(URL, NAME, VALUE, ...):
%   'token'      says who you are
%   'ca'         a PEM file with the authority of an https:// hub, instead of those that this machine trusts
%   'curve'      the public key of a zmq:// hub with CURVE, 40 characters
%   'keys'       with 'curve': {public, secret}, a pair of your own; without it one is made up
%   'transport'  'sockets', 'tcpclient' or 'curl' for http://, 'curl' for https:// ('matlab' in MATLAB),
%                'zeromq' for zmq://; without it the first that is there
%   'timeout'    seconds for the beginning of the session (60)
%   'output'     a function that is given what calls print, as (stream, text), while they run; without it the
%                text is printed
%   'display'    a function that is given figures, as (MIME type, bytes)
%   'options'    a struct of options of the environment
%   'limits'     a struct with what is accepted: message, array (bytes), nodes, text, depth
%   'lease'      seconds that the hub keeps a session of which it hears nothing, over http://
%   'poll'       true: never reads an answer while it is open; for proxies that hold answers back
%
%   The session ends with ARCUATE.CLOSE(C), or when the last variable that holds C is cleared.
%
%   Example:
%     c = arcuate.open('http://127.0.0.1:8080/python');
%     arcuate.call(c, 'math.gcd', int32(12), int32(18))
%
%   See also ARCUATE.CALL, ARCUATE.EVALUATE, ARCUATE.RUN, ARCUATE.SETVAR, ARCUATE.GETVAR, ARCUATE.LAST_ERROR.
o = struct('token', '', 'ca', '', 'curve', '', 'keys', {{}}, 'transport', '', 'timeout', 60, 'output', [], ...
    'display', [], 'options', struct(), 'limits', struct(), 'lease', NaN, 'poll', false);
varargin = cellfun(@arcuate.wire.word, varargin, 'UniformOutput', false);
if mod(numel(varargin), 2) || ~all(cellfun(@ischar, varargin(1:2:end)))
    arcuate.wire.fail('INVALID_ARGUMENT', 'arcuate.open takes an address, then pairs of a name (text) and a value');
end
for j = 1:2:numel(varargin)
    if ~isfield(o, varargin{j})
        arcuate.wire.fail('INVALID_ARGUMENT', sprintf('arcuate.open has no option ''%s''; it has %s', varargin{j}, ...
            strjoin(fieldnames(o).', ', ')));
    end
    o.(varargin{j}) = varargin{j+1};
end
url = arcuate.wire.word(url);
if ~ischar(url)
    arcuate.wire.fail('INVALID_ARGUMENT', 'the address of a hub is a text, such as http://127.0.0.1:8080/r');
end
limits = struct('message', 2*2^30, 'array', 64*2^30, 'nodes', 2e7, 'text', 2^30, 'depth', 64);
for name = fieldnames(o.limits).'
    if ~isfield(limits, name{1})
        arcuate.wire.fail('INVALID_ARGUMENT', sprintf('there is no limit ''%s''; there are %s', name{1}, ...
            strjoin(fieldnames(limits).', ', ')));
    end
    limits.(name{1}) = min(limits.(name{1}), o.limits.(name{1}));
end
limits.levels = 8;
o.limits = limits;
[url, o.token] = arcuate.link.inside(url, o.token);
t = arcuate.link.target(url);
c = arcuate.Connection();
c.url = url; c.environment = t.environment;
[link, c.transport] = arcuate.link.open(t, o);
c.state = struct('open', true, 'link', link, 'next', 1, 'seen', 0, 'later', [], 'session', '', 'secret', '', ...
    'hub', '', 'functions', {{}}, 'failed', [], 'parents', [], 'output', o.output, 'display', o.display, ...
    'released', {{}}, 'inbox', {{}}, 'pending', [], 'abandoned', [], 'options', o, 'window', 0, 'own', 0);
link.patience = o.timeout;
arcuate.wire.greet(c, o.timeout);
if ~isempty(t.environment)
    m = arcuate.wire.ask(c, 'open', {'environment', t.environment, 'options', o.options}, ...
        struct('timeout', o.timeout, 'output', []));
    g = m.value;
    c.state.session = g.session; c.state.secret = g.secret;
    c.language = g.language; c.version = g.version;
    if isfield(g, 'window')
        c.state.window = g.window;
    end
end
link.patience = Inf;
end
