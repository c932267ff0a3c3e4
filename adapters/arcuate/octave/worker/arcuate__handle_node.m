function [R, T, P, B] = arcuate__handle_node (v, depth)
  % The node of an object that stays here.
  id = arcuate__handles ('put', v);
  info.class = class (v);
  info.summary = arcuate__summary (v);
  info.callable = is_function_handle (v);
  info.language = 'Octave';
  [R, T, P, B] = arcuate__encode (info, depth + 1);
  R(3,1) = 4;   % the key 'info'
  % the classes, the first field, are a list of texts
  head = uint64 ([0, 0; 1, 1; 0, 5; numel(id), 0; 20, 8; 0, 0; 0, 0; 0, 0]);
  R(3,2) = 0;
  R = [head(:,1), R(:,1), head(:,2), R(:,2:end)];
  T = [id, 'info', T];
end
