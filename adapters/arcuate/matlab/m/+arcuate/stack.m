function frames = stack(err)
%STACK The call stack of an error without the worker's own frames, outermost first, as texts.
frames = {};
s = err.stack;
for j = numel(s):-1:1
    own = ~isempty(regexp(s(j).file, '[\\/]\+arcuate[\\/]', 'once')) || strncmp(s(j).name, 'arcuate.', 8);
    if own
        if isempty(regexp(s(j).file, 'callback\.m$', 'once'))
            frames = {};
        end
        continue
    end
    if strncmp(s(j).name, 'arcuate__', 9) || isempty(s(j).file) && ...
            (strncmp(s(j).name, '@<anonymous>', 12) || strncmp(s(j).name, '@(varargin)', 11))
        continue % Octave's environment below, where it stands in for MATLAB
    end
    place = '';
    if s(j).line > 0
        place = sprintf(' at line %d', s(j).line);
    end
    if ~isempty(s(j).file)
        place = [place ' (' s(j).file ')']; %#ok<AGROW>
    end
    frames{end+1} = [s(j).name place]; %#ok<AGROW>
end
end
