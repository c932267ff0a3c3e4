classdef Remote < handle
%REMOTE An object that stays in the interpreter of a session; made by ARCUATE.KEEP and by results that cannot
%   travel. It can be an argument of a call, called, indexed, asked for attributes and shown; when the last
%   variable that holds it is cleared, the interpreter may forget the object.
%
%   See also ARCUATE.CALL, ARCUATE.INDEX, ARCUATE.ATTR, ARCUATE.SHOW, ARCUATE.RELEASE.
    properties
        id = '';
        classes = {};
        summary = '';
    end
    properties (Hidden)
        connection = [];
        info = struct();
        live = true;
    end
    methods
        function o = Remote(connection, id, info)
            o.connection = connection; o.id = id; o.info = info;
            if isfield(info, 'class')
                o.classes = cellstr(info.class);
            end
            if isfield(info, 'summary')
                o.summary = info.summary;
            end
        end
        function disp(o)
            fprintf('%s\n', o.summary);
        end
        function delete(o)
            try
                arcuate.release(o);
            catch
                % the end of the session releases all
            end
        end
    end
end
