function v = ask(c, op, fields, how)
%ASK Sends a request of a connection and returns the fields of its reply; what comes meanwhile is dealt with.
%   V = ARCUATE.WIRE.ASK(C, OP, FIELDS, HOW): FIELDS as in ARCUATE.WIRE.MESSAGE; HOW: a struct of timeout
%   (seconds, or []) and output (a function, or []).
id = arcuate.wire.submit_request(c, op, fields, how, true);
guard = onCleanup(@() arcuate.wire.give_up(c, id)); %#ok<NASGU>
limit = Inf;
if strcmp(op, 'open')
    limit = how.timeout;
end
m = arcuate.wire.await(c, id, how, limit);
if isempty(m)
    arcuate.wire.fail('CONNECTION_LOST', sprintf('the hub at %s has not answered for %g s', c.url, limit), 'executed', 'maybe');
end
c.state.pending(c.state.pending == id) = [];
v = arcuate.wire.outcome(c, m);
end
