classdef Tcp < handle
%TCP A stream of bytes over TCP by tcpclient: of the package instrument-control in Octave, of MATLAB itself.
    properties
        t = [];
        address = '';
        patience = 1;
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
            if all
                o.limit(60);
                x = read(o.t, n);
                x = x(:);
                return
            end
            waited = 0;
            while isempty(x) && waited <= timeout
                k = o.t.NumBytesAvailable;
                if k == 0 && waited < timeout % in steps of a second, so that Ctrl-C is noticed
                    step = min(timeout - waited, 1);
                    o.limit(step);
                    x = read(o.t, 1);
                    x = x(:);
                    waited = waited + step;
                    continue
                elseif k > 0
                    x = read(o.t, min(k, n));
                    x = x(:);
                end
                return
            end
        end

        function limit(o, seconds)
            if seconds ~= o.patience
                o.t.Timeout = seconds;
                o.patience = seconds;
            end
        end

        function close(o)
            o.t = [];
        end
    end
end
