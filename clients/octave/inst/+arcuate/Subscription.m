classdef Subscription < handle
%SUBSCRIPTION What ARCUATE.SUBSCRIBE makes. It ends with ARCUATE.UNSUBSCRIBE, or when it is cleared.
%
%   See also ARCUATE.SAMPLE.
    properties
        topic = '';
    end
    properties (Hidden)
        connection = [];
        id = 0;
        buffer = 100;
        taken = 0;
        live = true;
    end
    methods
        function o = Subscription(connection, id, topic, buffer)
            o.connection = connection; o.id = id; o.topic = topic; o.buffer = buffer;
        end
        function disp(o)
            fprintf('  <arcuate.Subscription: %s>\n', o.topic);
        end
        function delete(o)
            try
                arcuate.unsubscribe(o);
            catch
                % it ends with its connection
            end
        end
    end
end
