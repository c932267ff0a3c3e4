function s = language()
%LANGUAGE The name of the language that runs this.
s = 'MATLAB';
end
