"""A script written for MATLAB's engine, on Octave."""

import io

import arcuate.compat

arcuate.compat.install_as_matlab()  # not needed under: python -m arcuate.compat matlab_engine.py

import matlab.engine  # noqa: E402

with matlab.engine.start_matlab() as eng:
    print(eng.sqrt(16.0), eng.isprime(41))
    print(eng.gcd(84.0, 36.0, nargout=3))

    a = matlab.double([[1, 4], [9, 16]])
    print(eng.sqrt(a))
    print(eng.size(a, nargout=2))

    eng.workspace["a"] = a
    eng.eval("b = a';", nargout=0)
    print(eng.workspace["b"][0][1])

    print(type(eng.plus(2, 3)), eng.cellfun("length", ["x", "yz"]))  # int is int64, list is cell

    future = eng.svd(a, background=True)
    print(future.result().size)

    out = io.StringIO()
    eng.disp("hello", nargout=0, stdout=out)
    print(repr(out.getvalue()))

    try:
        eng.eval("[1 2] * [3 4]")
    except matlab.engine.MatlabExecutionError as error:
        print(error)
