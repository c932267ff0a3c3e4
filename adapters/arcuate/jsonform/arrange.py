"""Lists of the command line become vectors and matrices, missing values included.

A list of plain numbers is a vector in R and Octave already. Nobody can write ``np.array`` in a shell, so
rows of equal length become a matrix as well, and ``NA`` among numbers becomes a masked element.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.values import Missing

__all__ = ["arrange", "column"]

_EXACT = 1 << 53
_DTYPES: dict[type, str] = {float: "f8", bool: "?", complex: "c16", int: "i8", str: "U"}


def arrange(value: Any, *, floats: bool = False) -> Any:
    """The value with its rectangular lists as arrays.

    Args:
        value: what :func:`arcuate.cli.literals.parse` returns.
        floats: whole numbers become floats where that is exact (Octave, MATLAB).
    """
    if type(value) is dict:
        return {key: arrange(item, floats=floats) for key, item in value.items()}
    if type(value) is not list:
        return value
    shape = _shape(value)
    if shape is not None and 0 not in shape:
        flat = _flat(value)
        if len(shape) > 1 or any(isinstance(item, Missing) for item in flat):
            array = _array(flat, floats)
            if array is not None and len(shape) == 1:
                return array
            if hasattr(array, "reshape") and type(array).__module__.startswith("numpy"):
                return array.reshape(shape)
        else:
            return value
    return [arrange(item, floats=floats) for item in value]


def column(value: Any) -> Any:
    """The value as an array of one or more dimensions; what is one already stays as it is."""
    if not isinstance(value, list):
        return value
    import numpy as np

    shape = _shape(value)
    array = None if shape is None or 0 in shape else _array(_flat(value), False)
    if array is not None and shape is not None:
        return array.reshape(shape) if len(shape) > 1 else _nullable(array)
    if not value:
        return np.empty(0)
    kept = np.empty(len(value), object)
    kept[:] = value
    return kept


def _nullable(array: Any) -> Any:
    """A one-dimensional masked array as pandas has it."""
    import numpy as np
    import pandas as pd

    if not isinstance(array, np.ma.MaskedArray):
        return array
    mask = np.ma.getmaskarray(array)
    if array.dtype.kind == "b":
        return pd.arrays.BooleanArray(array.data, mask)
    if array.dtype.kind in "iu":
        return pd.arrays.IntegerArray(array.data, mask)
    if array.dtype.kind == "f":
        return pd.arrays.FloatingArray(array.data, mask)  # type: ignore[attr-defined,unused-ignore]
    return array


def _shape(value: list[Any]) -> tuple[int, ...] | None:
    """The shape of nested lists, ``None`` where they are ragged or hold anything but scalars."""
    if not value:
        return (0,)
    if not isinstance(value[0], list):
        return None if any(isinstance(item, (list, Mapping)) for item in value) else (len(value),)
    if not all(isinstance(item, list) for item in value):
        return None
    inner = _shape(value[0])
    if inner is None or any(_shape(item) != inner for item in value[1:]):
        return None
    return (len(value), *inner)


def _flat(value: list[Any]) -> list[Any]:
    return [leaf for item in value for leaf in (_flat(item) if isinstance(item, list) else (item,))]


def _array(flat: list[Any], floats: bool) -> Any:
    """A numpy array of scalars of one class, masked where they are missing; ``None`` for mixed ones."""
    import numpy as np

    mask = [isinstance(item, Missing) for item in flat]
    kinds = {type(item) for item, gone in zip(flat, mask, strict=True) if not gone}
    exact = all(abs(item) <= _EXACT for item in flat if type(item) is int)
    if kinds == {int, float} or (floats and kinds == {int}):
        kinds = {float} if exact else {object}
    wide = kinds == {int} and not all(-(1 << 63) <= item < 1 << 63 for item in flat if type(item) is int)
    dtype = _DTYPES.get(next(iter(kinds)) if len(kinds) == 1 else float if not kinds else object)
    if dtype is None or wide:
        return None
    if not any(mask):
        return np.array(flat, dtype)
    if kinds == {str}:
        return _texts(flat, mask)
    data = np.array([0 if gone else item for item, gone in zip(flat, mask, strict=True)], dtype)
    return np.ma.array(data, mask=mask)


def _texts(flat: list[Any], mask: list[bool]) -> Any:
    import pandas as pd

    return pd.array([pd.NA if gone else item for item, gone in zip(flat, mask, strict=True)], dtype="string")
