function varargout = value(p)
%VALUE Waits for a call that was begun by ARCUATE.SUBMIT and returns its outputs; its error is raised here.
%   [Y1, Y2, ...] = ARCUATE.VALUE(P)
c = p.connection;
if isempty(p.answer)
    p.answer = arcuate.wire.await(c, p.id, p.how, Inf);
    c.state.pending(c.state.pending == p.id) = [];
end
varargout = arcuate.wire.results(arcuate.wire.outcome(c, p.answer), p.count);
end
