function n = width(cls)
%WIDTH Bytes of one element of a class.
switch cls
    case {'int8', 'uint8', 'logical'}
        n = 1;
    case {'int16', 'uint16'}
        n = 2;
    case {'int32', 'uint32', 'single'}
        n = 4;
    otherwise
        n = 8;
end
end
