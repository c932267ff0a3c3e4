classdef Pending < handle
%PENDING A call that was begun by ARCUATE.SUBMIT.
%
%   See also ARCUATE.VALUE, ARCUATE.DONE, ARCUATE.CANCEL.
    properties (Hidden)
        connection = [];
        id = 0;
        how = struct();
        count = 1;
        answer = [];
    end
    methods
        function o = Pending(connection, id, how, count)
            o.connection = connection; o.id = id; o.how = how; o.count = count;
        end
        function disp(o)
            fprintf('  <arcuate.Pending: call %d>\n', o.id);
        end
    end
end
