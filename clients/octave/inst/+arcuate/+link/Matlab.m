classdef Matlab < handle
%MATLAB HTTP by matlab.net.http: each answer comes as a whole, so calls are sent with "Prefer: respond-async" and
%   the output is polled. Written against MathWorks' documentation (R2019b and later).
    properties
        base
        options
        status = 0;
        frames = false;
        body = zeros(0, 1, 'uint8');
        at = 0;
        address
        patience = Inf;
    end
    methods
        function o = Matlab(t, options)
            schemes = {'http', 'https'};
            o.base = sprintf('%s://%s', schemes{1 + t.secure}, t.address);
            o.address = t.address;
            o.options = matlab.net.http.HTTPOptions('ConvertResponse', false, 'ConnectTimeout', 30, ...
                'ResponseTimeout', 60, 'MaxRedirects', 0);
            if ~isempty(options.ca)
                o.options.CertificateFilename = options.ca;
            end
        end

        function start(o, method, path, head, p)
            fields = matlab.net.http.HeaderField.empty;
            for j = 1:numel(head)
                k = find(head{j} == ':', 1);
                fields(end+1) = matlab.net.http.HeaderField(head{j}(1:k-1), strtrim(head{j}(k+1:end))); %#ok<AGROW>
            end
            if strcmp(method, 'POST')
                fields(end+1) = matlab.net.http.HeaderField('Content-Type', 'application/vnd.arcuate.frames');
                body = matlab.net.http.MessageBody();
                body.Payload = arcuate.wire.joined(p);
                request = matlab.net.http.RequestMessage(method, fields, body);
            else
                request = matlab.net.http.RequestMessage(method, fields);
            end
            try
                answer = request.send(matlab.net.URI([o.base path]), o.options);
            catch err
                if ~isempty(strfind(lower(err.message), 'certificate')) %#ok<STREMP>
                    error('Arcuate:authentication', 'the hub at %s does not show a certificate that is trusted here: %s', ...
                        o.address, err.message);
                end
                error('Arcuate:down', 'no hub answers at %s: %s; is ''arcuate serve'' running there?', o.address, err.message);
            end
            o.status = double(answer.StatusCode);
            type = answer.getFields('Content-Type');
            o.frames = ~isempty(type) && strncmpi(char(type(1).Value), 'application/vnd.arcuate.frames', 30);
            o.body = reshape(uint8(answer.Body.Data), [], 1);
            o.at = 0;
        end

        function ok = more(o, ~)
            ok = o.frames && o.at < numel(o.body);
        end

        function m = message(o, limits)
            m = arcuate.wire.envelope(arcuate.wire.read(@(n, cls, varargin) o.take(n, cls, varargin{:}), limits));
        end

        function finish(o, ~) %#ok<MANU>
        end

        function [status, text] = ended(o)
            status = o.status; text = '';
            if ~o.frames
                text = char(reshape(o.body, 1, []));
            end
            if status >= 400 && isempty(text)
                text = sprintf('status %d', status);
            end
        end

        function x = take(o, n, cls, varargin)
            if nargin > 3
                error('Arcuate:protocol', 'a buffer outside of its frame, which HTTP does not have');
            elseif o.at + n > numel(o.body)
                error('Arcuate:lost', 'the answer of %s ends in the middle of a frame', o.address);
            end
            x = o.body(o.at+1:o.at+n);
            o.at = o.at + n;
            if ~strcmp(cls, 'uint8')
                x = typecast(x, cls);
            end
        end

        function close(o)
            o.body = zeros(0, 1, 'uint8');
        end
    end
end
