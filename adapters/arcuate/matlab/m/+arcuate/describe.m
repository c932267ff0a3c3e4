function d = describe(m)
%DESCRIBE What there is to know of a name or an object: {name, kind, doc, signature, parameters}.
d = struct('name', '', 'kind', '', 'doc', '', 'signature', '', 'parameters', {{}});
if isfield(m, 'target')
    if ~isa(m.target, 'function_handle')
        d.kind = 'variable'; d.doc = arcuate.summary(m.target);
        return
    end
    s = func2str(m.target);
    if s(1) == '@'
        d.kind = 'function'; d.signature = s; d.name = 'anonymous';
        args = regexp(s, '^@\((.*?)\)', 'tokens', 'once');
        d.parameters = parameters(args{1});
        return
    end
    m.name = s;
end
name = m.name;
d.name = name;
if isempty(regexp(name, '^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$', 'once'))
    return
end
if arcuate.variable(name)
    x = evalin('base', name);
    d.kind = 'variable'; d.doc = arcuate.summary(x);
    if isa(x, 'function_handle')
        e = arcuate.describe(struct('target', x));
        d.kind = e.kind; d.signature = e.signature; d.parameters = e.parameters;
    end
    return
end
dotted = any(name == '.');
source = arcuate.file(name);
if isempty(source) && (dotted || ~arcuate.callable(name))
    folders = [{pwd()}, regexp(path(), pathsep(), 'split')];
    tail = ['+' strrep(name, '.', [filesep '+'])];
    if any(cellfun(@(f) exist(fullfile(f, tail), 'dir') == 7, folders))
        d.kind = 'package';
    end
    return
end
d.kind = 'function';
if isfield(m, 'brief') && m.brief
    return
end
line = {};
if ~isempty(source)
    line = regexp(fileread(source), '^\s*function\s+([^\n%#;]*)', 'tokens', 'once', 'lineanchors');
end
try
    d.doc = strtrim(help_(name));
catch
end
d.parameters = parameters('varargin');
if ~isempty(line)
    d.signature = strtrim(line{1});
    args = regexp(d.signature, '\((.*)\)\s*$', 'tokens', 'once');
    d.parameters = {};
    if ~isempty(args)
        d.parameters = parameters(args{1});
    end
end
end

function s = help_(name)
if exist('OCTAVE_VERSION', 'builtin') ~= 0
    s = get_help_text(name);
else
    s = help(name);
end
end

function c = parameters(list)
% Python's view of an argument list. Every parameter may be left out.
c = {};
words = regexp(list, ',', 'split');
for j = 1:numel(words)
    t = regexp(strtrim(words{j}), '^(\w+|~|!)', 'tokens', 'once');
    if isempty(t)
        continue
    end
    q = struct('name', t{1}, 'kind', 'positional', 'default', []);
    if any(strcmp(t{1}, {'~', '!'}))
        q.name = sprintf('unused%d', numel(c) + 1);
    elseif strcmp(t{1}, 'varargin')
        q.kind = 'var';
    end
    c{end+1} = q; %#ok<AGROW>
end
end
