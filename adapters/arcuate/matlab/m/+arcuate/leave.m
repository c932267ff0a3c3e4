function leave()
%LEAVE Ends a session in a MATLAB that goes on: nothing of it stays.
if ~isempty(arcuate.state('visible'))
    set(0, 'DefaultFigureVisible', arcuate.state('visible'));
    arcuate.state('visible', '');
end
arcuate.handles('clear', '');
arcuate.state('pending', []);
arcuate.state('calls', '');
arcuate.state('answers', '');
end
