function step(err, at)
%STEP Raises ERR again, with one more step in front of the path that its message begins with.
if ischar(at)
    if isvarname(at)
        at = ['.' at];
    else
        at = ['["' at '"]'];
    end
else
    at = sprintf('[%d]', at);
end
text = err.message;
if ~any(text == char(1))
    text = [char(1) text];
end
error(struct('identifier', err.identifier, 'message', [at text]));
end
