function varargout = arcuate__args (varargin)
  % Hands the arguments of a call over to the base workspace: arcuate__args (c) stores the cell c, arcuate__args () returns it.
  persistent args
  mlock ();
  if (nargin)
    args = varargin{1};
  else
    varargout{1} = args;
    args = [];
  end
end
