function s = word(s)
%WORD A text that MATLAB's users may write with double quotes, as a char row; all else as it is.
if isa(s, 'string') && isscalar(s)
    s = char(s);
end
end
