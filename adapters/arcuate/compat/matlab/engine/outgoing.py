"""Python values to what is sent to Octave: the rules of ``matlab.engine``.

A Python int becomes int64, a list, tuple, set or range a cell, a dict a struct, a buffer an array of its
class. None, functions and bare objects are refused.
"""

from __future__ import annotations

import array
import datetime
import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from arcuate.compat.matlab._object import MatlabObject
from arcuate.compat.matlab.engine.arrays import Array, to_numpy
from arcuate.errors import ConversionError
from arcuate.values import Cell, StructArray

__all__ = ["PLAIN", "detached", "outgoing"]

PLAIN = frozenset({float, bool, complex, str})
"""Types whose values go as they are."""

_FIELD = re.compile(r"[A-Za-z]\w*", re.ASCII)
_KINDS = "?bhilqBHILQfdFD"
"""numpy's letters of the classes that MATLAB has."""
_ALLOWED = (
    "allowed are float, complex, int, bool, str, dict with text keys, list, tuple, set, range, numeric "
    "buffers "
    "such as numpy arrays and matlab.double, datetime, timedelta, pandas.DataFrame and matlab.object"
)


def outgoing(value: Any) -> Any:
    """The value that a session sends for an argument.

    Raises:
        TypeError: MATLAB has no class for it; the message ends with its path.
        ValueError: a key of a dict is no name of a field.
        OverflowError: an int does not fit 64 bits.
    """
    convert = _BY_TYPE.get(value.__class__)
    return value if convert is _same else (convert or _other)(value)


def detached(value: Any) -> Any:
    """A converted value with memory of its own, for a call that is made later."""
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, Cell):
        value[:] = [detached(item) for item in value]
    elif isinstance(value, dict):
        return {key: detached(item) for key, item in value.items()}
    elif hasattr(value, "copy") and type(value).__module__.partition(".")[0] in ("pandas", "scipy"):
        return value.copy()
    return value


_EXACT: dict[type, Callable[[Any], Any]] = {float: float, complex: complex, str: str.__str__}
"""What makes the plain value of one of a subclass."""


def _same(value: Any) -> Any:
    return value


def _int(value: int) -> Any:
    if not -(1 << 63) <= value < 1 << 63:
        raise OverflowError(
            f"the int {value} does not fit MATLAB's int64; pass it as a float, or as matlab.uint64([{value}])"
        )
    return np.int64(value)


def _cell(value: Iterable[Any]) -> Cell:
    items = []
    for item in value:
        try:
            items.append(outgoing(item))
        except ConversionError as error:
            raise error.prepend(f"[{len(items)}]") from None
    return Cell(items, (1, len(items)))


def _struct(value: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise ConversionError(f"the key {key!r} of a dict is no text; a struct has text keys only")
        if not _FIELD.fullmatch(key):
            raise ValueError(
                f"the key {key!r} cannot be the name of a field of a struct; a name has letters, digits and "
                "_, "
                "a letter first"
            )
        try:
            found[key] = outgoing(item)
        except ConversionError as error:
            raise error.prepend(f".{key}") from None
    return found


def _structs(value: StructArray) -> StructArray:
    return StructArray([_struct(item) for item in value], value.shape, value.fields)


def _shaped(value: Cell) -> Cell:
    return Cell([outgoing(item) for item in value], value.shape)


def _bytes(value: Any) -> Any:
    return np.frombuffer(value, np.uint8)


def _array(value: np.ndarray[Any, Any]) -> Any:
    dtype = value.dtype
    if dtype.char in _KINDS:
        return value.view(np.ndarray) if type(value) is not np.ndarray and not _masked(value) else value
    if dtype.kind in "Mm":
        return value
    raise ConversionError(
        f"a numpy array of dtype {dtype} has no class in MATLAB; allowed are bool, int8 to int64, uint8 to "
        "uint64, "
        "float32, float64, complex64, complex128, datetime64 and timedelta64, and a list for texts"
    )


def _masked(value: Any) -> bool:
    if isinstance(value, np.ma.MaskedArray):
        raise ConversionError("a masked array has no class in MATLAB; send value.filled(...)")
    return False


def _scalar(value: Any) -> Any:
    if isinstance(value, np.str_):
        return str(value)
    if value.dtype.char in _KINDS or value.dtype.kind in "Mm":
        return value
    raise ConversionError(f"a number of dtype {value.dtype} has no class in MATLAB; send float(value)")


def _other(value: Any) -> Any:
    """A value of a subclass, of a library's type, or of none that is known."""
    kind = type(value)
    if isinstance(value, np.generic):
        return _scalar(value)
    for base in kind.__mro__:
        convert = _BY_TYPE.get(base)
        if convert is not None:
            return _EXACT[base](value) if base in _EXACT else convert(value)
    library = kind.__module__.partition(".")[0]
    if library == "scipy" or (library == "pandas" and kind.__name__ == "DataFrame"):
        return value
    try:
        view = memoryview(value)
    except TypeError:
        raise ConversionError(_refusal(value)) from None
    return _array(np.asarray(view))


def _refusal(value: Any) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    if value is None:
        return f"None has no value in MATLAB; pass matlab.double([]) for an empty array; {_ALLOWED}"
    if callable(value):
        return f"the function {getattr(value, '__name__', name)!r} cannot be passed to MATLAB; {_ALLOWED}"
    return f"a {name} cannot be passed to MATLAB; {_ALLOWED}"


def _object(value: MatlabObject) -> Any:
    return value._remote


_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys(PLAIN, _same),
    int: _int,
    dict: _struct,
    StructArray: _structs,
    Cell: _shaped,
    **dict.fromkeys((list, tuple, set, frozenset, range), _cell),
    **dict.fromkeys((bytes, bytearray), _bytes),
    np.ndarray: _array,
    Array: lambda value: _array(to_numpy(value)),
    array.array: lambda value: _array(np.asarray(value)),
    memoryview: lambda value: _array(np.asarray(value)),
    MatlabObject: _object,
    datetime.datetime: _same,
    datetime.timedelta: _same,
}
