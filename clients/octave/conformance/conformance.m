1;
% What `arcuate matrix` drives: does with the client's public functions what it is asked, and says what happened.
% clients/CONFORMANCE.md is the contract.

function m = read_request ()
  m = [];
  head = fread (stdin, 4, 'uint8=>uint8');
  if (numel (head) == 4)
    n = double (typecast (head, 'uint32'));
    body = fread (stdin, n, 'uint8=>uint8');
    m = jsondecode (char (body.'), 'makeValidName', false);
  end
end

function write_answer (a)
  body = uint8 (jsonencode (a));
  fwrite (stdout, [typecast(uint32 (numel (body)), 'uint8'), body], 'uint8');
  fflush (stdout);
end

function c = items (x)
  % A JSON list as a cell row, whatever jsondecode made of it.
  if (isempty (x))
    c = {};
  elseif (iscell (x))
    c = reshape (x, 1, []);
  else
    c = reshape (num2cell (x), 1, []);
  end
end

function v = field (m, name, default)
  v = default;
  if (isfield (m, name) && ! (isnumeric (m.(name)) && isempty (m.(name))))
    v = m.(name);
  end
end

function where (name, f, varargin)
  % Notes in which part of the program an error came up.
  global stage
  stage = name;
end

function v = native (given)
  global stage
  before = stage; stage = 'decode';
  if (isfield (given, 'file'))
    fid = fopen (given.file, 'r');
    bytes = fread (fid, Inf, 'uint8=>uint8');
    fclose (fid);
  else
    bytes = zeros (1, 0, 'uint8');
    if (! isempty (given.bytes))
      bytes = matlab.net.base64decode (given.bytes);
    end
  end
  v = arcuate.unpack (bytes);
  stage = before;
end

function g = given (v, m)
  global stage
  before = stage; stage = 'encode';
  bytes = arcuate.pack (v);
  stage = before;
  if (nargin > 1 && isfield (m, 'out'))
    fid = fopen (m.out, 'w');
    fwrite (fid, bytes, 'uint8');
    fclose (fid);
    g = struct ('file', m.out);
  else
    g = struct ('bytes', matlab.net.base64encode (bytes));
  end
end

function v = argument (a)
  global kept
  if (isfield (a, 'handle'))
    v = kept{a.handle};
  elseif (isfield (a, 'function'))
    if (strcmp (a.function, 'identity'))
      v = @(x) x;
    else
      v = @(varargin) error ('conformance:native', 'native failure');
    end
  else
    v = native (a);
  end
end

function heard (stream, text)
  global said
  said(end+1,:) = {stream, text, now()*86400};
end

function a = result (a, out, m)
  global kept said
  a.output = [said{:,2}, ''];
  if (! isempty (out) && isa (out{1}, 'arcuate.Remote') && numel (out) == 1)
    kept{end+1} = out{1};
    a.handle = numel (kept);
    a.class = reshape (out{1}.classes, 1, []);
    a.summary = evalc ('disp (out{1})');
  elseif (numel (out) > 1)
    a.values = cellfun (@(v) given (v), out, 'uniformoutput', false);
  elseif (numel (out) == 1)
    a.value = given (out{1}, m);
  end
end

function o = how (m)
  o = arcuate.options ('nargout', field (m, 'nargout', 1), 'keep', isequal (field (m, 'keep', false), true), ...
                       'timeout', field (m, 'timeout', []), 'output', @heard);
end

function a = perform (a, m)
  global session kept said stage
  said = cell (0, 3); stage = 'call';
  switch (m.op)
    case 'hello'
      a.client = 'octave'; a.version = '0.1.0'; a.runtime = ['octave' version()]; a.protocol = 1;
    case 'decode'
      a.value = given (native (m.value), m);
    case 'connect'
      if (! isempty (session))
        arcuate.close (session);
      end
      ways = struct ('http_curl', 'curl', 'http_curl_poll', 'curl', 'http_tcpclient', 'tcpclient', 'http_sockets', 'sockets', ...
                     'zmq', 'zeromq', 'ipc', 'zeromq');
      more = {};
      o = field (m, 'options', struct ());
      if (! isempty (fieldnames (o)))
        more = {'options', o};
      end
      if (strcmp (m.transport, 'http-curl-poll'))
        more = [more, {'poll', true}];
      end
      session = arcuate.open (m.url, 'transport', ways.(strrep (m.transport, '-', '_')), 'token', field (m, 'token', ''), ...
                              'ca', field (m, 'ca', ''), 'curve', field (m, 'server_key', ''), 'timeout', field (m, 'timeout', 60), ...
                              'output', @heard, more{:});
      kept = {};
      a.language = session.language; a.version = session.version;
    case 'environments'
      e = arcuate.environments (session);
      a.environments = {e.name};
    case 'describe'
      d = arcuate.describe (session, m.name);
      a.signature = field (d, 'signature', ''); a.help = field (d, 'doc', '');
    case 'call'
      args = cellfun (@argument, items (field (m, 'args', {})), 'uniformoutput', false);
      named = field (m, 'named', struct ());
      keys = fieldnames (named).';
      if (! isempty (keys))
        pairs = [keys; cellfun(@(k) argument (named.(k)), keys, 'uniformoutput', false)];
        args{end+1} = arcuate.named (pairs{:});
      end
      if (isfield (m, 'target'))
        f = kept{m.target};
      else
        f = m.name;
      end
      out = cell (1, field (m, 'nargout', 1));
      [out{:}] = arcuate.call (session, f, args{:}, how (m));
      a = result (a, out, m);
    case 'eval'
      out = cell (1, field (m, 'nargout', 1));
      [out{:}] = arcuate.evaluate (session, m.code, how (m));
      a = result (a, out, m);
    case 'run'
      began = now () * 86400;
      arcuate.run (session, m.code, arcuate.options ('output', @heard, 'timeout', field (m, 'timeout', [])));
      ended = now () * 86400;
      for name = {'stdout', 'stderr'}
        a.output.(name{1}) = [said{strcmp(said(:,1), name{1}),2}, ''];
      end
      a.live = rows (said) > 0 && ended - said{1,3} > 0.1 * (ended - began);   % the code waits in its middle
    case 'set'
      arcuate.setvar (session, m.name, native (m.value));
    case 'get'
      a.value = given (arcuate.getvar (session, m.name), m);
    case 'delete'
      arcuate.remove (session, m.name);
    case 'list'
      a.names = arcuate.list (session);
    case 'release'
      arcuate.release (kept{m.handle});
    case 'cancel'
      p = arcuate.start (session, m.code);
      while (isempty (strfind ([said{:,2}, ''], 'begun')) && ! arcuate.done (p, 0.1))
      end
      arcuate.cancel (p);
      arcuate.value (p);
    case 'publish'
      a.sequence = arcuate.publish (session, m.topic, native (m.value));
    case 'subscribe'
      more = {};
      if (isfield (m, 'from') && ! isempty (m.from))
        more = {'from', m.from};
      end
      s = arcuate.subscribe (session, m.topic, more{:});
      a.samples = {};
      for j = 1:m.count
        x = arcuate.sample (s, 10);
        a.samples{j} = struct ('sequence', x.sequence, 'lost', x.lost, 'value', given (x.value));
      end
      arcuate.unsubscribe (s);
    case 'measure'
      a = measured (a, m);
    case 'close'
      if (! isempty (session))
        arcuate.close (session);
      end
      session = [];
    otherwise
      a.unsupported = ['there is no op ' m.op];
  end
end

function a = measured (a, m)
  % `own`: what writing the argument and reading the result takes, measured beside the call.
  global session
  v = native (m.value);
  r = arcuate.call (session, m.name, v);
  bytes = arcuate.pack (v);
  a.seconds = a.own = {};
  for j = 1:m.repeat
    began = tic ();
    r = arcuate.call (session, m.name, v);
    a.seconds{j} = toc (began);
    began = tic ();
    arcuate.wire.pieces (arcuate.wire.message ('call', 1, 'value', @() arcuate.wire.encode (v)));
    r = arcuate.unpack (bytes);
    a.own{j} = toc (began);
  end
end

function a = failed (a, err)
  global stage
  e = arcuate.last_error ();
  known = {'INVALID_ARGUMENT', 'ENVIRONMENT_NOT_FOUND', 'NAME_NOT_FOUND', 'REMOTE_ERROR', 'CONVERSION', 'ENVIRONMENT_CRASHED', ...
           'CALL_TIMEOUT', 'CALL_CANCELLED', 'CONNECTION_LOST', 'AUTHENTICATION_FAILED', 'PERMISSION_DENIED', 'RATE_LIMITED', ...
           'LIMIT_EXCEEDED', 'SESSION_CLOSED', 'STALE_HANDLE', 'UNAVAILABLE', 'UNSUPPORTED', 'PROTOCOL_ERROR', 'INTERNAL'};
  switch (err.identifier)   % the code by the identifier alone, as a user would tell errors apart
    case {'arcuate:InvalidArgument', 'arcuate:EnvironmentNotFound', 'arcuate:NameNotFound', 'arcuate:RemoteError', ...
          'arcuate:ConversionError', 'arcuate:EnvironmentCrashed', 'arcuate:CallTimeout', 'arcuate:CallCancelled', ...
          'arcuate:ConnectionLost', 'arcuate:AuthenticationFailed', 'arcuate:PermissionDenied', 'arcuate:RateLimited', ...
          'arcuate:LimitExceeded', 'arcuate:SessionClosed', 'arcuate:StaleHandle', 'arcuate:Unavailable', ...
          'arcuate:Unsupported', 'arcuate:ProtocolError', 'arcuate:InternalError'}
      names = {'InvalidArgument', 'EnvironmentNotFound', 'NameNotFound', 'RemoteError', 'ConversionError', 'EnvironmentCrashed', ...
               'CallTimeout', 'CallCancelled', 'ConnectionLost', 'AuthenticationFailed', 'PermissionDenied', 'RateLimited', ...
               'LimitExceeded', 'SessionClosed', 'StaleHandle', 'Unavailable', 'Unsupported', 'ProtocolError', 'InternalError'};
      code = known{strcmp(names, err.identifier(9:end))};
    otherwise
      where = '';
      if (! isempty (err.stack))
        where = sprintf (' in %s, line %d', err.stack(1).name, err.stack(1).line);
      end
      a.crashed = [err.identifier ': ' err.message where];
      return;
  end
  a.error = struct ('code', code, 'message', err.message, 'executed', e.executed, 'path', e.path, 'setting', e.setting);
  a.error.class = e.class;
  a.error.stack = e.stack;
  a.caught = ['case ''' err.identifier ''''];
  a.where = stage;
end

addpath (fullfile (fileparts (fileparts (mfilename ('fullpath'))), 'inst'));
warning ('off', 'Octave:shadowed-function');
global session kept said stage
session = []; kept = {}; said = cell (0, 3); stage = 'call';
page_screen_output (false);
while (true)
  m = read_request ();
  if (isempty (m))
    break;
  end
  a = struct ('id', m.id);
  if (isfield (m, 'feature'))
    a.unsupported = ['there is no feature ' m.feature];
  else
    try
      a = perform (a, m);
    catch err
      a = failed (struct ('id', m.id), err);
    end
  end
  write_answer (a);
end
if (! isempty (session))
  arcuate.close (session);
end
