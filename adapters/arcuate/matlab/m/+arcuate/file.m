function f = file(name)
%FILE The m-file of a function, also of one in a package; '' where there is none.
f = '';
parts = regexp(name, '\.', 'split');
tail = fullfile(['+' strjoin(parts(1:end-1), [filesep '+'])], [parts{end} '.m']);
if isscalar(parts)
    tail = [name '.m'];
end
folders = [{pwd()}, regexp(path(), pathsep(), 'split')];
for j = 1:numel(folders)
    candidate = fullfile(folders{j}, tail);
    if exist(candidate, 'file') == 2
        f = candidate;
        return
    end
end
end
