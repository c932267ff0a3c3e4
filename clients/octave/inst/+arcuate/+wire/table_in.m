function v = table_in(v)
%TABLE_IN A table from the struct that stands for one, where the class holds exactly this.
if exist('OCTAVE_VERSION', 'builtin') ~= 0 || ~isempty(v.nullable) || ~(isempty(v.index) || plain_index(v.index)) || ...
        strcmp(v.container, 'arrow')
    return
end
if isfield(v.columns, 'arcuate')
    names = v.columns.keys; values = v.columns.values;
else
    names = fieldnames(v.columns).'; values = struct2cell(v.columns).';
end
if any(cellfun(@isstruct, values)) || isempty(values)
    return
end
values = cellfun(@(c) reshape(c, [], 1), values, 'UniformOutput', false);
try
    x = table(values{:}, 'VariableNames', names);
    if ~isempty(v.index)
        x.Properties.RowNames = v.index.levels{1};
        x.Properties.DimensionNames{1} = row_name(v.index.names);
    end
    if isstruct(v.attrs) && ~isempty(fieldnames(v.attrs))
        x.Properties.UserData = v.attrs;
    end
    v = x;
catch
    % names that a table cannot have: the struct stays
end
end

function ok = plain_index(s)
name = s.names;
if iscell(name)
    name = name{1};
end
ok = ~strcmp(name, 'Row') && isscalar(s.levels) && iscellstr(s.levels{1}) && ~any(cellfun('isempty', s.levels{1})) && ...
    numel(unique(s.levels{1})) == numel(s.levels{1});
end

function name = row_name(names)
name = 'Row';
if iscell(names)
    names = names{1};
end
if ischar(names) && ~isempty(names)
    name = names;
end
end
