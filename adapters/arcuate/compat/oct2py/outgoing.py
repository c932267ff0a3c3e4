"""Values of Python, as oct2py sends them, made from what Arcuate sends faithfully.

docs/compat/oct2py.md lists what is lost on the way.
"""

from __future__ import annotations

import types
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from arcuate import values
from arcuate.compat.oct2py.utils import Oct2PyError, Oct2PyWarning

__all__ = ["Outgoing", "Refused"]

_NUMBERS: tuple[Any, ...] = (bool, int, float, complex)
_PASSED = ("datetime", "pandas")  # modules whose scalars Arcuate carries as they are


class Refused(Oct2PyError, TypeError):
    """A value that cannot be sent."""


@dataclass(frozen=True)
class Outgoing:
    """How values are prepared for Octave.

    Attributes:
        to_float: integers become double.
        column: what has one dimension becomes a column, not a row.
        held: recognises pointers and objects of user classes; returns what is sent for one, or ``None``.
    """

    to_float: bool
    column: bool
    held: Callable[[Any], Any]

    def encode(self, value: Any) -> Any:
        """What Arcuate is given for a value.

        Raises:
            Refused: it cannot be sent.
        """
        kind = type(value)
        if kind is float or kind is str or kind is bool or kind is complex:
            return value
        if value is None:
            return np.nan
        if kind is int:
            return self._int(value)
        found = self.held(value)
        if found is not None:
            return found
        if isinstance(value, np.ndarray):
            return self._array(value, self.to_float)
        if isinstance(value, np.generic):
            return self._generic(value)
        if isinstance(value, Mapping):
            return self._mapping(value)
        if isinstance(value, list):
            return self._list(value)
        if isinstance(value, (set, frozenset)):
            return self._list(list(value))
        if isinstance(value, tuple):
            return self._cells([self.encode(item) for item in value])
        return self._other(value)

    def _int(self, value: int) -> float:
        try:
            return float(value)
        except OverflowError:
            raise Refused(f"the integer of {value.bit_length()} bits is larger than any double") from None

    def _mapping(self, value: Mapping[Any, Any]) -> dict[str, Any]:
        found = {}
        for name, item in value.items():
            if isinstance(name, str):
                found[name] = self.encode(item)
            else:
                message = f"the key {name!r} is no text and is left out of the struct"
                warnings.warn(message, Oct2PyWarning, stacklevel=4)
        return found

    def _list(self, value: list[Any]) -> Any:
        if not value:
            return np.zeros((0, 0))
        if _shape(value) is None:
            return self._cells([self.encode(item) for item in value])
        array = np.array(value)
        if array.dtype == object:  # integers of more than 64 bits
            array = array.astype(float)
        return self._array(array, self.to_float)

    def _cells(self, items: list[Any]) -> values.Cell:
        if not items:
            return values.Cell([], (0, 0))
        return values.Cell(items, (len(items), 1) if self.column else (1, len(items)))

    def _sized(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """A shape of two dimensions at least."""
        if len(shape) > 1:
            return shape
        if not shape:
            return (1, 1)
        return (shape[0], 1) if self.column else (1, shape[0])

    def _array(self, value: np.ndarray[Any, Any], to_float: bool) -> Any:
        if type(value).__module__.startswith("scipy.io"):
            raise Refused(
                f"a {type(value).__name__} cannot be sent; name the function, or send its code as a text"
            )
        if isinstance(value, np.ma.MaskedArray):
            value = value.filled()
        array = np.asarray(value)
        if array.dtype.names is not None:
            names = array.dtype.names
            flat = array.ravel(order="F")
            items = [{name: self.encode(item[name]) for name in names} for item in flat]
            return values.StructArray(items, self._sized(array.shape), names)
        kind = array.dtype.kind
        if kind == "O":
            cells = [self.encode(item) for item in array.ravel(order="F")]
            return values.Cell(cells, self._sized(array.shape))
        if kind in "US":
            return _letters(array)
        if kind in "Mm":
            counts = array.astype(np.int64).astype(float)
            array = np.where(np.isnat(array), np.nan, counts)
        elif (kind in "iu" and to_float) or array.dtype.char in "eg":
            array = array.astype(float)
        elif array.dtype.char == "G":
            array = array.astype(complex)
        elif kind not in "biufc":
            raise Refused(f"an array of dtype {array.dtype} cannot be sent; convert it to float or object")
        if array.shape == (0,):
            return array.reshape(0, 0)
        return array.reshape(-1, 1) if self.column and array.ndim == 1 else array

    def _generic(self, value: np.generic) -> Any:
        if isinstance(value, np.str_):
            return str(value)
        if isinstance(value, np.bytes_):
            return self.encode(bytes(value))
        if isinstance(value, np.void) and value.dtype.names:
            return {name: self.encode(value[name]) for name in value.dtype.names}
        if isinstance(value, np.integer):
            return value
        return self._array(np.asarray(value), False)

    def _other(self, value: Any) -> Any:
        if isinstance(value, bytes):
            return value.decode() if value.isascii() else _letters(np.array(value))
        if isinstance(value, (bytearray, memoryview)):
            return self._array(np.frombuffer(value, dtype=np.uint8), False)
        if isinstance(value, range):
            return self._array(np.array(value, dtype=np.int64), False)
        module = type(value).__module__
        if module.startswith("scipy.sparse"):
            return _sparse(value)
        if hasattr(value, "__array__"):  # tables, series and arrays of other libraries: without their labels
            return self._array(
                np.asarray(value), self.to_float and not type(value).__name__.endswith("Index")
            )
        if module.split(".")[0] in _PASSED:
            return value
        for plain in _NUMBERS:  # a subclass of one, such as an IntEnum
            if isinstance(value, plain):
                return self.encode(plain(value))
        if callable(value) and not isinstance(value, type):
            return value
        if hasattr(value, "__dict__") and not isinstance(value, (type, types.ModuleType)):
            public = {name: item for name, item in vars(value).items() if not name.startswith("_")}
            return self._mapping(public)
        raise Refused(
            f"a value of type {type(value).__name__} cannot be sent; send numbers, texts, lists, tuples, "
            f"dicts, numpy arrays, pandas and scipy.sparse objects"
        )


def _shape(value: Any) -> tuple[int, ...] | None:
    """The shape of nested lists of plain numbers, or ``None`` where they are something else."""
    if isinstance(value, list):
        shapes = {_shape(item) for item in value}
        if not shapes:
            return (0,)
        inner = shapes.pop()
        return None if shapes or inner is None else (len(value), *inner)
    return () if isinstance(value, _NUMBERS) else None


def _letters(array: np.ndarray[Any, Any]) -> Any:
    """Texts as a char array, filled up with blanks, one row for each."""
    texts = [item if isinstance(item, bytes) else str(item).encode() for item in array.ravel().tolist()]
    if array.ndim == 0 and array.dtype.kind == "U":
        return str(array[()])
    width = max(map(len, texts), default=0)
    codes = np.frombuffer(b"".join(text.ljust(width) for text in texts), dtype=np.uint8)
    shape = array.shape or (1,)
    return {"arcuate": "char", "bytes": codes.reshape(*shape, width)}


def _sparse(value: Any) -> Any:
    from scipy.sparse import csc_array

    matrix = csc_array(value)
    if matrix.dtype.kind in "iuf" and matrix.dtype != float:
        return matrix.astype(float)
    return matrix
