function reply = hello(prefix, threshold, generation, mime, calls, answers)
%HELLO Begins a session: where shared segments are, from which size on they are used, the first number of
%   handles, how figures are sent ('' for not at all), and the pipes for callbacks ('' where there are none).
arcuate.state('prefix', prefix);
arcuate.state('threshold', double(threshold));
arcuate.state('mime', mime);
arcuate.state('calls', calls);
arcuate.state('answers', answers);
arcuate.handles('generation', double(generation));
if ~isempty(mime)
    arcuate.state('visible', get(0, 'DefaultFigureVisible'));
    set(0, 'DefaultFigureVisible', 'off');
end
lastwarn('', '');
reply = struct('version', version(), 'root', root(), 'computer', computer(), 'pid', process());
end

function s = root()
if exist('OCTAVE_VERSION', 'builtin') ~= 0
    s = OCTAVE_HOME();
else
    s = matlabroot();
end
end

function n = process()
if exist('OCTAVE_VERSION', 'builtin') ~= 0
    n = getpid();
else
    n = feature('getpid');
end
end
