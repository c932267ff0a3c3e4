function n = array(v, nd, shape)
%ARRAY The nodes of an array with ND dimensions: numeric, logical, or a cell of texts.
%   ND 0: V is a scalar, 1: V is a vector, otherwise size(V), filled up with ones. SHAPE counts instead, where
%   it has as many elements as V. The result is [] where a cell holds something else than texts of one row.
if nargin > 2 && ~isempty(shape) && prod(double(shape)) == numel(v)
    shape = double(shape(:).'); nd = numel(shape);
elseif nd > 1
    if ndims(v) > nd
        error('Arcuate:conversion', 'an array of size %s has more dimensions than the %d that are named; name one per dimension', mat2str(size(v)), nd);
    end
    shape = [size(v), ones(1, nd - ndims(v))];
elseif nd == 1
    if numel(v) ~= max(size(v)) && ~isempty(v)
        error('Arcuate:conversion', 'an array of size %s stands where one dimension is named; make it a vector', mat2str(size(v)));
    end
    shape = numel(v);
else
    if numel(v) ~= 1
        error('Arcuate:conversion', 'an array of size %s stands where no dimension is named; make it a scalar', mat2str(size(v)));
    end
    shape = [];
end
flags = 2*(nd > 1); mask = [];
if iscell(v)
    v = texts(v);
    if isempty(v) && ~isa(v, 'uint8')
        n = [];
        return
    end
    dtype = 15;
else
    dtype = arcuate.wire.code_of(class(v));
    if islogical(v)
        v = uint8(full(v));
    elseif isfloat(v)
        mask = arcuate.wire.gone(v);
        if ~any(mask(:))
            mask = [];
        end
        if isreal(v)
            if ~isempty(mask) % an assignment makes a copy
                v(mask) = 0;
            end
            v = full(v); % also of Octave's ranges, which are stored otherwise
        else
            dtype = dtype + 2;
            v = [reshape(real(v), 1, []); reshape(imag(v), 1, [])];
            if ~isempty(mask)
                v(:,mask(:)) = 0;
            end
        end
    elseif ~isreal(v)
        error('Arcuate:conversion', 'a complex array of class %s has no form elsewhere; convert it to double', class(v));
    end
end
buffers = {v};
if ~isempty(mask)
    buffers = {v, uint8(mask)}; flags = flags + 1;
end
n = arcuate.wire.node(10, 'count', nd, 'dtype', dtype, 'flags', flags, 'pool', shape, 'buffers', buffers);
end

function b = texts(c)
% The bytes of texts, each followed by a NUL; [] (of class double) where one is none.
b = [];
ok = cellfun('size', c, 1) == 1 | cellfun('isempty', c);
if ~all(ok(:)) || any(reshape(cellfun('ndims', c), 1, []) ~= 2)
    return
end
whole = [c{:}];
if all(whole > 0 & whole < 128) % all at once
    ends = cumsum(reshape(cellfun('length', c), 1, []) + 1);
    inside = true(1, numel(whole) + numel(c));
    inside(ends) = false;
    b = zeros(1, numel(inside), 'uint8');
    b(inside) = whole;
    return
end
rows = cell(1, numel(c));
for j = 1:numel(c)
    try
        rows{j} = [arcuate.wire.utf8(reshape(c{j}, 1, [])), uint8(0)];
    catch err
        arcuate.wire.step(err, j - 1);
    end
end
b = [zeros(1, 0, 'uint8'), rows{:}];
end
