function tf = variable(name)
%VARIABLE Whether the base workspace has a variable of that name.
tf = isvarname(name) && evalin('base', ['exist(''' name ''', ''var'')']) == 1;
end
