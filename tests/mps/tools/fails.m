function fails (n)
  inner (n);
end
function inner (n)
  error ('Toolbox:bad', 'n is %d', n);
end
