function shareEngine (name = '')
  % matlab.engine.shareEngine (name) lets other Python processes of this user use this Octave: connect_matlab (name) there.
  arcuate_engine ('share', name);
end
