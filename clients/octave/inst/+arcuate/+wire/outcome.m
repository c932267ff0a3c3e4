function v = outcome(c, m)
%OUTCOME The fields of a reply; an error is raised.
if arcuate.wire.octave()
    max_recursion_depth(2000, 'local');
end
arcuate.wire.session(c);
try
    v = arcuate.wire.fields_of(m);
catch err
    arcuate.wire.translate(err, '$', 'yes');
end
if strcmp(m.op, 'error')
    failed = c.state.failed;
    c.state.failed = [];
    if ~isempty(failed) && strcmp(v.code, 'REMOTE_ERROR') && isfield(v, 'message') && ...
            ~isempty(strfind(v.message, failed.message)) %#ok<STREMP>
        e = arcuate.wire.blank_error();
        e.code = 'REMOTE_ERROR'; e.message = v.message; e.executed = 'yes';
        e.identifier = failed.identifier;
        arcuate.last_error(e);
        rethrow(failed); % an error of a callback that nothing there has handled comes back as what it was
    end
    arcuate.wire.raise(v);
end
c.state.failed = [];
end
