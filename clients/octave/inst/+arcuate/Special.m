classdef Special
%SPECIAL What ARCUATE.NAMED and ARCUATE.OPTIONS make: no argument itself, but told apart from all that are.
    properties (Hidden)
        kind = '';
        pairs = {};
    end
    methods
        function o = Special(kind, pairs)
            o.kind = kind; o.pairs = pairs;
        end
        function disp(o)
            fprintf('  <arcuate.%s: %s>\n', o.kind, strjoin(o.pairs(1:2:end), ', '));
        end
    end
end
