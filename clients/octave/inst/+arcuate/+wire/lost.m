function lost(c, err, executed)
%LOST Raises an error of the link; what is no longer in step is closed.
if strcmp(err.identifier, 'Arcuate:down')
    arcuate.wire.fail('CONNECTION_LOST', err.message, 'executed', executed);
elseif strcmp(err.identifier, 'Arcuate:lost')
    c.state.link.drop();
    arcuate.wire.fail('CONNECTION_LOST', err.message, 'executed', executed);
elseif strcmp(err.identifier, 'Arcuate:authentication')
    arcuate.wire.fail('AUTHENTICATION_FAILED', err.message, 'executed', executed);
end
c.state.link.drop();
arcuate.wire.translate(err, '$', executed);
end
