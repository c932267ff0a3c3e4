function varargout = arcuate__args (varargin)
  % Hands values over between the worker and the base workspace.
  %
  %   arcuate__args (x)              stores x, or nothing where a function returned nothing
  %   x = arcuate__args ()           takes what was stored
  %   c = arcuate__args ('values')   takes it in a cell, which is empty where nothing was stored
  %   f (arcuate__args (){:})        the same, spread over the arguments of f
  persistent args = {}
  mlock ();
  if (! nargout)
    args = varargin;
  elseif (nargin)
    varargout{1} = args;
    args = {};
  else
    varargout = args(1);
    args = {};
  end
end
