function b = joined(p)
%JOINED The pieces of a frame as one row of uint8.
for j = 1:numel(p)
    x = reshape(p{j}, 1, []);
    if ~isa(x, 'uint8')
        x = typecast(x, 'uint8');
    end
    p{j} = x;
end
b = [p{:}];
end
