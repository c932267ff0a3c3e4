classdef Connection < handle
%CONNECTION A session with one interpreter behind a hub; made by ARCUATE.OPEN.
%   It ends when ARCUATE.CLOSE is called or the last variable that holds it is cleared.
%
%   Properties: url, transport, language, version, environment.
    properties
        url = '';
        transport = '';
        environment = '';
        language = '';
        version = '';
    end
    properties (Hidden)
        state = struct();
    end
    methods
        function disp(o)
            what = 'closed';
            if isfield(o.state, 'open') && o.state.open
                what = strtrim([o.language ' ' o.version]);
            end
            fprintf('  <arcuate.Connection %s: %s by %s>\n', o.url, what, o.transport);
        end
        function delete(o)
            try
                arcuate.close(o);
            catch
                % the hub ends a session that nobody uses
            end
        end
    end
end
