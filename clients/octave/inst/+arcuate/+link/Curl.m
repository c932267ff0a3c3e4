classdef Curl < handle
%CURL HTTP by the program curl: one process for each request, whose answer is read from a pipe as it comes.
%   Secrets and bodies go through files that only this user can read, in a folder that CLOSE removes.
    properties
        base
        ca
        folder
        clean
        pid = -1;     % of popen
        status = 0;
        frames = false;
        ahead = zeros(0, 1, 'uint8');
        over = true;
        code = 0;
        address
        patience = Inf;
    end
    methods
        function o = Curl(t, options)
            schemes = {'http', 'https'};
            o.base = sprintf('%s://%s', schemes{1 + t.secure}, t.address);
            o.address = t.address; o.ca = options.ca;
            before = umask(77);
            o.folder = tempname();
            [ok, text] = mkdir(o.folder);
            umask(before);
            if ~ok
                error('Arcuate:down', 'no folder for requests can be made: %s', text);
            end
            folder = o.folder;
            o.clean = onCleanup(@() cellfun(@(f) unlink_quietly(folder, f), {'config', 'body', 'head', 'said', ''}));
        end

        function start(o, method, path, head, p)
            o.stop();
            o.status = 0; o.frames = false; o.over = false; o.code = 0; o.ahead = zeros(0, 1, 'uint8');
            lines = {'silent', 'show-error', 'no-buffer', 'http1.1', 'globoff', 'connect-timeout = 30', ...
                'speed-limit = 1', 'speed-time = 60', ['url = ' quoted([o.base path])], ['request = ' quoted(method)], ...
                ['dump-header = ' quoted([o.folder '/head'])], ['stderr = ' quoted([o.folder '/said'])], 'header = "Expect:"'};
            for j = 1:numel(head)
                lines{end+1} = ['header = ' quoted(head{j})]; %#ok<AGROW>
            end
            if isfinite(o.patience)
                lines{end+1} = sprintf('max-time = %.3f', o.patience);
            end
            if ~isempty(o.ca)
                lines{end+1} = ['cacert = ' quoted(o.ca)];
            end
            if strcmp(method, 'POST')
                lines = [lines, {'header = "Content-Type: application/vnd.arcuate.frames"', ...
                    ['upload-file = ' quoted([o.folder '/body'])]}];
                fid = written([o.folder '/body']);
                for j = 1:numel(p)
                    fwrite(fid, p{j}, class(p{j}));
                end
                fclose(fid);
            end
            fid = written([o.folder '/config']);
            fprintf(fid, '%s\n', lines{:});
            fclose(fid);
            fclose(written([o.folder '/head'])); % so that none of an earlier request is read
            o.pid = popen(['exec curl --config ''' o.folder '/config'''], 'r');
            if o.pid < 0
                error('Arcuate:down', 'the program curl cannot be started');
            end
        end

        function ok = more(o, ~)
            % Whether a frame follows. Waits as long as it takes: the hub gives a sign of life every 15 s.
            if ~o.over && isempty(o.ahead)
                o.ahead = fread(o.pid, 64, 'uint8=>uint8');
                if o.status == 0
                    o.read_head();
                end
                if isempty(o.ahead)
                    o.stop();
                end
            end
            ok = ~isempty(o.ahead) && o.frames;
        end

        function m = message(o, limits)
            m = arcuate.wire.envelope(arcuate.wire.read(@(n, cls, varargin) o.take(n, cls, varargin{:}), limits));
        end

        function finish(o, ~)
            if ~o.over && isempty(o.ahead)
                o.more();
            end
        end

        function [status, text] = ended(o)
            text = '';
            if ~o.over
                text = char([o.ahead; fread(o.pid, 1048576, 'uint8=>uint8')].');
                o.stop();
            end
            status = o.status;
            if o.frames
                text = '';
            elseif status >= 400 && isempty(text)
                text = sprintf('status %d', status);
            end
        end

        function x = take(o, n, cls, varargin)
            if nargin > 3
                error('Arcuate:protocol', 'a buffer outside of its frame, which HTTP does not have');
            end
            if ~isempty(o.ahead)
                k = min(n, numel(o.ahead));
                x = o.ahead(1:k);
                o.ahead = o.ahead(k+1:end);
                if k < n
                    x = [x; fread(o.pid, n - k, 'uint8=>uint8')];
                end
            elseif strcmp(cls, 'uint8')
                x = fread(o.pid, n, 'uint8=>uint8');
            else
                w = arcuate.wire.width(cls);
                x = fread(o.pid, n/w, [cls '=>' cls]);
                n = n/w;
            end
            if numel(x) < n
                o.stop();
                error('Arcuate:lost', 'the answer of %s ends in the middle of a frame', o.address);
            end
        end

        function stop(o)
            % Ends the process; one that is not at its end notices that nobody reads.
            if o.pid >= 0
                o.code = pclose(o.pid);
                o.pid = -1;
            end
            o.over = true;
        end

        function close(o)
            o.ahead = zeros(0, 1, 'uint8');
            o.stop();
        end

        function delete(o)
            o.close();
        end
    end
    methods (Hidden)
        function read_head(o)
            % The head of the answer, which curl has written before it passes on the first byte of the body.
            text = fileread([o.folder '/head']);
            k = regexp(text, 'HTTP/1\.[01] (\d\d\d)', 'tokens');
            if isempty(k)
                o.refused();
            end
            o.status = str2double(k{end}{1});
            text = text(find_last(text):end);
            o.frames = ~isempty(regexpi(text, '^content-type:\s*application/vnd\.arcuate\.frames', 'once', 'lineanchors'));
        end

        function refused(o)
            % No answer came: what curl says about it.
            rest = o.ahead;
            o.ahead = zeros(0, 1, 'uint8');
            o.stop();
            said = strtrim(fileread([o.folder '/said']));
            code = regexp(said, '^curl: \((\d+)\)', 'tokens', 'once');
            code = [code, {'0'}];
            code = str2double(code{1});
            if any(code == [5 6 7])
                error('Arcuate:down', 'no hub answers at %s: %s; is ''arcuate serve'' running there?', o.address, said);
            elseif any(code == [35 51 53 54 58 59 60 64 66 77 80 82 83 90 91])
                error('Arcuate:authentication', ['the hub at %s does not show a certificate that is trusted here: %s; give ' ...
                    'its authority as ''ca'''], o.address, said);
            elseif any(code == [1 8 43]) || ~isempty(rest)
                error('Arcuate:protocol', 'this is no HTTP: %s', said);
            end
            error('Arcuate:lost', 'the connection with %s broke: %s', o.address, said);
        end
    end
end

function k = find_last(text)
k = max([1, strfind(text, 'HTTP/1.')]);
end

function s = quoted(s)
% A text for a configuration file of curl.
s = ['"' strrep(strrep(s, '\', '\\'), '"', '\"') '"'];
end

function fid = written(name)
fid = fopen(name, 'w');
if fid < 0
    error('Arcuate:down', 'the file %s cannot be written', name);
end
end

function unlink_quietly(folder, name)
if isempty(name)
    rmdir(folder);
elseif exist([folder '/' name], 'file')
    unlink([folder '/' name]);
end
end
