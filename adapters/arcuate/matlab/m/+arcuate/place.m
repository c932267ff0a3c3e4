function reply = place(refs)
%PLACE Writes the large buffers of the last reply into shared segments: REFS, 0 for those that stay inside.
n = arcuate.state('pending');
arcuate.state('pending', []);
for j = 1:numel(refs)
    if refs(j)
        file = sprintf('%s%d', arcuate.state('prefix'), refs(j));
        fid = fopen(file, 'r+');
        if fid < 0
            error('Arcuate:INTERNAL', 'cannot open the shared segment %s for writing', file);
        end
        done = fwrite(fid, n.B{j}, class(n.B{j}));
        fclose(fid);
        if done ~= numel(n.B{j})
            error('Arcuate:LIMIT_EXCEEDED', 'only %d of %d elements fitted into shared memory', done, numel(n.B{j}));
        end
    end
end
reply = arcuate.wire.frame(n, double(refs));
end
