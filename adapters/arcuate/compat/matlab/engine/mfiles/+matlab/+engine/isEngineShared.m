function tf = isEngineShared ()
  % tf = matlab.engine.isEngineShared () tells whether other Python processes can use this Octave.
  tf = ! isempty (arcuate_engine ('name', ''));
end
