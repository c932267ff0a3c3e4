function flags = forced()
%FORCED The flags of a cell in one row: it stays a list where a list of scalars would become a vector.
flags = 2;
end
