function [m, s] = mymagic (n)
  % MYMAGIC  A magic square, and the sum of each of its rows.
  m = magic (n);
  s = sum (m, 2);
end
