function s = was_sent(err)
%WAS_SENT Whether a request that met this error can have been carried out.
s = 'maybe';
if any(strcmp(err.identifier, {'Arcuate:down', 'Arcuate:authentication'}))
    s = 'no';
end
end
