"""The buffer protocol for a class written in Python.

From Python 3.12 on it is a method, `__buffer__` (PEP 688). Before, only a type written in C lends its memory,
and none of the standard library or numpy lends column-major memory without being a numpy array with all its
methods and arithmetic. So on CPython 3.10 and 3.11 the slot of the type is filled through ctypes: a request
for the buffer is passed on to the numpy array behind it, which the C API calls "redirect".
"""

from __future__ import annotations

import ctypes
import platform
import struct
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

AS_BUFFER = 20 * struct.calcsize("P")  # tp_as_buffer of PyTypeObject: the 21st word, from Python 3.8 on
GET = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)
RELEASE = ctypes.PYFUNCTYPE(None, ctypes.py_object, ctypes.c_void_p)
WRITABLE = 0x1
READ = 0x11C  # PyBUF_FULL_RO: with dimensions, strides and format

_kept: list[Any] = []  # the functions behind the slots, for as long as the process lives


def lends_memory(cls: type, source: Callable[[Any], npt.NDArray[Any]]) -> bool:
    """Make `memoryview(x)` work for the instances of a class.

    Args:
        cls: A class written in Python, with `__buffer__` for newer versions.
        source: Gives the array whose memory an instance lends.

    Returns:
        Whether the slot was filled: it is not where `__buffer__` serves, or the layout of types is unknown.
    """
    if sys.version_info >= (3, 12) or platform.python_implementation() != "CPython":
        return False
    size: int = type.__dict__["__basicsize__"].__get__(type)
    slots = ctypes.c_void_p.from_address(id(cls) + AS_BUFFER).value
    if slots is None or slots not in range(id(cls), id(cls) + size):  # a class of Python's has them inside
        return False
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
    get.restype = ctypes.c_int

    def get_buffer(owner: Any, view: int, flags: int) -> int:
        # An exception cannot pass through ctypes, and -1 without one is a SystemError in some callers. So all
        # that can be read is read: whoever asks for plain bytes gets them as they lie, column by column.
        if flags & WRITABLE:
            return -1
        try:
            return int(get(source(owner), view, READ))
        except BaseException:
            return -1

    def release_buffer(owner: Any, view: int) -> None:
        """Is never called, for the numpy array is; that it is there makes numpy.frombuffer heed strides."""

    for offset, function in enumerate((GET(get_buffer), RELEASE(release_buffer))):
        _kept.append(function)
        place = ctypes.c_void_p.from_address(slots + offset * struct.calcsize("P"))
        place.value = ctypes.cast(function, ctypes.c_void_p).value
    return True


def strides(shape: tuple[int, ...], itemsize: int) -> tuple[int, ...]:
    """Return the strides of column-major memory, in bytes."""
    out = [itemsize]
    for length in shape[:-1]:
        out.append(out[-1] * length)
    return tuple(out)


def exported(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array that is lent: read-only, column-major, two dimensions at least.

    The memory is that of `data` if it is whole, and that of a copy if it is a view of rows.
    """
    shape = (1, *data.shape) if data.ndim == 1 else data.shape
    lent = np.asfortranarray(data).reshape(shape, order="F").view()
    lent.flags.writeable = False
    return lent
