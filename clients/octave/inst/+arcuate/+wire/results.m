function out = results(v, count)
%RESULTS The outputs of a call from the fields of its reply, as a cell row.
if count == 0
    out = {};
elseif isfield(v, 'values')
    out = v.values;
    if ~iscell(out)
        out = num2cell(out);
    end
    out = reshape(out, 1, []);
else
    out = {[]};
    if isfield(v, 'value')
        out = {v.value};
    end
end
if numel(out) < count
    arcuate.wire.fail('PROTOCOL_ERROR', sprintf('%d outputs were asked for, %d came', count, numel(out)), 'executed', 'yes');
end
end
