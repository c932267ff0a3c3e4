function s = summary(v)
%SUMMARY One line that says what an object is.
if isa(v, 'function_handle')
    s = func2str(v);
    if s(1) ~= '@'
        s = ['@' s];
    end
else
    sizes = sprintf('%dx', size(v));
    s = sprintf('<%s %s>', sizes(1:end-1), class(v));
end
try
    arcuate.wire.utf8(s);
catch
    s = s(s > 0 & s < 128);
end
if numel(s) > 200
    s = [s(1:200) '...'];
end
end
