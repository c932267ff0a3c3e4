function tf = arcuate__variable (name)
  % Whether the base workspace has a variable of that name.  Leaves `ans` alone.
  mlock ();
  tf = false;
  if (isvarname (name))
    evalin ('base', ['arcuate__args (exist (''' name ''', ''var''));']);
    tf = arcuate__args () == 1;
  end
end
