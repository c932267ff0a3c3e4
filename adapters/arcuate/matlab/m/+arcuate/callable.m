function tf = callable(arcuate_name_)
%CALLABLE Whether there is a function or class of that name.
%   The parameter has a name that nobody else uses, since EXIST sees it too.
tf = any(exist(arcuate_name_) == [2, 3, 5, 6, 8, 103]) || any(exist(arcuate_name_, 'file') == [2, 3, 6]) || ...
    exist(arcuate_name_, 'builtin') == 5 || ~isempty(arcuate.file(arcuate_name_)); %#ok<EXIST>
end
