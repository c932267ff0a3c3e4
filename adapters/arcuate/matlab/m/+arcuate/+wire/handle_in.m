function v = handle_in(id, info) %#ok<INUSD>
%HANDLE_IN The object of this MATLAB that an id stands for.
v = arcuate.handles('get', id);
end
