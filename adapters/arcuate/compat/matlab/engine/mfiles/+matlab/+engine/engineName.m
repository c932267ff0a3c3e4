function name = engineName ()
  % name = matlab.engine.engineName () is the name under which this Octave is shared, or ''.
  name = arcuate_engine ('name', '');
end
