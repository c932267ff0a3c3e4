classdef Zeromq < handle
%ZEROMQ The link to a hub over ZeroMQ by the package zeromq of Octave, as protos/zeromq.md says.
%   This package has neither monitors nor heartbeats: a hub that says nothing is asked (ping), and counts as
%   gone when it does not answer.
    properties
        endpoint
        hub
        curve
        keys
        limits
        most
        s = [];
        heard
        asked = false;
        since           % when it was asked
        ping = 0;
        patient = 20;   % seconds of silence after which the hub counts as gone
        patience = Inf;
    end
    methods
        function o = Zeromq(t, options)
            if isempty(t.path)
                o.endpoint = ['tcp://' t.address];
            else
                o.endpoint = ['ipc://' t.path];
            end
            o.hub = t.address; o.curve = options.curve; o.keys = options.keys;
            o.limits = options.limits; o.most = options.limits.message;
        end

        function dial(o)
            o.s = zmq_socket(ZMQ_DEALER());
            if ~isempty(o.curve)
                if isempty(o.keys)
                    [public, secret] = zmq_curve_keypair();
                    o.keys = {public, secret};
                end
                try
                    ok = zmq_setsockopt(o.s, ZMQ_CURVE_SERVERKEY(), o.curve) && ...
                        zmq_setsockopt(o.s, ZMQ_CURVE_PUBLICKEY(), o.keys{1}) && ...
                        zmq_setsockopt(o.s, ZMQ_CURVE_SECRETKEY(), o.keys{2});
                catch
                    ok = false;
                end
                if ~ok
                    error('Arcuate:authentication', '''curve'' is the public key of the hub, 40 characters: see its ready file');
                end
            end
            zmq_connect(o.s, o.endpoint);
            o.heard = tic();
        end

        function send(o, op, n, waited) %#ok<INUSD>
            if isempty(o.s)
                if ~strcmp(op, 'hello')
                    error('Arcuate:lost', 'the connection with %s was lost', o.hub);
                end
                o.dial();
            end
            p = arcuate.wire.pieces(n, 65536);
            total = sum(cellfun(@arcuate.wire.bytes, p));
            if total > o.most
                arcuate.wire.fail('LIMIT_EXCEEDED', sprintf(['a message of %.0f bytes exceeds the limit of %.0f bytes; ' ...
                    'raise the setting ''message'' of the hub, or send the data in parts'], total, o.most), ...
                    'setting', 'message');
            end
            first = 1; % the part that is the frame: it is sent whole
            if numel(p{1}) > 65536
                first = 2;
                p = [{[uint8('ARCL'), zeros(1, 4, 'uint8'), typecast(uint64(numel(p{1})), 'uint8')]}, p];
            end
            o.heard = tic(); o.asked = false;
            o.patient = 20 + total/1e7; % what is asked waits behind what was sent
            for j = 1:numel(p)
                if numel(p{j}) > 1048576 && j > first % in parts of a megabyte: see ARCUATE.WIRE.CHUNKS
                    left = arcuate.wire.bytes(p{j});
                    arcuate.wire.chunks(p(j), @part);
                    continue
                end
                x = p{j};
                if ~isa(x, 'uint8')
                    x = typecast(reshape(x, 1, []), 'uint8');
                end
                k = 134217728; % the longest part of a buffer
                if j == first
                    k = max(numel(x), 1);
                end
                for from = 0:k:max(numel(x) - 1, 0)
                    y = x;
                    if numel(x) > k
                        y = x(from+1:min(from + k, end));
                    end
                    flags = 0;
                    if j < numel(p) || from + k < numel(x)
                        flags = ZMQ_SNDMORE();
                    end
                    if zmq_send(o.s, y, flags) < 0
                        error('Arcuate:lost', 'the connection with %s broke', o.hub);
                    end
                end
            end

            function part(y)
                left = left - numel(y);
                flag = 0;
                if j < numel(p) || left > 0
                    flag = ZMQ_SNDMORE();
                end
                if zmq_send(o.s, y, flag) < 0
                    error('Arcuate:lost', 'the connection with %s broke', o.hub);
                end
            end
        end

        function m = receive(o, timeout, samples) %#ok<INUSD>
            m = [];
            if isempty(o.s)
                error('Arcuate:lost', 'the connection with %s was lost', o.hub);
            end
            left = timeout; waited = tic();
            while isempty(m)
                if ~zmq_poll(o.s, max(0, round(1000*min(left, 1))))
                    if o.asked && toc(o.since) > o.patient - 5 % only what it was asked for counts: we may have been away
                        error('Arcuate:lost', 'the hub at %s has not answered for %.0f s', o.hub, toc(o.heard));
                    elseif toc(o.heard) > 5 && ~o.asked
                        o.ping = 2^52 + round(rand()*2^40);
                        heard = o.heard; patient = o.patient;
                        o.send('ping', arcuate.wire.message('ping', o.ping), false);
                        o.heard = heard; o.patient = patient;
                        o.asked = true; o.since = tic();
                    end
                    left = timeout - toc(waited);
                    if left <= 0
                        return
                    end
                    continue
                end
                m = o.read();
                o.heard = tic(); o.asked = false;
                if m.id == o.ping && o.ping
                    m = [];
                end
            end
        end

        function m = read(o)
            b = zmq_recv(o.s, 65536);
            if numel(b) == 16 && isequal(b(1:8), uint8([65 82 67 76 0 0 0 0]))
                n = double(typecast(b(9:16), 'uint64'));
                if n > min(o.limits.message, 2^31 - 1) || ~o.another()
                    error('Arcuate:protocol', 'a message announces a frame of %.0f bytes', n);
                end
                b = zmq_recv(o.s, n);
                if numel(b) ~= n
                    error('Arcuate:protocol', 'a message announces a frame of %.0f bytes, %.0f came', n, numel(b));
                end
            end
            b = b(:); at = 0; place = 0;
            f = arcuate.wire.read(@take, o.limits);
            if at ~= numel(b) || o.another()
                error('Arcuate:protocol', 'a message has more than its frame announces');
            end
            m = arcuate.wire.envelope(f);

            function x = take(n, cls, bytes)
                if nargin > 2
                    place = place + 1;
                    if n ~= place
                        error('Arcuate:protocol', 'buffer %.0f of a message is at place %.0f', place, n);
                    end
                    x = typecast(o.buffer(bytes), cls);
                    return
                end
                if at + n > numel(b)
                    error('Arcuate:protocol', 'a frame is shorter than the %.0f bytes announced', at + n);
                end
                x = b(at+1:at+n);
                at = at + n;
                if ~strcmp(cls, 'uint8')
                    x = typecast(x, cls);
                end
            end
        end

        function x = buffer(o, bytes)
            % A buffer in parts of any size.
            parts = {}; need = bytes;
            while need > 0
                if ~o.another()
                    error('Arcuate:protocol', 'a message lacks %.0f bytes of a buffer', need);
                end
                x = zmq_recv(o.s, min(need, 134217728));
                if isempty(x)
                    error('Arcuate:protocol', 'a part of a message is empty');
                end
                parts{end+1} = x(:); %#ok<AGROW>
                need = need - numel(x);
            end
            if numel(parts) > 1
                x = vertcat(parts{:});
            else
                x = x(:);
            end
        end

        function yes = another(o)
            yes = zmq_getsockopt(o.s, ZMQ_RCVMORE()) == 1;
        end

        function drop(o)
            o.close();
        end

        function abandon(o) %#ok<MANU>
            % What nobody awaits is passed over when it comes.
        end

        function close(o)
            if ~isempty(o.s)
                zmq_close(o.s);
                o.s = [];
            end
        end
    end
end
