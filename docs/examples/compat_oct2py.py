"""A script written for oct2py, on Arcuate."""

import numpy as np

import arcuate.compat

arcuate.compat.install_as_oct2py()  # from here on `import oct2py` finds arcuate.compat.oct2py

from oct2py import Oct2Py, Oct2PyError, octave  # noqa: E402

print(octave.zeros(2, 3).shape, octave.eval("1 + 1", verbose=False))
u, s, v = octave.svd(np.array([[1, 2], [1, 3]]), nout=3)
print(s.round(3).tolist())

octave.push("record", {"name": "Ada", "scores": [1, 2, 3]})
record = octave.pull("record")
print(record.name, record.scores)

with Oct2Py(timeout=0.5) as session:
    session.push("kept", "still here")
    try:
        session.eval("while true, end")
    except Oct2PyError as error:
        print(str(error).split(":")[0])
    print(session.pull("kept"))
