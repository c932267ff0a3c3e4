function m = arcuate__channel (op, varargin)
  % The two pipes to the host.
  %
  %   native = arcuate__channel ('open', files, helper)
  %                                            opens them; files: further streams that fclose ("all") spares; helper: the file of the compiled
  %                                            helper or ''; tells whether it is used
  %   m = arcuate__channel ('read')            the next message, as a struct
  %   arcuate__channel ('finish')              drops the rest of a message that was being read when an interrupt came
  %   arcuate__channel ('write', R, T, P, B)   writes one frame (see arcuate__encode)
  %   native = arcuate__channel ('greet', hello)
  %                                            takes over what the greeting says
  persistent in out files prefix threshold u body
  persistent native = false
  persistent scalar null record known
  persistent ends broken
  mlock ();
  switch (op)
    case {'read', 'raw'}
      if (nargin > 1 || native)
        if (nargin > 1)
          m = varargin{1};
        else
          m = arcuate__native ('read');
        end
        if (isstruct (m))
          return;
        elseif (iscell (m))   % a frame that the helper leaves to arcuate__decode
          u = m{1}; body = m{2};
        else
          exit (0);
        end
      end
      % An interrupt that comes while this waits strikes right after a read: what was read is then still here for the next loop.
      if (isempty (u))
        u = fread (in, 16, 'uint32');
      end
      if (numel (u) < 16)
        exit (0);   % the host is gone
      end
      if (isempty (body))
        body = fread (in, u(3) + 4294967296 * u(4) - 64, 'uint8=>uint8');
      end
      try
        m = arcuate__decode (u, body, prefix);
        u = body = [];
      catch err
        m = struct ('op', 'undecodable');
        m.id = double (typecast (body(17:24), 'int64'));   % node 2 of every message
        m.error = err;
        u = body = [];
      end
    case 'finish'   % the answer to `place` that an interrupt has cut in two: the next message begins behind it
      if (numel (u) == 16 && isempty (body))
        body = fread (in, u(3) + 4294967296 * u(4) - 64, 'uint8=>uint8');
      end
      u = body = [];
    case 'write'
      if (native)
        arcuate__native ('write', frame (prefix, threshold, varargin{:}));
      else
        fwrite (out, frame (prefix, threshold, varargin{:}));   % in one piece, so that an interrupt cannot cut it
        fflush (out);
      end
    case 'scalar'   % the everyday reply, a number or nothing: a frame that is always the same but for 16 bytes
      if (isempty (scalar))
        R = zeros (8, 4, 'uint64');
        R(2,1) = 3; R(3,:) = [0, 2, 2, 5]; R(4,2) = 5; R(5,:) = [9, 5, 2, 0];
        null = frame (prefix, threshold, R, 'opreplyidvalue', zeros (1, 0, 'uint64'), {});
        R(5,4) = 3;
        scalar = frame (prefix, threshold, R, 'opreplyidvalue', zeros (1, 0, 'uint64'), {});
      end
      if (nargin < 3)
        null(81:88) = typecast (int64 (varargin{1}), 'uint8');
        fwrite (out, null);
      else
        scalar(81:96) = typecast ([typecast(int64 (varargin{1}), 'double'), varargin{2}], 'uint8');
        fwrite (out, scalar);
        m = scalar;
      end
      fflush (out);
    case 'record'   % a reply that is a record of numbers: varargin is its id, the keys, the numbers
      keys = varargin{2};
      if (numel (keys) != numel (known) || ! all (strcmp (keys, known)))
        text = [keys{:}];
        m = ! any (text == 0 | text > 127);   % other keys are looked at one by one
        if (! m)
          return;
        end
        k = numel (keys);
        R = zeros (8, 4 + k, 'uint64');
        R(2,[1, 4]) = [3, k]; R(3,:) = [0, 2, 2, 5, cellfun('length', keys).']; R(4,2) = 5; R(5,:) = [9, 5, 2, 9, 3 * ones(1, k)];
        record = frame (prefix, threshold, R, ['opreplyidvalue', text], zeros (1, 0, 'uint64'), {});
        known = keys;
      end
      m = true;
      record(81:88) = typecast (int64 (varargin{1}), 'uint8');
      record(97:96+8*numel (keys)) = typecast (varargin{3}, 'uint8');
      fwrite (out, record);
      fflush (out);
    case 'open'
      ends = {getenv('ARCUATE_IN'), getenv('ARCUATE_OUT')};
      unsetenv ('ARCUATE_IN'); unsetenv ('ARCUATE_OUT');
      in = fopen (['/proc/self/fd/' ends{1}], 'r');
      out = fopen (['/proc/self/fd/' ends{2}], 'w');
      files = [in, out, varargin{1}];
      prefix = ''; threshold = flintmax ();
      if (! isempty (varargin{2}))
        % Not by addpath, which makes Octave read all folders of its path again; before the greeting, so that the helper reads it.
        try
          autoload ('arcuate__native', varargin{2});
          native = arcuate__native ('open', str2double (ends{1}), str2double (ends{2}), prefix, threshold);
        catch err
          broken = err;   % told in answer to the greeting
        end
      end
      m = native;
    case 'greet'
      if (! isempty (broken))
        rethrow (broken);
      end
      prefix = varargin{1}.segments; threshold = varargin{1}.threshold;
      if (native)
        arcuate__native ('open', str2double (ends{1}), str2double (ends{2}), prefix, threshold);
      end
      m = native;
    case 'files'
      m = files;
  end
end

function b = frame (prefix, threshold, R, T, P, B)
  n = columns (R); k = numel (B);
  sizes = places = zeros (1, k);
  data = cell (1, k);
  for j = 1:k
    sizes(j) = sizeof (B{j});
    if (sizes(j) < threshold)
      x = B{j}(:).';
      if (! isa (x, 'uint8'))
        x = typecast (x, 'uint8');
      end
      data{j} = [x, zeros(1, mod (-sizes(j), 64), 'uint8')];
    else
      places(j) = place (prefix, B{j}, sizes(j));
    end
  end
  used = 64 + 24 * n + 8 * numel (P) + 16 * k + numel (T);
  head = 64 * ceil (used / 64);
  total = head + sum (64 * ceil (sizes / 64) .* (places == 0));
  b = [typecast(uint32 ([1430475329, 1, mod(total, 4294967296), floor(total / 4294967296), n, k, numel(P), 0, numel(T), 0, head, 0, 0, 0, 0, 0]), 'uint8'), ...
       typecast([R(1,:), P, sizes, places], 'uint8'), ...
       typecast(uint32 (reshape (R(2:4,:).', 1, [])), 'uint8'), ...
       uint8(reshape (R(5:8,:).', 1, [])), uint8(T), zeros(1, head - used, 'uint8'), data{:}];
end

function ref = place (prefix, x, bytes)
  % Writes a large buffer into shared memory of the host.
  arcuate__send ('alloc', 0, 'size', bytes);
  m = arcuate__channel ('read');
  if (! any (strcmp (m.op, {'segment', 'raise'})))   % the host has given this call up
    error ('Arcuate:interrupted', 'the call was interrupted');
  end
  if (strcmp (m.op, 'raise'))
    error (['Arcuate:' m.code], '%s', m.message);
  end
  ref = m.ref;
  fid = fopen (sprintf ('%s%d', prefix, ref), 'r+');
  if (fid < 0)
    error ('Arcuate:INTERNAL', 'cannot open the shared segment %s%d for writing', prefix, ref);
  end
  done = fwrite (fid, x, class (x));
  fclose (fid);
  if (done != numel (x))
    error ('Arcuate:LIMIT_EXCEEDED', 'only %d of %d elements fitted into shared memory', done, numel (x));
  end
end
