function [reply, sizes, events] = serve(request)
%SERVE Carries out one request.
%   [REPLY, SIZES, EVENTS] = ARCUATE.SERVE(REQUEST) takes and returns frames as rows of uint8. Where a large
%   buffer belongs into shared memory, REPLY is empty and SIZES says how many bytes each needs;
%   ARCUATE.PLACE(REFS) then gives the reply. EVENTS is a frame with a list of events, or empty.
m = struct('op', 'undecodable', 'id', 0);
try
    m.id = double(typecast(request(81:88), 'int64')); % node 2 of every message
    m = arcuate.wire.decode(request, arcuate.state('prefix'));
    n = arcuate.perform(m);
catch err
    n = arcuate.failure(m, err);
end
try
    events = arcuate.events();
catch err % must never cost an answer
    events = zeros(1, 0, 'uint8');
    fprintf(2, 'Arcuate: warnings or figures of this call were not sent: %s\n', err.message);
end
[reply, sizes] = arcuate.finish(n);
end
