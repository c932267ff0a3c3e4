"""The buffer protocol for a class written in Python.

From Python 3.12 on it is a method, `__buffer__` (PEP 688). Before, only a type written in C lends its memory,
and no type of the standard library or numpy lends column-major memory without being a numpy array with all its
methods and arithmetic. So on CPython 3.10 and 3.11 the slot of the type is filled through ctypes: a request for
the buffer of an array is passed on to the numpy array behind it, which the C API calls "redirect".
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
SLOT = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)

_kept: list[Any] = []  # the functions behind the slots, for as long as the process lives


def lends_memory(cls: type, source: Callable[[Any], npt.NDArray[Any]]) -> None:
    """Make `memoryview(x)` work for the instances of a class; where that cannot be, do nothing.

    Args:
        cls: A class written in Python, with `__buffer__` for newer versions.
        source: Gives the array whose memory an instance lends.
    """
    if sys.version_info >= (3, 12) or platform.python_implementation() != "CPython":
        return
    word = ctypes.c_void_p.from_address(id(cls) + AS_BUFFER)
    size: int = type.__dict__["__basicsize__"].__get__(type)
    inside = range(id(cls), id(cls) + size)
    if word.value is None or word.value not in inside:  # not the layout that is known
        return
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes = [ctypes.py_object, ctypes.c_void_p, ctypes.c_int]
    get.restype = ctypes.c_int

    def get_buffer(owner: Any, view: int, flags: int) -> int:
        try:
            return int(get(source(owner), view, flags))
        except BaseException:  # an exception cannot pass through ctypes
            return -1

    function = SLOT(get_buffer)
    _kept.append(function)
    ctypes.c_void_p.from_address(word.value).value = ctypes.cast(function, ctypes.c_void_p).value


def exported(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the array that is lent: read-only, column-major, two dimensions at least.

    The memory is that of `data` if it is whole, and that of a copy if it is a view of rows.
    """
    if data.ndim == 1:
        data = data.reshape(1, -1)
    lent = np.asfortranarray(data).view()
    lent.flags.writeable = False
    return lent
