function v = variables(m)
%VARIABLES The requests about variables, objects and names: everything but call, eval and run.
v = [];
switch m.op
    case 'get'
        if arcuate.variable(m.name)
            v = evalin('base', m.name);
        elseif isvarname(m.name) && arcuate.callable(m.name)
            v = str2func(m.name);
        else
            missing_(m.name);
        end
    case 'set'
        if ~isvarname(m.name)
            error('Arcuate:INVALID_ARGUMENT', '''%s'' cannot be the name of a variable; use letters, digits and _, a letter first', m.name);
        end
        assignin('base', m.name, m.value);
    case 'delete'
        if ~arcuate.variable(m.name)
            missing_(m.name);
        end
        evalin('base', ['clear ' m.name]);
    case 'exists'
        v = arcuate.variable(m.name);
    case 'list'
        v = texts(evalin('base', 'who'));
    case 'attr'
        v = attribute(m);
    case 'setattr'
        x = m.target;
        if ~isobject(x) || ~isa(x, 'handle')
            error('Arcuate:UNSUPPORTED', 'an object of class %s is a value: the field ''%s'' of a kept object cannot be set from outside; change it in a variable with run, or call set', class(x), m.attribute);
        end
        x.(m.attribute) = m.value;
    case 'index'
        x = m.target;
        if iscell(x) && ~isempty(m.args)
            v = x{m.args{:}};
        elseif isa(x, 'function_handle')
            error('Arcuate:INVALID_ARGUMENT', 'a function cannot be indexed; call it');
        else
            v = x(m.args{:});
        end
    case 'show'
        shown = m.target; %#ok<NASGU>
        v = regexprep(evalc('disp(shown)'), '\n$', '');
    case 'names'
        v = texts(arcuate.names(m));
    case 'describe'
        v = arcuate.describe(m);
    case {'settle', 'ping'}
    otherwise
        error('Arcuate:UNSUPPORTED', 'this MATLAB worker does not know the request ''%s''', m.op);
end
end

function v = texts(c)
% A cell of texts that travels as a plain list, also when it is empty.
v = struct('arcuate', 'texts', 'data', []);
v.data = reshape(c, 1, []);
end

function missing_(name)
error('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no variable of that name in this MATLAB', name);
end

function v = attribute(m)
a = m.attribute;
if isfield(m, 'target')
    v = of_object(m.target, a);
elseif arcuate.variable(m.name)
    v = of_object(evalin('base', m.name), a);
else
    full = [m.name '.' a];
    if isempty(regexp(full, '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$', 'once')) || isempty(arcuate.file(full))
        error('Arcuate:NAME_NOT_FOUND', '''%s'' undefined: there is no such function in a package', full);
    end
    v = str2func(['@(varargin) ' full '(varargin{:})']);
end
end

function v = of_object(x, a)
if isstruct(x)
    if ~isfield(x, a)
        error('Arcuate:NAME_NOT_FOUND', 'the struct has no field ''%s''; it has: %s', a, strjoin(fieldnames(x).', ', '));
    elseif isscalar(x)
        v = x.(a);
    else
        v = reshape({x.(a)}, size(x));
    end
elseif isobject(x)
    try
        v = x.(a);
    catch err
        if ~any(strcmp(a, methods(x)))
            error('Arcuate:NAME_NOT_FOUND', 'an object of class %s has no ''%s'' (%s)', class(x), a, err.message);
        end
        v = @(varargin) feval(a, x, varargin{:});
    end
else
    error('Arcuate:NAME_NOT_FOUND', 'a value of class %s has no fields, so no ''%s''', class(x), a);
end
end
