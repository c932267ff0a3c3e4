function id = callback_id(f)
%CALLBACK_ID The id of a function of the caller (Python); '' for any other function.
id = '';
s = strrep(func2str(f), ' ', '');
if strncmp(s, '@(varargin)arcuate.callback(', 28)
    found = functions(f);
    id = found.workspace{1}.id;
end
end
