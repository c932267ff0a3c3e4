function v = category_in(v)
%CATEGORY_IN A categorical from the struct that stands for one, where the class holds exactly this.
c = v.categories;
if exist('OCTAVE_VERSION', 'builtin') ~= 0 || ~iscellstr(c) || any(cellfun('isempty', c))
    return
end
try
    x = categorical(double(v.codes) + 1, 1:numel(c), c, 'Ordinal', v.ordered); % code 0 is no category: undefined
    if isequal(categories(x), c(:))
        v = x;
    end
catch
    % names that the class does not take, such as two that differ in blanks only: the struct stays
end
end
