function e = last_error(set)
%LAST_ERROR All that is known about the last error that Arcuate raised.
%   E = ARCUATE.LAST_ERROR() returns a struct:
%
%   code        the closed code, such as REMOTE_ERROR
%   message     what was found, what is allowed, what to do; of a REMOTE_ERROR the foreign message
%   class       the classes of the foreign error, as a cell of texts
%   stack       the foreign stack, outermost first, as a cell of texts
%   identifier  of an error in Octave or MATLAB, its identifier there
%   language    whose error it was
%   executed    'no', 'yes' or 'maybe': whether the call was carried out. Only 'no' may be repeated freely
%   path        where the value is that could not travel
%   setting     the limit that was exceeded
%   workspace   true or false where the interpreter was touched: whether its workspace survived
%   output      the last output of an interpreter that crashed
%
%   Example:
%     try
%         arcuate.call(c, 'solve', zeros(2));
%     catch err
%         switch err.identifier
%             case 'arcuate:RemoteError'
%                 e = arcuate.last_error();
%                 fprintf('%s\n', err.message, e.stack{:});
%             otherwise
%                 rethrow(err);
%         end
%     end
persistent last
if isempty(last)
    last = arcuate.wire.blank_error();
end
if nargin
    last = set;
end
e = last;
end
