function u = units(x)
%UNITS The name of a unit code, or the code of a unit's name. The names are numpy's.
names = {'', 's', 'ms', 'us', 'ns', 'm', 'h', 'D', 'W', 'M', 'Y', 'ps', 'fs', 'as'};
if ischar(x)
    u = find(strcmp(x, names)) - 1;
    if isempty(u)
        error('Arcuate:conversion', ['there is no unit of time ''%s''; use one of ' ...
            's ms us ns m h D W M Y ps fs as'], x);
    end
else
    u = names{double(x) + 1};
end
end
