r = arcuate.open ("hub:///r");
disp (arcuate.call (r, "median", [1 5 7]))
fit = arcuate.keep (r, "lm", "dist ~ speed", arcuate.named ("data", arcuate.evaluate (r, "cars")));   % stays in R
printf ("%.1f\n", arcuate.call (r, "deviance", fit))
try
  arcuate.call (r, "stop", "no such rat");
catch err
  disp (err.identifier), disp (err.message)
end
