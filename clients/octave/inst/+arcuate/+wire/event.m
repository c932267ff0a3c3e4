function event(c, m, how)
%EVENT Shows what a call prints, warns and draws.
v = arcuate.wire.fields_of(m);
handler = how.output;
if isempty(handler)
    handler = c.state.output;
end
switch v.type
    case {'stdout', 'stderr', 'warning', 'message'}
        if ~isempty(handler)
            handler(v.type, v.text);
        elseif strcmp(v.type, 'stdout')
            fprintf('%s', v.text);
            flush(1);
        elseif strcmp(v.type, 'warning')
            fprintf(2, 'warning: %s\n', v.text);
        else
            fprintf(2, '%s', v.text);
        end
    case 'dropped'
        fprintf(2, 'arcuate: %d pieces of output were lost, since they were not read in time\n', double(v.count));
    case 'display'
        if ~isempty(c.state.display)
            c.state.display(v.mime, v.data);
        else
            fprintf(2, 'arcuate: a figure (%s) was drawn; give arcuate.open a ''display'' to have it\n', v.mime);
        end
end
end

function flush(fid)
if exist('OCTAVE_VERSION', 'builtin') ~= 0
    fflush(fid);
end
end
