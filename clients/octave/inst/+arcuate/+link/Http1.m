classdef Http1 < handle
%HTTP1 One HTTP/1.1 connection that carries frames, over a stream of bytes.
%   The stream is an object with push(pieces), pull(bytes, timeout, all), which returns a column of uint8 (empty:
%   nothing came in time), and close(). Answers are read as they come.
    properties
        host
        dial
        stream = [];
        buffer = zeros(0, 1, 'uint8'); % came, and is not used yet
        state = 'idle'; % head, body, chunk, done
        status = 0;
        left = 0;
        keep = true;
        frames = false;
        fresh = false;
        request = {};
        patience = Inf;
    end
    methods
        function o = Http1(host, dial)
            o.host = host; o.dial = dial;
        end

        function start(o, method, path, head, p)
            if ~strcmp(o.state, 'idle')
                o.close();
            end
            lines = [{[method ' ' path ' HTTP/1.1'], ['Host: ' o.host]}, head];
            if strcmp(method, 'POST')
                total = sum(cellfun(@arcuate.wire.bytes, p));
                lines = [lines, {'Content-Type: application/vnd.arcuate.frames', sprintf('Content-Length: %.0f', total)}];
            end
            o.request = [{uint8([strjoin(lines, sprintf('\r\n')), sprintf('\r\n\r\n')])}, p];
            o.put();
        end

        function put(o)
            o.fresh = isempty(o.stream);
            if o.fresh
                o.stream = o.dial();
                o.buffer = zeros(0, 1, 'uint8');
            end
            o.state = 'head';
            p = o.request;
            sizes = cellfun(@arcuate.wire.bytes, p);
            if sum(sizes) < 262144 % head and body in one go: otherwise the second part waits for an acknowledgement
                p = {arcuate.wire.joined(p)};
            else
                k = find(cumsum(sizes) > 65536, 1);
                if k > 2
                    p = [{arcuate.wire.joined(p(1:k-1))}, p(k:end)];
                end
            end
            try
                o.stream.push(p);
            catch err
                o.again(err);
            end
        end

        function again(o, err)
            % A connection that was kept may have been closed meanwhile: nothing of the request was read then.
            fresh = o.fresh;
            o.close();
            if fresh || ~strcmp(err.identifier, 'Arcuate:lost')
                rethrow(err);
            end
            o.put();
        end

        function ok = more(o, timeout)
            % Whether a frame follows; [] when that is not known after TIMEOUT seconds.
            ok = [];
            if strcmp(o.state, 'head')
                try
                    if ~o.read_head(timeout)
                        return
                    end
                catch err
                    o.again(err);
                    ok = o.more(timeout);
                    return
                end
            end
            if strcmp(o.state, 'chunk') && o.left == 0
                if ~o.read_size(timeout)
                    return
                end
            end
            ok = ~strcmp(o.state, 'done');
            if ok && ~o.frames
                ok = false; % its text is taken by ENDED
            elseif ok && isempty(o.buffer)
                o.buffer = o.stream.pull(65536, timeout, false);
                if isempty(o.buffer)
                    ok = [];
                end
            end
        end

        function m = message(o, limits)
            f = arcuate.wire.read(@(n, varargin) o.take(n, varargin{:}), limits);
            m = arcuate.wire.envelope(f);
            o.consumed();
        end

        function finish(o, ~)
            % Reads the rest of an answer that says nothing.
            waited = 0;
            while isempty(o.more(1))
                waited = waited + 1;
                if waited > min(60, o.patience)
                    o.close();
                    error('Arcuate:lost', 'the hub has not answered for a minute');
                end
            end
        end

        function [status, text] = ended(o)
            text = '';
            status = o.status;
            if ~o.frames && any(strcmp(o.state, {'body', 'chunk'}))
                b = zeros(0, 1, 'uint8');
                while ~strcmp(o.state, 'done') && numel(b) < 1048576
                    if strcmp(o.state, 'chunk') && o.left == 0
                        o.read_size(10);
                        continue
                    end
                    b = [b; o.take(min(o.left, 65536), 'uint8')]; %#ok<AGROW>
                    o.consumed();
                end
                text = char(b.');
            elseif status >= 400 && ~o.frames
                text = sprintf('status %d', status);
            end
            if strcmp(o.state, 'done')
                o.state = 'idle';
                if ~o.keep
                    o.close();
                end
            else
                o.close();
            end
        end

        function close(o)
            if ~isempty(o.stream)
                o.stream.close();
                o.stream = [];
            end
            o.state = 'idle';
        end
    end
    methods (Hidden)
        function b = line(o, timeout)
            % A line without its end; [] (of class double) when it has not come in time.
            b = [];
            while true
                k = find(o.buffer == 10, 1);
                if ~isempty(k)
                    b = reshape(char(o.buffer(1:k-1)), 1, []);
                    o.buffer = o.buffer(k+1:end);
                    b = strtrim(b);
                    return
                elseif numel(o.buffer) > 65536
                    error('Arcuate:protocol', 'this is no HTTP: a line of more than 65536 bytes');
                end
                x = o.stream.pull(65536, timeout, false);
                if isempty(x)
                    return
                end
                o.buffer = [o.buffer; x];
            end
        end

        function ok = read_head(o, timeout)
            ok = false;
            while isempty(strfind(reshape(char(o.buffer), 1, []), sprintf('\r\n\r\n'))) %#ok<STREMP>
                if numel(o.buffer) > 131072 || (numel(o.buffer) > 4 && ~isequal(char(o.buffer(1:5).'), 'HTTP/'))
                    error('Arcuate:protocol', 'this is no HTTP: the answer begins with the bytes %s', ...
                        sprintf('%02x', o.buffer(1:min(end, 16))));
                end
                x = o.stream.pull(65536, timeout, false);
                if isempty(x)
                    return
                end
                o.buffer = [o.buffer; x];
            end
            o.fresh = true; % an answer began: what is lost now was not lost before
            first = regexp(o.line(0), '^HTTP/1\.[01] (\d\d\d)', 'tokens', 'once');
            if isempty(first)
                error('Arcuate:protocol', 'this is no HTTP: the answer has no status');
            end
            o.status = str2double(first{1});
            o.left = 0; o.keep = true; o.frames = false; kind = 'body'; length = NaN;
            while true
                s = o.line(0);
                if isempty(s)
                    break
                end
                f = regexp(s, '^([^:]+):\s*(.*)$', 'tokens', 'once');
                if isempty(f)
                    continue
                end
                switch lower(f{1})
                    case 'content-length'
                        if isempty(regexp(f{2}, '^\d{1,15}$', 'once'))
                            error('Arcuate:protocol', 'this is no HTTP: the answer has ''%.40s'' as its length', f{2});
                        end
                        length = str2double(f{2});
                    case 'transfer-encoding'
                        kind = 'chunk';
                    case 'connection'
                        o.keep = ~strcmpi(f{2}, 'close');
                    case 'content-type'
                        o.frames = strncmpi(f{2}, 'application/vnd.arcuate.frames', 30);
                end
            end
            if o.status == 100
                ok = o.read_head(timeout);
                return
            end
            if strcmp(kind, 'body')
                if isnan(length)
                    length = 0;
                    if o.status ~= 204 && o.status ~= 304
                        o.keep = false;
                    end
                end
                o.left = length;
            end
            o.state = kind;
            if strcmp(kind, 'body') && o.left == 0
                o.state = 'done';
            end
            ok = true;
        end

        function ok = read_size(o, timeout)
            % The size of the next chunk.
            s = o.line(timeout);
            ok = ischar(s);
            if ok && isempty(s)
                s = o.line(timeout); % the end of the chunk before it
                ok = ischar(s);
                if ~ok
                    o.buffer = [uint8([13; 10]); o.buffer];
                end
            end
            if ~ok
                return
            end
            size = regexp(s, '^[0-9A-Fa-f]+', 'match', 'once');
            if isempty(size)
                error('Arcuate:protocol', 'a chunk of the answer has no size');
            end
            o.left = hex2dec(size);
            if o.left == 0
                while ~isempty(o.line(10))
                end
                o.state = 'done';
            end
        end

        function x = take(o, n, cls, varargin)
            % N bytes of the body as a column of a class.
            if nargin > 3
                error('Arcuate:protocol', 'a buffer outside of its frame, which HTTP does not have');
            end
            if n >= 1048576 && strcmp(o.state, 'body') && o.left >= n
                x = o.large(n, cls);
                return
            end
            parts = {}; need = n;
            while need > 0
                if o.left == 0
                    if strcmp(o.state, 'chunk')
                        if ~o.read_size(60)
                            error('Arcuate:lost', 'the hub has said nothing for a minute');
                        end
                    end
                    if o.left == 0
                        error('Arcuate:lost', 'the answer ends in the middle of a frame');
                    end
                end
                k = min(need, o.left);
                if ~isempty(o.buffer)
                    k = min(k, numel(o.buffer));
                    x = o.buffer(1:k);
                    o.buffer = o.buffer(k+1:end);
                elseif k < 4096 % more than asked for, for the next time
                    o.buffer = o.stream.pull(65536, 60, false);
                    if isempty(o.buffer)
                        error('Arcuate:lost', 'the hub has said nothing for a minute');
                    end
                    continue
                else
                    x = o.stream.pull(k, 60, true);
                    if isempty(x)
                        error('Arcuate:lost', 'the hub has said nothing for a minute');
                    end
                end
                parts{end+1} = x; %#ok<AGROW>
                need = need - numel(x); o.left = o.left - numel(x);
            end
            if numel(parts) == 1
                x = parts{1};
            else
                x = vertcat(zeros(0, 1, 'uint8'), parts{:});
            end
            if ~strcmp(cls, 'uint8')
                x = typecast(x, cls);
            end
        end

        function x = large(o, n, cls)
            % The same for a large buffer, in steps of a megabyte: its own memory is all that is taken.
            w = arcuate.wire.width(cls);
            x = zeros(n/w, 1, cls); at = 0;
            part = o.buffer(1:min(n, end));
            o.buffer = o.buffer(numel(part)+1:end);
            while at < numel(x)
                k = min(1048576, n - w*at) - numel(part);
                if isempty(part) || mod(numel(part), w)
                    if ~isempty(part)
                        k = w - mod(numel(part), w);
                    end
                    more = o.stream.pull(k, 60, true);
                    if numel(more) < k
                        error('Arcuate:lost', 'the hub has said nothing for a minute');
                    end
                    part = [part; more]; %#ok<AGROW>
                end
                m = numel(part)/w;
                x(at+1:at+m) = typecast(part, cls);
                at = at + m;
                part = zeros(0, 1, 'uint8');
            end
            o.left = o.left - n;
        end

        function consumed(o)
            % After a frame: the end of a body, or of a chunk.
            if o.left == 0 && strcmp(o.state, 'body')
                o.state = 'done';
            end
        end
    end
end
