function [R, T, P, B] = arcuate__handle_node (v, depth)
  % The node of an object that stays here.
  id = arcuate__handles ('put', v);
  info.class = {class(v)};
  info.summary = arcuate__summary (v);
  info.callable = is_function_handle (v);
  info.language = 'Octave';
  [R, T, P, B] = arcuate__encode (info, depth + 1);
  R(3,1) = 4;   % the key 'info'
  % the classes are a plain list of texts
  R = [uint64([0; 1; 0; numel(id); 20; 0; 0; 0]), R];
  k = find (R(5,:) == 10, 1);
  R(2,k) = 1; R(7,k) = 4; P = uint64 (numel (info.class));
  T = [id, 'info', T];
end
