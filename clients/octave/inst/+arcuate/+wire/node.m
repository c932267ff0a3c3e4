function n = node(kind, varargin)
%NODE One node without children.
%   N = ARCUATE.WIRE.NODE(KIND, 'value', V, 'dtype', D, 'flags', F, 'unit', U, 'text', BYTES, 'count', C,
%   'pool', P, 'buffers', B): all fields but the first may be left out.
%
%   Nodes are a struct: R, uint64, one column per node (value, children or dimensions, bytes of key, bytes of
%   text, kind, dtype, flags, unit), in pre-order; T, keys and texts, a row of uint8; P, the pool, a row of
%   uint64; B, the buffers, a row of cells.
value = uint64(0); dtype = 0; flags = 0; unit = 0; text = zeros(1, 0, 'uint8'); count = 0;
pool = zeros(1, 0, 'uint64'); buffers = {};
for j = 1:2:numel(varargin)
    x = varargin{j+1};
    switch varargin{j}
        case 'value', value = x;
        case 'dtype', dtype = x;
        case 'flags', flags = x;
        case 'unit', unit = x;
        case 'text', text = x;
        case 'count', count = x;
        case 'pool', pool = x;
        case 'buffers', buffers = x;
    end
end
n.R = [value; uint64([count; 0; numel(text); kind; dtype; flags; unit])];
n.T = text;
n.P = reshape(uint64(pool), 1, []);
n.B = buffers;
end
