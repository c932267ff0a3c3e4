function [args, fields, how, count] = arguments(given, wanted)
%ARGUMENTS Tells arguments from ARCUATE.NAMED and ARCUATE.OPTIONS.
%   FIELDS: named, nargout and keep for ARCUATE.WIRE.MESSAGE; HOW: timeout and output; COUNT: the number of outputs.
special = cellfun(@(x) isa(x, 'arcuate.Special'), given);
args = given(~special); names = {}; values = {};
how = struct('timeout', [], 'output', []);
keep = false; count = max(wanted, 1);
for s = given(special)
    for j = 1:2:numel(s{1}.pairs)
        name = s{1}.pairs{j}; x = s{1}.pairs{j+1};
        if strcmp(s{1}.kind, 'named')
            if any(strcmp(names, name))
                arcuate.wire.fail('INVALID_ARGUMENT', sprintf('the argument ''%s'' is named twice', name));
            end
            names{end+1} = name; values{end+1} = x; %#ok<AGROW>
        elseif strcmp(name, 'keep')
            keep = logical(x);
        elseif strcmp(name, 'nargout')
            count = x;
        else
            how.(name) = x;
        end
    end
end
fields = {};
if ~isempty(names)
    parts = cell(1, numel(values));
    for j = 1:numel(values)
        x = values{j};
        parts{j} = @() arcuate.wire.encode(x);
    end
    fields = {'named', @() arcuate.wire.group(9, names, parts)};
end
if count ~= 1
    fields = [fields, {'nargout', int64(count)}];
end
if keep
    fields = [fields, {'keep', true}];
end
end
