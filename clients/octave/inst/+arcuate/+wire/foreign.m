function varargout = foreign(id, varargin) %#ok<STOUT>
%FOREIGN What the function handle of a function of another program does: it cannot be called from here.
arcuate.wire.fail('UNSUPPORTED', sprintf('the function ''%s'' belongs to another program, and cannot be called from here', id));
end
