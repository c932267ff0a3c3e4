function value = unpack(bytes)
%UNPACK The value in one frame (protos/frames.md), which is checked strictly.
%   VALUE = ARCUATE.UNPACK(BYTES)
limits = struct('message', 2*2^30, 'array', 64*2^30, 'nodes', 2e7, 'text', 2^30, 'depth', 64, 'levels', 0);
bytes = reshape(uint8(bytes), [], 1); at = 0;
if arcuate.wire.octave()
    max_recursion_depth(2000, 'local');
end
try
    f = arcuate.wire.read(@take, limits);
    if at ~= numel(bytes)
        error('Arcuate:protocol', 'malformed frame: %d bytes are left over', numel(bytes) - at);
    end
    value = arcuate.wire.decode(f);
catch err
    arcuate.wire.translate(err, '$', 'no');
end

    function x = take(n, cls, varargin)
        if nargin > 2
            error('Arcuate:protocol', 'malformed frame: a buffer lies outside, at place %.0f', n);
        elseif at + n > numel(bytes)
            error('Arcuate:protocol', 'malformed frame: %.0f bytes are announced, %d came', at + n, numel(bytes));
        end
        x = bytes(at+1:at+n);
        at = at + n;
        if ~strcmp(cls, 'uint8')
            x = typecast(x, cls);
        end
    end
end
