function p = submit(c, f, varargin)
%SUBMIT Begins a call and returns at once.
%   P = ARCUATE.SUBMIT(C, NAME, X1, X2, ...), as ARCUATE.CALL; ARCUATE.VALUE(P) waits for the outputs,
%   ARCUATE.DONE(P) says whether they are there, ARCUATE.CANCEL(P) interrupts the call. Calls of a session run
%   one after the other.
[op, fields, how, count] = arcuate.wire.call_request(f, varargin, 1);
p = arcuate.Pending(c, arcuate.wire.submit_request(c, op, fields, how, false), how, count);
end
