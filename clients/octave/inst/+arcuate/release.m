function release(h)
%RELEASE Lets the interpreter forget an object that stays there; with the next request.
%   ARCUATE.RELEASE(H). The same happens when the last variable that holds H is cleared.
if h.live
    h.live = false;
    c = h.connection;
    if ~isempty(c) && isfield(c.state, 'open') && c.state.open
        c.state.released{end+1} = h.id;
    end
end
end
