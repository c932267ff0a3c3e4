function x = made (code)
  % MADE  The value of some Octave code.
  x = eval ([code ';']);
end
