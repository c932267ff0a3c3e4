function c = session(varargin)
%SESSION The connection whose values are being read or written: functions and handles belong to one.
%   ARCUATE.WIRE.SESSION(C) sets it, C = ARCUATE.WIRE.SESSION() asks.
persistent current
if nargin
    current = varargin{1};
end
c = current;
end
