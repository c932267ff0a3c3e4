function unsubscribe(s)
%UNSUBSCRIBE Ends a subscription.
%   ARCUATE.UNSUBSCRIBE(S)
if s.live
    s.live = false;
    if isfield(s.connection.state, 'open') && s.connection.state.open
        arcuate.wire.simple(s.connection, 'unsubscribe', {'subscription', int64(s.id)});
    end
end
end
