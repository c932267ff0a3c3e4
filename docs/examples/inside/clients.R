library(arcuate)

octave <- arcuate_connect("hub:///octave")
print(octave$fliplr(c(579.38, NA, NaN)))                 # NA and NaN stay two things

python <- arcuate_connect("hub:///python")
print(python$math.gcd(12L, 18L))
counter <- arcuate_call(python, "collections.Counter", "mississippi", .keep = TRUE)   # stays in Python
print(arcuate_call(python, "len", counter))
