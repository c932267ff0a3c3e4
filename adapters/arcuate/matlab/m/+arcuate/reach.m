function f = reach(name)
%REACH The function that a call by this name reaches: a variable of the workspace before a function.
if isempty(regexp(name, '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$', 'once'))
    error('Arcuate:NAME_NOT_FOUND', '''%s'' is no name of a function; a name is like sin or package.function, and eval takes expressions', name);
end
if arcuate.variable(name)
    f = evalin('base', name);
    if ~isa(f, 'function_handle')
        x = f;
        f = @(varargin) x(varargin{:}); % as x(i) does
    end
elseif any(name == '.')
    f = str2func(['@(varargin) ' name '(varargin{:})']);
else
    if ~arcuate.callable(name)
        rehash(); % perhaps its file is new
        if ~arcuate.callable(name)
            error('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no function or variable of that name; add its folder with path=[...]', name);
        end
    end
    f = str2func(name);
end
end
