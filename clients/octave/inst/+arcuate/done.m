function yes = done(p, timeout)
%DONE Whether a call that was begun by ARCUATE.SUBMIT is over.
%   YES = ARCUATE.DONE(P) looks, YES = ARCUATE.DONE(P, SECONDS) waits so long at most.
if nargin < 2
    timeout = 0;
end
if isempty(p.answer)
    p.answer = arcuate.wire.await(p.connection, p.id, p.how, timeout);
end
yes = ~isempty(p.answer);
end
