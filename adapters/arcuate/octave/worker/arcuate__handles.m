function varargout = arcuate__handles (op, varargin)
  % The objects that stay here, by the text id "generation:number", with how often each was sent.
  persistent objects counts generation next
  mlock ();
  if (isempty (next))
    objects = counts = struct (); generation = 0; next = 1;
  end
  switch (op)
    case 'put'
      id = sprintf ('%d:%d', generation, next++);
      objects.(id) = varargin(1);
      counts.(id) = 1;
      varargout{1} = id;
    case 'get'
      id = varargin{1};
      if (! isfield (objects, id))
        error ('Arcuate:stale', 'the object %s is no longer in this Octave: it was released, or Octave was restarted; create it again', id);
      end
      varargout{1} = objects.(id){1};
    case 'release'
      for id = varargin{1}(:).'
        id = id{1};
        if (isfield (objects, id))
          counts.(id) -= 1;
          if (counts.(id) < 1)
            objects = rmfield (objects, id);
            counts = rmfield (counts, id);
          end
        end
      end
    case 'generation'
      generation = varargin{1};
    case 'count'
      varargout{1} = numel (fieldnames (objects));
  end
end
