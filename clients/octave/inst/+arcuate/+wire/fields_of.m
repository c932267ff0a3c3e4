function v = fields_of(m)
%FIELDS_OF The fields of a message of ARCUATE.WIRE.ENVELOPE, as a struct of native values.
v = arcuate.wire.decode(m.f);
end
