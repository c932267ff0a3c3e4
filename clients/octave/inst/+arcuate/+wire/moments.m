function v = moments(k, value, unit, zone, mask, shape, hint)
%MOMENTS A datetime (K = 1), date (2) or duration (3) from whole counts of a unit.
%   A datetime or duration where the class holds exactly this, otherwise a struct with the field 'arcuate'.
marks = {'datetime', 'date', 'duration'};
v = struct('arcuate', marks{k}, 'value', value, 'unit', arcuate.wire.units(unit), 'zone', zone, 'missing', [], ...
    'shape', shape, 'scalar', false);
if nargin > 6
    v.scalar = hint;
end
if ~isempty(mask)
    v.missing = mask;
end
ticks = [0, 1, 1e3, 1e6, 1e9, 1/60, 1/3600, 1/86400, 1/604800];
if k == 2 || unit < 1 || unit > 8 || exist('OCTAVE_VERSION', 'builtin') ~= 0
    return % dates have no class of their own, and Octave none of these
end
if unit ~= 3 && ~(unit == 4 && any(mod(value(:), 1000) ~= 0))
    return % the unit is part of the value, and the way back gives microseconds, or nanoseconds where it must
end
try
    x = native(k, value, ticks(unit + 1), zone);
    if isequal(counted(k, x, ticks(unit + 1)), value)
        if ~isempty(mask) && k == 1
            x(mask) = NaT;
        elseif ~isempty(mask)
            x(mask) = seconds(NaN);
        end
        v = x;
    end
catch
    % an unknown time zone, or a year that the class does not have: the struct stays
end
end

function x = native(k, value, ticks, zone)
if k == 3
    x = milliseconds(double(value)*(1000/ticks));
    return
end
if ticks < 1
    value = value*int64(1/ticks); ticks = 1;
end
if isempty(zone)
    x = datetime(value, 'ConvertFrom', 'epochtime', 'TicksPerSecond', ticks);
else
    x = datetime(value, 'ConvertFrom', 'epochtime', 'TicksPerSecond', ticks, 'TimeZone', 'UTC');
    x.TimeZone = zone;
end
end

function value = counted(k, x, ticks)
if k == 3
    value = int64(milliseconds(x)*(ticks/1000));
elseif ticks < 1
    value = convertTo(x, 'epochtime', 'TicksPerSecond', 1)/int64(1/ticks);
else
    value = convertTo(x, 'epochtime', 'TicksPerSecond', ticks);
end
end
