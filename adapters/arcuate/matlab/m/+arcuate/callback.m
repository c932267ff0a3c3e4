function varargout = callback(id, varargin)
%CALLBACK Calls a function of the caller (Python) and returns what it returns.
%   The Engine API has no way back, so the question goes through a named pipe; while the answer is awaited,
%   requests of the caller are served.
calls = arcuate.state('calls');
if isempty(calls)
    error('Arcuate:UNSUPPORTED', 'functions of the caller cannot be called from MATLAB on this system: it has no named pipes');
end
number = arcuate.state('number') + 1;
arcuate.state('number', number);
parts = cell(1, numel(varargin));
for j = 1:numel(varargin)
    x = varargin{j};
    parts{j} = @() arcuate.wire.encode(x);
end
try
    n = arcuate.message('callback', number, 'function', @() arcuate.wire.encode(id), 'args', ...
        @() arcuate.wire.group(8, {}, parts, 'flags', 2));
catch err
    text = err.message;
    text(text == char(1)) = ' ';
    error(err.identifier, 'an argument of a Python function: %s', text);
end
out = fopen(calls, 'w');
in = fopen(arcuate.state('answers'), 'r');
if out < 0 || in < 0
    error('Arcuate:UNSUPPORTED', 'functions of the caller cannot be called: the pipe %s cannot be opened', calls);
end
close_ = onCleanup(@() cellfun(@fclose, {out, in}));
send(out, arcuate.wire.frame(n));
while true
    request = read(in);
    m = arcuate.wire.decode(request, arcuate.state('prefix'));
    if any(strcmp(m.op, {'return', 'raise'})) && m.id == number
        break
    end
    [reply, ~, events] = serve_(request, m);
    if ~isempty(events)
        send(out, events);
    end
    if ~isempty(reply)
        send(out, reply);
    end
end
if strcmp(m.op, 'raise')
    name = 'Exception';
    if isfield(m, 'class') && iscell(m.class) && ~isempty(m.class)
        name = m.class{1};
    end
    error(struct('identifier', ['Arcuate:' name], 'message', sprintf('%s: %s', name, m.message)));
end
v = m.value;
if nargout < 2
    varargout{1} = v;
else % [a, b] = f(...): the elements of what it returned
    if ~iscell(v)
        v = num2cell(v);
    end
    if numel(v) < nargout
        error('Arcuate:callback', 'a Python function was asked for %d values and returned %d; return a tuple of that many', nargout, numel(v));
    end
    varargout = v(1:nargout);
end
end

function send(out, bytes)
fwrite(out, bytes, 'uint8');
if exist('OCTAVE_VERSION', 'builtin') ~= 0
    fflush(out); % MATLAB flushes by itself what was opened with 'w'
end
end

function [reply, sizes, events] = serve_(request, m)
% A request from inside a callback; its buffers go through the pipe.
limit = arcuate.state('threshold');
arcuate.state('threshold', Inf);
restore = onCleanup(@() arcuate.state('threshold', limit));
[reply, sizes, events] = arcuate.serve(request);
if strcmp(m.op, 'release')
    reply = zeros(1, 0, 'uint8'); % which nobody awaits
end
end

function b = read(in)
head = fread(in, 64, 'uint8=>uint8').';
if numel(head) < 64
    error('Arcuate:INTERNAL', 'the caller is gone');
end
total = double(typecast(head(9:16), 'uint64'));
b = [head, fread(in, total - 64, 'uint8=>uint8').'];
end
