function varargout = same (varargin)
  % SAME  Its arguments.
  varargout = varargin;
end
