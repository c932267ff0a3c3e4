function called(c, m, how) %#ok<INUSD>
%CALLED Calls the function that the interpreter asks for, and sends back what it returns or raises.
if arcuate.wire.octave()
    max_recursion_depth(2000, 'local');
end
c.state.parents(end+1) = m.id;
try
    arcuate.wire.session(c);
    v = arcuate.wire.fields_of(m);
    args = reshape(v.args, 1, []);
    if isfield(v, 'named') && ~isempty(fieldnames(v.named))
        args = [args, reshape([fieldnames(v.named), struct2cell(v.named)].', 1, [])];
    end
    k = str2double(v.function);
    if ~(k >= 1 && k <= numel(c.state.functions))
        error('arcuate:StaleHandle', 'there is no function %s here', v.function);
    end
    f = c.state.functions{k};
    x = [];
    if nargout_of(f) == 0
        f(args{:});
    else
        x = f(args{:});
    end
    arcuate.wire.session(c);
    n = arcuate.wire.message('return', m.id, 'value', @() arcuate.wire.encode(x));
    op = 'return';
catch err
    c.state.failed = err;
    op = 'raise';
    n = raised(m.id, err);
end
c.state.parents(end) = [];
c.state.link.send(op, n, false);
end

function n = nargout_of(f)
n = -1;
try
    n = nargout(f);
catch
    % of some functions this is not known
end
if n == 0 && strncmp(func2str(f), '@', 1)
    n = -1; % an anonymous function has as many as its body
end
end

function n = raised(id, err)
classes = {'error'};
if ~isempty(err.identifier)
    classes = {err.identifier, 'error'};
end
stack = {};
for j = numel(err.stack):-1:1
    if isempty(strfind(err.stack(j).name, 'arcuate.wire')) %#ok<STREMP>
        stack{end+1} = sprintf('%s (line %d)', err.stack(j).name, err.stack(j).line); %#ok<AGROW>
    end
end
text = err.message;
text(text == char(0) | text == char(1)) = ' ';
language = {'MATLAB', 'Octave'};
n = arcuate.wire.message('raise', id, 'code', 'REMOTE_ERROR', 'message', text, 'class', classes, 'stack', stack, ...
    'identifier', err.identifier, 'language', language{1 + arcuate.wire.octave()});
end
