function pictures = figures()
%FIGURES The bytes of each figure that is new or has got other contents since the last time.
persistent known told
if isempty(known)
    known = containers.Map('KeyType', 'double', 'ValueType', 'any');
    told = false;
end
pictures = {};
mime = arcuate.state('mime');
shown = get(0, 'Children');
if isempty(mime) || isempty(shown)
    return
end
formats = struct('image_png', '-dpng', 'image_svg_xml', '-dsvg', 'application_pdf', '-dpdf');
device = formats.(regexprep(mime, '\W', '_'));
for h = reshape(shown, 1, [])
    if ~strcmp(get(h, 'Type'), 'figure') || isempty(get(h, 'Children'))
        continue
    end
    contents = look(h);
    key = double(h);
    if isKey(known, key) && isequal(known(key), contents)
        continue
    end
    known(key) = contents;
    file = [tempname() '.' device(3:end)];
    state = warning('off', 'all'); % of what printing says of itself
    tidy = onCleanup(@() discard(file, state));
    try
        print(h, file, device);
        fid = fopen(file, 'r');
        pictures{end+1} = fread(fid, Inf, 'uint8=>uint8').'; %#ok<AGROW>
        fclose(fid);
    catch err
        if ~told
            told = true;
            fprintf(2, 'Arcuate: this MATLAB cannot draw a figure without a window: %s\n', err.message);
        end
    end
    clear tidy
end
end

function c = look(h)
% What tells whether a figure has changed: the classes and data of all that is in it.
all = findall(h);
c = cell(numel(all), 4);
for j = 1:numel(all)
    c{j,1} = get(all(j), 'Type');
    names = {'XData', 'YData', 'String'};
    for k = 1:2
        if isprop(all(j), names{k})
            c{j,1+k} = get(all(j), names{k}); % numbers, times or texts
        end
    end
    if isprop(all(j), 'String')
        c{j,4} = get(all(j), 'String');
    end
end
end

function discard(file, state)
warning(state);
lastwarn('', '');
if exist(file, 'file')
    delete(file);
end
end
