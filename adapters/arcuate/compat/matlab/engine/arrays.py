"""Between the array classes of :mod:`arcuate.compat.matlab` and numpy: the same memory, no copy."""

from __future__ import annotations

from typing import Any

import numpy as np

from arcuate.compat import matlab
from arcuate.compat.matlab._array import Array

__all__ = ["Array", "from_numpy", "to_numpy"]

_CLASSES: dict[str, Any] = {
    np.dtype(name).str: cls
    for name, cls in {
        "f8": matlab.double,
        "c16": matlab.double,
        "f4": matlab.single,
        "c8": matlab.single,
        "i1": matlab.int8,
        "i2": matlab.int16,
        "i4": matlab.int32,
        "i8": matlab.int64,
        "u1": matlab.uint8,
        "u2": matlab.uint16,
        "u4": matlab.uint32,
        "u8": matlab.uint64,
        "?": matlab.logical,
    }.items()
}


def from_numpy(value: np.ndarray[Any, Any]) -> Any:
    """The array class of a numpy array of two dimensions or more, column-major.

    It takes the memory over. Memory that cannot be written, which is that of small results, is copied.
    """
    if not value.flags.writeable or not value.flags.f_contiguous:
        value = value.copy(order="F")
    return _CLASSES[value.dtype.str]._wrap(value)


def to_numpy(value: Array) -> np.ndarray[Any, Any]:
    """The numpy array behind an array."""
    return value._array
