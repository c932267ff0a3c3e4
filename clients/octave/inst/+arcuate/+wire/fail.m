function fail(code, message, varargin)
%FAIL Raises an error with one of the closed codes.
%   ARCUATE.WIRE.FAIL(CODE, MESSAGE, FIELD, VALUE, ...); the fields are those of ARCUATE.LAST_ERROR.
e = arcuate.wire.blank_error();
[name, e.code] = arcuate.wire.error_name(code);
e.message = message;
for j = 1:2:numel(varargin)
    e.(varargin{j}) = varargin{j+1};
end
arcuate.last_error(e);
if isempty(message)
    message = e.code;
end
error(struct('identifier', ['arcuate:' name], 'message', message));
end
