function chunks(p, write)
%CHUNKS Gives pieces (see ARCUATE.WIRE.PIECES) to WRITE as rows of uint8 of a megabyte at most.
%   Converting a large array as a whole would take as much fresh memory again, which costs more than the copying.
most = 1048576;
for j = 1:numel(p)
    v = p{j};
    step = most/arcuate.wire.width(class(v));
    for from = 1:step:numel(v)
        if numel(v) > step
            x = reshape(v(from:min(from + step - 1, end)), 1, []);
        else
            x = reshape(v, 1, []);
        end
        if ~isa(x, 'uint8')
            x = typecast(x, 'uint8');
        end
        write(x);
    end
end
end
