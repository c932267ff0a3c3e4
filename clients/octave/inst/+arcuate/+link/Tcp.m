classdef Tcp < handle
%TCP A stream of bytes over TCP by tcpclient: of the package instrument-control in Octave, of MATLAB itself.
    properties
        t = [];
        address = '';
    end
    methods
        function o = Tcp(host, port)
            o.address = sprintf('%s:%d', host, port);
            try
                o.t = tcpclient(host, port, 'Timeout', 1);
            catch
                error('Arcuate:down', 'no hub answers at %s; is ''arcuate serve'' running there?', o.address);
            end
        end

        function push(o, p)
            try
                arcuate.wire.chunks(p, @(x) write(o.t, x));
            catch err
                error('Arcuate:lost', 'the connection with %s broke: %s', o.address, err.message);
            end
        end

        function x = pull(o, n, timeout, all)
            x = zeros(0, 1, 'uint8');
            try
                x = o.await(n, timeout, all);
            catch err
                error('Arcuate:lost', 'the connection with %s broke: %s', o.address, err.message);
            end
            if all && numel(x) < n
                error('Arcuate:lost', 'the hub at %s has closed the connection, or said nothing for a minute', o.address);
            end
        end

        function x = await(o, n, timeout, all)
            x = zeros(0, 1, 'uint8');
            waited = 0;
            while true
                k = o.t.NumBytesAvailable;
                if all && (k > 0 || waited > 0)
                    o.t.Timeout = 60;
                    x = read(o.t, n);
                    o.t.Timeout = 1;
                    x = x(:);
                    return
                elseif k > 0
                    x = read(o.t, min(k, n));
                    x = x(:);
                    return
                end
                if waited >= timeout
                    return
                end
                o.t.Timeout = min(timeout - waited, 1);
                x = read(o.t, 1);
                waited = waited + min(timeout - waited, 1);
                x = x(:);
                if ~isempty(x)
                    return
                end
            end
        end

        function close(o)
            o.t = [];
        end
    end
end
