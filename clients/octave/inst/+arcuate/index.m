function value = index(h, varargin)
%INDEX An element of an object that stays there, with the indices of its language.
%   VALUE = ARCUATE.INDEX(H, I1, I2, ...); ARCUATE.OPTIONS('keep', true) may follow.
[args, more, how] = arcuate.wire.arguments(varargin, 1);
parts = cell(1, numel(args));
for j = 1:numel(args)
    x = args{j};
    parts{j} = @() arcuate.wire.encode(x);
end
v = arcuate.wire.ask(h.connection, 'index', [{'target', @() arcuate.wire.encode(h), 'args', ...
    @() arcuate.wire.group(8, {}, parts, 'flags', 2)}, more], how);
value = v.value;
end
