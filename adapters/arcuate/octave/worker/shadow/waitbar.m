function varargout = waitbar (frac, varargin)
  % -*- texinfo -*-
  % @deftypefn {} {@var{h} =} waitbar (@var{frac}, @dots{})
  % Tells the caller how far a computation is. No window opens; the arguments are those of Octave's own waitbar.
  % @end deftypefn
  persistent last = [];
  if (nargin < 1)
    print_usage ('waitbar');
  end
  if (! (isnumeric (frac) && isscalar (frac) && isreal (frac)))
    error ('waitbar: FRAC must be a number between 0 and 1');
  end
  frac = double (max (min (frac, 1), 0));
  h = [];
  if (isempty (varargin))
    if (! isempty (last) && ishghandle (last))
      h = last;
    end
  elseif (! ischar (varargin{1}) && ! iscellstr (varargin{1}))
    h = varargin{1};
    varargin(1) = [];
    if (! (isscalar (h) && ishghandle (h) && strcmp (get (h, 'tag'), 'waitbar')))
      error ('waitbar: H must be a handle to a waitbar');
    end
  end
  text = '';
  if (! isempty (varargin))
    text = varargin{1};
    if (iscellstr (text))
      text = strjoin (text(:).', "\n");
    end
    varargin(1) = [];
  end
  if (isempty (h))
    % an object to hold, change and close, which nobody sees
    current = get (0, 'currentfigure');
    h = figure ('visible', 'off', 'handlevisibility', 'off', 'integerhandle', 'off', 'tag', 'waitbar');
    set (0, 'currentfigure', current);
    setappdata (h, 'arcuate', {-1, ''});
  end
  last = h;
  for j = 1:2:numel (varargin) - 1
    if (! strcmpi (varargin{j}, 'createcancelbtn'))
      set (h, varargin{j:j+1});
    end
  end
  now = {floor(100 * frac + 1e-6), text};
  if (! isequal (getappdata (h, 'arcuate'), now))   % a loop of a million steps need not be told of a million times
    setappdata (h, 'arcuate', now);
    n = struct ();
    [n.R, n.T, n.P, n.B] = arcuate__encode (frac);
    fflush (stdout);
    fflush (stderr);
    arcuate__send ('event', 0, 'type', 'progress', 'fraction', n, 'text', text);
  end
  if (nargout)
    varargout{1} = h;
  end
end
