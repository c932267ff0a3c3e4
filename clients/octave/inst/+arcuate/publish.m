function sequence = publish(c, topic, value)
%PUBLISH Publishes a sample of a topic and returns its number.
%   SEQUENCE = ARCUATE.PUBLISH(C, TOPIC, VALUE)
sequence = double(arcuate.wire.simple(c, 'publish', {'topic', topic, 'value', @() arcuate.wire.encode(value)}));
end
