function [s, p] = addmul (a, b)
  % ADDMUL Sum and product.
  s = a + b;
  p = a .* b;
end
