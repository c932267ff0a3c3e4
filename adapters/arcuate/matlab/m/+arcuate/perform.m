function n = perform(m)
%PERFORM Does what a request asks, and returns the nodes of the reply.
named = []; count = 1; keep = false;
if isfield(m, 'named')
    named = m.named;
end
if isfield(m, 'nargout')
    count = double(m.nargout);
end
if isfield(m, 'keep')
    keep = m.keep;
end
if isfield(m, 'trace') % the W3C trace that the request belongs to, or the end of one
    setenv('TRACEPARENT', m.trace);
end
switch m.op
    case 'call'
        args = m.args;
        if isstruct(named) && ~isempty(fieldnames(named))
            if isfield(named, 'arcuate')
                pairs = [named.keys(:), named.values(:)].';
            else
                pairs = [fieldnames(named), struct2cell(named)].';
            end
            args = [args, reshape(pairs, 1, [])];
        end
        if isfield(m, 'target')
            if ~isa(m.target, 'function_handle')
                error('Arcuate:INVALID_ARGUMENT', 'an object of class %s cannot be called; index it, or name a function', class(m.target));
            end
            f = m.target;
        else
            f = arcuate.reach(m.name);
        end
        out = invoke(f, args, count);
    case 'eval'
        count = max(count, 0);
        out = cell(1, count);
        if count
            [out{1:count}] = evalin('base', m.code);
        else
            evalin('base', m.code);
        end
    case 'run'
        count = 0; out = {};
        evalin('base', m.code);
    case 'release'
        arcuate.handles('release', m.handles);
        count = 0; out = {};
    otherwise
        count = 1;
        out = {arcuate.variables(m)};
end
if count > 1
    n = arcuate.message('reply', m.id, 'values', @() values(out, keep));
elseif count == 0 || isempty(out)
    n = arcuate.message('reply', m.id, 'value', @() arcuate.wire.node(0));
else
    try
        x = value(out{1}, keep);
    catch err
        rethrow(err);
    end
    n = arcuate.message('reply', m.id, 'value', @() x);
end
end

function out = invoke(f, args, count)
out = cell(1, count);
try
    if count
        [out{1:count}] = f(args{:});
    else
        f(args{:});
    end
catch err
    none = {'MATLAB:maxlhs', 'MATLAB:TooManyOutputs', 'Octave:invalid-fun-call'};
    if count ~= 1 || ~any(strcmp(err.identifier, none)) || numel(arcuate.stack(err)) > 1 || ...
            (strcmp(err.identifier, none{3}) && isempty(regexp(err.message, 'called with too many outputs$', 'once')))
        rethrow(err);
    end
    try % one that has outputs may have run, and met the error inside
        again = nargout(func2str(f)) == 0;
    catch
        again = true;
    end
    if ~again
        rethrow(err);
    end
    f(args{:}); % it has no output, and nothing of it has run yet
    out = {};
end
end

function n = value(x, keep)
if keep && ~(isa(x, 'function_handle') && ~isempty(arcuate.callback_id(x)))
    n = arcuate.wire.handle_node(x);
else
    n = arcuate.wire.encode(x);
end
end

function n = values(out, keep)
parts = cell(1, numel(out));
for j = 1:numel(out)
    x = out{j};
    parts{j} = @() value(x, keep);
end
n = arcuate.wire.group(8, {}, parts, 'flags', 2);
end
