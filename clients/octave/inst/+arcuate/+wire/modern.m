function n = modern(v, depth, nd)
%MODERN The nodes of a value whose class Octave does not have.
%   ND: the number of dimensions that the place demands, or [] where the value itself knows.
if nargin < 3
    nd = [];
end
switch class(v)
    case 'missing'
        n = arcuate.wire.node(7);
    case 'string'
        if isscalar(v) && isempty(nd)
            if ismissing(v)
                n = arcuate.wire.node(7, 'dtype', 15);
            else
                n = arcuate.wire.encode(char(v), depth);
            end
            return
        end
        mask = ismissing(v);
        v(mask) = string('');
        n = masked(cellstr(v), mask, nd);
    case 'categorical'
        codes = int32(v) - 1; gone = isundefined(v);
        codes(gone) = -1;
        s = struct('arcuate', 'categorical', 'ordered', isordinal(v));
        s.codes = codes; s.categories = categories(v);
        if isempty(nd) && ~isvector(v)
            nd = ndims(v);
        end
        n = arcuate.wire.marked(s, depth, nd);
    case {'datetime', 'duration'}
        n = arcuate.wire.marked(counted(v, nd), depth, nd);
    case {'table', 'timetable'}
        n = arcuate.wire.marked(tabular(v), depth, []);
    case 'dictionary'
        k = keys(v);
        if ~isa(k, 'string')
            error('Arcuate:conversion', ['a dictionary with %s keys has no form elsewhere, since keys are texts ' ...
                'there; use text keys, send its keys and values as two arrays, or keep=True'], class(k));
        end
        x = values(v, 'cell'); parts = cell(1, numel(x));
        for j = 1:numel(x)
            y = x{j};
            parts{j} = @() arcuate.wire.encode(y, depth + 1);
        end
        n = arcuate.wire.group(9, cellstr(k), parts, 'flags', 1);
    otherwise % calendarDuration has no fixed length
        n = arcuate.wire.handle_node(v);
end
end

function n = masked(v, mask, nd)
if isempty(nd)
    nd = ndims(v);
end
n = arcuate.wire.array(v, nd);
if any(mask(:))
    n.B = {n.B{1}, uint8(mask)};
    n.R(7) = bitor(n.R(7), uint64(1));
end
end

function s = counted(v, nd)
% The struct that stands for a datetime or duration, in the coarsest unit that holds it exactly.
kinds = {'datetime', 'duration'};
s = struct('arcuate', class(v), 'unit', 'ns', 'zone', '', 'missing', [], 'shape', [], 'scalar', false);
if isa(v, 'datetime')
    s.zone = v.TimeZone; gone = isnat(v);
    v(gone) = datetime(1970, 1, 1, 'TimeZone', v.TimeZone);
    count = @(ticks) convertTo(v, 'epochtime', 'TicksPerSecond', ticks);
else
    gone = isnan(v);
    v(gone) = seconds(0);
    count = @(ticks) int64(milliseconds(v)*(ticks/1000));
end
units = {'us', 'ns'}; ticks = [1e6, 1e9];
exact = false;
for j = 1:2
    s.unit = units{j}; s.value = count(ticks(j));
    exact = isequal(back(kinds, s, ticks(j)), v);
    if exact
        break
    end
end
if ~exact
    error('Arcuate:conversion', ['a %s that is infinite, too far away or finer than a nanosecond has no form ' ...
        'elsewhere; round it: dateshift, or milliseconds(round(milliseconds(x)))'], class(v));
end
if any(gone(:))
    s.missing = gone;
end
if isscalar(v) && isempty(nd) && ~any(gone)
    s.scalar = 'python';
end
end

function v = back(kinds, s, ticks)
if strcmp(s.arcuate, kinds{1})
    v = datetime(s.value, 'ConvertFrom', 'epochtime', 'TicksPerSecond', ticks);
    if ~isempty(s.zone)
        v = datetime(s.value, 'ConvertFrom', 'epochtime', 'TicksPerSecond', ticks, 'TimeZone', 'UTC');
        v.TimeZone = s.zone;
    end
else
    v = milliseconds(double(s.value)*(1000/ticks));
end
end

function s = tabular(v)
s = struct('arcuate', 'table', 'rows', height(v), 'columns', [], 'index', [], 'attrs', [], 'container', '', ...
    'nullable', []);
s.nullable = {};
columns = struct('arcuate', 'mapping');
columns.keys = v.Properties.VariableNames;
columns.values = cell(1, width(v));
for j = 1:width(v)
    x = v{:, j};
    if size(x, 2) ~= 1 && ~isempty(x)
        error('Arcuate:conversion', ['the column ''%s'' of a table has %d columns itself; split it into columns ' ...
            '(splitvars)'], columns.keys{j}, size(x, 2));
    end
    columns.values{j} = x;
end
s.columns = columns;
if isstruct(v.Properties.UserData)
    s.attrs = v.Properties.UserData;
end
if isa(v, 'timetable')
    s.index = struct('names', {v.Properties.DimensionNames(1)}, 'levels', {{v.Properties.RowTimes}});
elseif ~isempty(v.Properties.RowNames)
    s.index = struct('names', {{[]}}, 'levels', {{v.Properties.RowNames}});
    if ~strcmp(v.Properties.DimensionNames{1}, 'Row')
        s.index.names = v.Properties.DimensionNames(1);
    end
end
end
