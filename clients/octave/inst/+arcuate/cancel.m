function cancel(p)
%CANCEL Interrupts a call that was begun by ARCUATE.SUBMIT; ARCUATE.VALUE then raises arcuate:CallCancelled.
%   ARCUATE.CANCEL(P). The workspace stays as it is.
c = p.connection;
if isempty(p.answer)
    try
        c.state.link.send('cancel', arcuate.wire.message('cancel', 0, 'call', int64(p.id)), false);
    catch err
        arcuate.wire.lost(c, err, 'maybe');
    end
end
end
