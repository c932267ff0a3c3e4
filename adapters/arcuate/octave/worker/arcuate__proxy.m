function varargout = arcuate__proxy (label, kept, varargin)
  % What the function handle of an object of another session runs: the label says what that is, `kept` has its id.
  [varargout{1:max (nargout, 1)}] = arcuate__callback (kept.id, varargin{:});
end
