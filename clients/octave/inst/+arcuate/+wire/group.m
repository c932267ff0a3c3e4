function n = group(kind, keys, parts, varargin)
%GROUP A node with children.
%   N = ARCUATE.WIRE.GROUP(KIND, KEYS, PARTS, ...) has a child for each function in the cell row PARTS, which
%   returns its nodes; KEYS are their keys, or {} where they have none. Further arguments are those of NODE.
c = numel(parts);
Rs = cell(1, c); Ts = cell(1, c); Ps = cell(1, c); Bs = cell(1, c);
for j = 1:c
    try
        x = parts{j}();
        name = zeros(1, 0, 'uint8');
        if ~isempty(keys)
            name = arcuate.wire.utf8(keys{j});
        end
    catch err
        if isempty(keys)
            arcuate.wire.step(err, j - 1);
        else
            arcuate.wire.step(err, keys{j});
        end
    end
    x.R(3,1) = numel(name);
    Rs{j} = x.R; Ts{j} = [name, x.T]; Ps{j} = x.P; Bs{j} = x.B;
end
n = arcuate.wire.node(kind, 'count', c, varargin{:});
n.R = [n.R, Rs{:}]; n.T = [n.T, Ts{:}]; n.P = [n.P, Ps{:}]; n.B = [n.B, Bs{:}];
end
