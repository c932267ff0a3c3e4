function f = read(take, limits)
%READ Reads one frame, strictly: nothing is allocated that was not announced, and nothing malformed passes.
%   F = ARCUATE.WIRE.READ(TAKE, LIMITS) calls TAKE(BYTES, CLASS), which returns so many bytes as a column of
%   the class, and TAKE(PLACE, CLASS, BYTES) for a buffer that is outside of the frame. LIMITS: a struct of
%   message, array, nodes, text and depth. F: as of ARCUATE.WIRE.TABLES, for ARCUATE.WIRE.DECODE.
head = take(64, 'uint8');
u = double(typecast(head, 'uint32'));
if u(1) ~= 1430475329
    error('Arcuate:protocol', 'this is no Arcuate frame: it begins with the bytes %s', sprintf('%02x', head(1:4)));
elseif mod(u(2), 65536) ~= 1
    error('Arcuate:protocol', ['the other side speaks frames %d.%d, this side 1.0; install the same major version ' ...
        'of Arcuate on both'], mod(u(2), 65536), floor(u(2)/65536));
end
total = u(3) + 4294967296*u(4);
sizes = [u(5), u(6), u(7) + 4294967296*u(8), u(9) + 4294967296*u(10)]; % nodes, buffers, pool, text
at = u(11) + 4294967296*u(12);
within('message', total, limits);
within('nodes', sizes(1), limits);
within('text', sizes(4), limits);
used = 64 + 24*sizes(1) + 8*sizes(3) + 16*sizes(2) + sizes(4);
if sizes(1) < 1 || at ~= 64*ceil(used/64) || at > total || mod(total, 64)
    error('Arcuate:protocol', ['malformed frame: %.0f nodes, %.0f buffers, %.0f pool numbers and %.0f bytes of text ' ...
        'do not add up to a head of %.0f in a total of %.0f bytes'], sizes, at, total);
end
small = total <= 65536;
if small
    data = [head; take(total - 64, 'uint8')];
    rest = data(at+1:end);
    data = data(1:at);
else
    data = [head; take(at - 64, 'uint8')];
end
if mod(u(13), 2) && arcuate.wire.adler([data(1:52); data(57:end)]) ~= u(14)
    error('Arcuate:protocol', 'malformed frame: the checksum of its tables is wrong; it was damaged on the way');
end
f = arcuate.wire.tables(data);
if small && sizes(1) <= 40 && sizes(2) == 0
    classes = {};
    known(f, data, limits);
else
    classes = arcuate.wire.check(f, limits);
end
inside = sum(64*ceil(f.blen(f.bloc == 0)/64));
if at + inside ~= total
    error('Arcuate:protocol', 'malformed frame: buffers of %.0f bytes in all, but %.0f are announced', inside, total - at);
end
f.given = cell(1, numel(f.blen)); from = 0;
for b = 1:numel(f.blen)
    size = f.blen(b);
    if f.bloc(b)
        f.given{b} = take(f.bloc(b), classes{b}, size);
    elseif small
        f.given{b} = rest(from+1:from+size);
        from = from + 64*ceil(size/64);
    else
        f.given{b} = take(size, classes{b});
        take(mod(-size, 64), 'uint8');
    end
    if isempty(f.given{b})
        f.given{b} = zeros(0, 1, classes{b});
    elseif ~isa(f.given{b}, classes{b})
        f.given{b} = typecast(f.given{b}, classes{b});
    end
end
arcuate.wire.contents(f);
end

function known(f, data, limits)
% Small messages repeat: all that changes between two of them are numbers that may have any value. What was
% checked once for the same tables apart from these is not checked again.
persistent keys next
if isempty(keys)
    keys = repmat({''}, 1, 64); next = 1;
end
free = reshape(find(f.dtype == 0 & (f.kind == 2 | f.kind == 3)), 1, []);
data(53:56) = 0; % the checksum
data(56 + 8*free + (1:8).') = 0;
key = [char(data.'), sprintf('%d', limits.depth + limits.levels)];
if ~any(strcmp(key, keys))
    arcuate.wire.check(f, limits);
    keys{next} = key;
    next = mod(next, numel(keys)) + 1;
end
end

function within(name, found, limits)
if found > limits.(name)
    error(['Arcuate:limit:' name], ['a message of %.0f (%s) exceeds the limit of %.0f; raise the limit ''%s'' ' ...
        'of arcuate.open'], found, name, limits.(name), name);
end
end
