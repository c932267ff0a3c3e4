"""The array classes of MATLAB's own package for Python, `matlab`, backed by numpy.

    from arcuate.compat import matlab

    a = matlab.double([[1, 2], [3, 4]])
    a[0][1]              # 2.0
    numpy.asarray(a)     # no copy

The behaviour is that of the genuine array extension, beside which the tests run these classes.
"""

__all__ = [
    "ShapeError",
    "SizeError",
    "double",
    "int8",
    "int16",
    "int32",
    "int64",
    "logical",
    "object",
    "single",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
]

from arcuate.compat.matlab._classes import (
    double,
    int8,
    int16,
    int32,
    int64,
    logical,
    single,
    uint8,
    uint16,
    uint32,
    uint64,
)
from arcuate.compat.matlab._errors import ShapeError, SizeError
from arcuate.compat.matlab._object import MatlabObject as object  # noqa: A004, N813
