function e = events()
%EVENTS What a request has brought about beside its answer, as a frame: a list of events.
list = {};
[text, name] = lastwarn();
if ~isempty(text)
    lastwarn('', '');
    classes = {'warning'};
    if ~isempty(name)
        classes = {name, 'warning'};
    end
    list{end+1} = @() arcuate.wire.group(9, {'type', 'text', 'class', 'printed'}, ...
        {@() arcuate.wire.encode('warning'), @() arcuate.wire.encode(text), ...
        @() list_of(classes), ...
        @() arcuate.wire.encode(true)});
end
try
    pictures = arcuate.figures();
catch err % a picture must cost neither the answer nor a warning
    pictures = {};
    fprintf(2, 'Arcuate: a figure was not sent: %s\n', err.message);
end
for j = 1:numel(pictures)
    data = pictures{j};
    list{end+1} = @() arcuate.wire.group(9, {'type', 'mime', 'data'}, {@() arcuate.wire.encode('display'), ...
        @() arcuate.wire.encode(arcuate.state('mime')), @() arcuate.wire.node(6, 'buffers', {data})}); %#ok<AGROW>
end
e = zeros(1, 0, 'uint8');
if ~isempty(list)
    e = arcuate.wire.frame(arcuate.wire.group(8, {}, list));
end
end

function n = list_of(texts)
parts = cell(1, numel(texts));
for j = 1:numel(texts)
    s = texts{j};
    parts{j} = @() arcuate.wire.encode(s);
end
n = arcuate.wire.group(8, {}, parts);
end
