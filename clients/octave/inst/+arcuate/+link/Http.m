classdef Http < handle
%HTTP The link to a hub over HTTP/1.1, as "A client with frames" of protos/http.md says.
%   A request that is waited for is a POST whose answer brings all messages up to the reply. What has to be
%   said meanwhile goes by a second connection. A connection that cannot be read while it is open, as in
%   MATLAB, sends with "Prefer: respond-async" and polls the output; so does everything that is not waited for.
    properties
        hub = '';
        limits
        most
        main = [];
        side = [];
        busy = false;   % an answer is open on the main connection
        waiting = 0;    % requests without a reply that no open answer brings
        session = '';
        fields = {};
        secret = {};
        make
        streams
        opening = false;
        exchange = -1;  % the id of the request whose answer is open
        queue = {};     % what came with the output
        patience = Inf; % seconds for one answer, while a session begins
    end
    methods
        function o = Http(target, options, make, streams)
            o.limits = options.limits; o.most = options.limits.message;
            o.make = make; o.streams = streams;
            o.fields = {'Accept: application/vnd.arcuate.frames', sprintf('Arcuate-Lease: %d', options.lease)};
            o.fields{end+1} = ['Arcuate-Channel: ' random_text()];
            if ~isempty(options.token)
                o.fields{end+1} = ['Authorization: Bearer ' options.token];
            end
            o.hub = target.address;
        end

        function send(o, op, n, waited)
            % Sends a message. WAITED: its reply is read next, so that it may come in the answer.
            p = arcuate.wire.pieces(n);
            total = sum(cellfun(@arcuate.wire.bytes, p));
            if total > o.most
                arcuate.wire.fail('LIMIT_EXCEEDED', sprintf(['a message of %.0f bytes exceeds the limit of %.0f bytes; ' ...
                    'raise the setting ''message'' of the hub, or send the data in parts'], total, o.most), ...
                    'setting', 'message');
            end
            path = o.path(op);
            silent = any(strcmp(op, {'return', 'raise', 'cancel', 'release', 'ack', 'credit'}));
            streamed = waited && ~o.busy && ~silent && (o.streams || any(strcmp(op, {'hello', 'open', 'resume'})));
            head = {};
            if ~streamed && ~silent
                head = {'Prefer: respond-async'};
            end
            if streamed
                o.start('main', 'POST', path, head, p);
                o.busy = true; o.exchange = double(n.R(1,3));
                return
            end
            which = 'main';
            if o.busy
                which = 'side';
            end
            o.start(which, 'POST', path, head, p);
            o.(which).finish(o.limits);
            o.said(o.(which));
            if ~silent
                o.waiting = o.waiting + 1;
            end
        end

        function start(o, which, method, path, head, p)
            head = [o.fields, o.secret, head];
            if isempty(o.(which))
                o.(which) = o.make();
            end
            o.(which).patience = o.patience;
            o.(which).start(method, path, head, p);
        end

        function m = receive(o, timeout, samples)
            % The next message, or [] when none has come within TIMEOUT seconds.
            m = [];
            while isempty(m)
                if ~isempty(o.queue)
                    m = o.queue{1};
                    o.queue(1) = [];
                elseif o.busy
                    more = o.main.more(timeout);
                    if isempty(more)
                        return
                    elseif more
                        m = o.main.message(o.limits);
                        if m.id == o.exchange && any(strcmp(m.op, {'reply', 'error', 'hello'}))
                            o.over();
                        end
                    else
                        o.over();
                        if o.exchange >= 0
                            error('Arcuate:lost', 'the answer of %s ends before the reply', o.hub);
                        end
                    end
                elseif o.waiting > 0 || samples
                    if ~o.poll(timeout)
                        return
                    end
                else
                    return
                end
                if ~isempty(m)
                    o.note(m);
                    if strcmp(m.op, 'event') && m.id == 0 && m.alive
                        m = [];
                    end
                end
            end
        end

        function over(o)
            % The open answer ends.
            o.main.finish(o.limits);
            o.busy = false;
            o.said(o.main);
        end

        function some = poll(o, timeout)
            % Asks for what no open answer brings.
            path = '/v1/messages';
            if ~isempty(o.session)
                path = ['/v1/sessions/' o.session '/output'];
            end
            wait = min(max(timeout, 0), 30);
            o.start('main', 'GET', sprintf('%s?wait=%.3f', path, wait), {}, {});
            o.busy = true; o.exchange = -1;
            late = 0;
            while true
                more = o.main.more(1);
                if isempty(more)
                    late = late + 1;
                    if late > min(wait + 30, o.patience)
                        error('Arcuate:lost', 'the hub at %s has not answered for a minute', o.hub);
                    end
                elseif more
                    m = o.main.message(o.limits);
                    o.queue{end+1} = m;
                    o.waiting = max(o.waiting - any(strcmp(m.op, {'reply', 'error'})), 0);
                else
                    break
                end
            end
            o.over();
            some = ~isempty(o.queue);
        end

        function note(o, m)
            % What the link itself has to know.
            if o.opening && strcmp(m.op, 'reply')
                v = arcuate.wire.fields_of(m);
                o.opening = false;
                o.session = v.value.session;
                o.secret = {['Arcuate-Secret: ' v.value.secret]};
            end
        end

        function p = path(o, op)
            switch op
                case 'hello'
                    p = '/v1/hello';
                case 'open'
                    p = '/v1/sessions'; o.opening = true;
                case 'resume'
                    p = ['/v1/sessions/' o.session '/resume'];
                otherwise
                    p = '/v1/messages';
                    if ~isempty(o.session)
                        p = ['/v1/sessions/' o.session '/messages'];
                    end
            end
        end

        function said(o, wire)
            % Makes an error of an answer that is none of a hub's messages.
            [status, text] = wire.ended();
            if status < 400 || isempty(text)
                return
            end
            code = 'PROTOCOL_ERROR'; executed = 'no';
            e = [];
            try
                e = jsondecode(text);
                e = e.error;
            catch
                % a page of a proxy or of another server
            end
            if isstruct(e) && isfield(e, 'code')
                arcuate.wire.raise(e);
            end
            known = {401, 'AUTHENTICATION_FAILED'; 403, 'PERMISSION_DENIED'; 429, 'RATE_LIMITED'; ...
                408, 'CONNECTION_LOST'; 502, 'CONNECTION_LOST'; 503, 'UNAVAILABLE'; 504, 'CONNECTION_LOST'};
            k = find([known{:,1}] == status, 1);
            if ~isempty(k)
                code = known{k,2}; executed = 'maybe';
            end
            text = regexprep(text, '\s+', ' ');
            arcuate.wire.fail(code, sprintf('%s answers %d: %s', o.hub, status, text(1:min(end, 200))), 'executed', executed);
        end

        function drop(o)
            % Forgets the connections; the session stays.
            for which = {'main', 'side'}
                if ~isempty(o.(which{1}))
                    o.(which{1}).close();
                    o.(which{1}) = [];
                end
            end
            o.busy = false; o.queue = {};
        end

        function abandon(o)
            % Nobody reads the rest of the open answer.
            if o.busy
                o.main.close();
                o.main = [];
                o.busy = false;
                o.waiting = o.waiting + 1;
            end
        end

        function close(o)
            o.drop();
        end
    end
end

function s = random_text()
% 32 letters and digits, or some more, that nobody else makes up.
persistent count
if isempty(count)
    count = 0;
end
count = count + 1;
seed = sprintf('%.17g %.17g %d %s', now(), rand(), count, tempname());
if exist('OCTAVE_VERSION', 'builtin') ~= 0
    fid = fopen('/dev/urandom', 'r');
    if fid >= 0
        seed = [seed sprintf('%02x', fread(fid, 16))];
        fclose(fid);
    end
    s = hash('md5', seed);
else
    [~, s] = fileparts(tempname()); % which has a UUID in it
    s = regexprep(s, '[^0-9A-Za-z]', '');
end
end
