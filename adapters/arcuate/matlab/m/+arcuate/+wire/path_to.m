function s = path_to(f, at)
%PATH_TO Where node number AT stands, from the root on: ".args[0].x". F: of ARCUATE.WIRE.TABLES.
left = []; index = []; above = {}; s = '';
for i = 1:at
    s = '';
    if ~isempty(left)
        k = arcuate.wire.text(f.text(f.from(i)+1:f.from(i)+f.klen(i)));
        if isempty(k)
            s = sprintf('%s[%d]', above{end}, index(end));
        elseif isvarname(k)
            s = [above{end} '.' k];
        else
            s = [above{end} '["' k '"]'];
        end
        left(end) = left(end) - 1; index(end) = index(end) + 1;
    end
    if f.kind(i) ~= 10 && f.count(i)
        left(end+1) = f.count(i); index(end+1) = 0; above{end+1} = s; %#ok<AGROW>
    end
    while ~isempty(left) && ~left(end)
        left(end) = []; index(end) = []; above(end) = [];
    end
end
end
