function id = name_of(v)
%NAME_OF How the current session calls an object: by its own id, or with its session where it is another's.
c = arcuate.wire.session();
id = v.id;
if isempty(v.connection)
    return % of ARCUATE.UNPACK
elseif ~v.live
    error('Arcuate:stale', 'the object was released; create it again');
end
if ~isempty(c) && ~strcmp(v.connection.state.session, c.state.session)
    if ~strcmp(v.connection.state.hub, c.state.hub)
        error('Arcuate:conversion', 'an object of a session of another hub cannot travel; send its value');
    end
    if ~any(id == '/')
        id = [v.connection.state.session '/' id];
    end
end
end
