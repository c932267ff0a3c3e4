classdef Socket < handle
%SOCKET A stream of bytes over TCP by the package sockets of Octave.
    properties
        s = -1;
        address = '';
    end
    methods
        function o = Socket(host, port)
            o.address = sprintf('%s:%d', host, port);
            o.s = socket(AF_INET(), SOCK_STREAM(), 0);
            try
                r = connect(o.s, struct('addr', host, 'port', port));
            catch err
                disconnect(o.s);
                o.s = -1;
                error('Arcuate:down', 'no hub answers at %s: %s; is ''arcuate serve'' running there?', o.address, err.message);
            end
            if r ~= 0
                disconnect(o.s);
                o.s = -1;
                error('Arcuate:down', 'no hub answers at %s; is ''arcuate serve'' running there?', o.address);
            end
        end

        function push(o, p)
            arcuate.wire.chunks(p, @(x) o.write(x));
        end

        function write(o, x)
            while ~isempty(x)
                n = send(o.s, x);
                if n < 1
                    error('Arcuate:lost', 'the connection with %s broke', o.address);
                end
                x = x(n+1:end);
            end
        end

        function x = pull(o, n, timeout, all)
            x = zeros(0, 1, 'uint8');
            flag = MSG_DONTWAIT();
            if all
                flag = MSG_WAITALL();
            end
            while timeout >= 0
                step = min(timeout, 1); % so that Ctrl-C is noticed
                if select(o.s + 1, o.s, [], [], step) > 0
                    [x, count] = recv(o.s, n, flag);
                    if count < 1 || (all && count < n)
                        error('Arcuate:lost', 'the hub at %s closed the connection', o.address);
                    end
                    x = x(:);
                    return
                end
                timeout = timeout - step;
                if step == 0
                    return
                end
            end
        end

        function close(o)
            if o.s >= 0
                disconnect(o.s);
                o.s = -1;
            end
        end

        function delete(o)
            o.close();
        end
    end
end
