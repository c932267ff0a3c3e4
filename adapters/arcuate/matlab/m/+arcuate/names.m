function c = names(m)
%NAMES Names for completion: fields of an object or variable, functions of a package, or all functions.
prefix = '';
if isfield(m, 'prefix')
    prefix = m.prefix;
end
folders = [{pwd()}, regexp(path(), pathsep(), 'split')];
c = {};
if isfield(m, 'target')
    c = of_object(m.target);
elseif isempty(m.name)
    c = evalin('base', 'who');
    for j = 1:numel(folders)
        c = [c(:); files(folders{j})];
    end
elseif arcuate.variable(m.name)
    c = of_object(evalin('base', m.name));
else
    for j = 1:numel(folders)
        c = [c(:); files(fullfile(folders{j}, ['+' strrep(m.name, '.', [filesep '+'])]))];
    end
end
c = reshape(unique(c), 1, []);
if ~isempty(prefix)
    c = c(strncmp(c, prefix, numel(prefix)));
end
c = c(~strncmp(c, 'arcuate__', 9) & ~cellfun('isempty', c));
end

function c = files(folder)
found = dir(fullfile(folder, '*.m'));
c = regexprep({found.name}.', '\.m$', '');
c = c(cellfun(@isvarname, c));
end

function c = of_object(x)
c = {};
if isstruct(x)
    c = fieldnames(x);
elseif isobject(x)
    try
        c = [c; reshape(properties(x), [], 1)];
    catch
    end
    c = [c; reshape(methods(x), [], 1)];
end
end
