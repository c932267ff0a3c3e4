function e = blank_error()
%BLANK_ERROR The fields of ARCUATE.LAST_ERROR with their defaults.
e = struct('code', '', 'message', '', 'executed', 'no', 'class', {{}}, 'stack', {{}}, 'identifier', '', ...
    'language', '', 'path', '', 'setting', '', 'workspace', [], 'output', '');
end
