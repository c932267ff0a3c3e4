"""Arcuate's values, as oct2py's users expect them.

What Arcuate keeps apart is merged here as oct2py merges it; docs/compat/oct2py.md lists every such loss.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate import values
from arcuate.client import Remote
from arcuate.compat.oct2py.io import Cell, Struct, StructArray

__all__ = ["extract"]

OfRemote = Callable[[Remote], Any]


def extract(value: Any, of_remote: OfRemote, keep_shapes: bool = False) -> Any:
    """The value as oct2py returns it.

    Args:
        value: what a session with ``simplify=False`` returned.
        of_remote: makes something of an object that stays in Octave.
        keep_shapes: a number stays an array of 1 by 1.
    """
    if isinstance(value, np.ndarray):
        return _array(value, keep_shapes)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, values.StructArray):
        return _structs(value, of_remote, keep_shapes)
    if isinstance(value, values.Cell):
        return _cell(value, value.shape, of_remote, keep_shapes)
    if isinstance(value, list):
        return _cell(value, (1, len(value)) if value else (0, 0), of_remote, keep_shapes)
    if isinstance(value, dict):
        return _struct(value, of_remote, keep_shapes)
    if isinstance(value, Remote):
        return of_remote(value)
    if isinstance(value, values.Missing):  # Octave's NA
        return _array(np.array([[np.nan]]), keep_shapes)
    if type(value).__module__.startswith("scipy.sparse"):
        from scipy.sparse import csc_array

        return csc_array(value)
    return value  # dates, tables and labelled arrays of Arcuate, which oct2py does not have


def _array(value: Any, keep_shapes: bool) -> Any:
    if value.dtype.kind in "OUT":
        return Cell(value.astype(object))
    if isinstance(value, np.ma.MaskedArray):
        value = value.filled(np.nan)
    if value.dtype.kind == "b":
        value = value.view(np.uint8)
    if value.size == 1 and not keep_shapes:
        return value.item()
    if value.shape == (0, 0):
        return []
    return value if value.flags.writeable else value.copy(order="K")


def _cell(
    items: list[Any], shape: tuple[int, ...], of_remote: OfRemote, keep_shapes: bool
) -> np.ndarray[Any, Any]:
    array = np.empty(len(items), dtype=object)
    for index, item in enumerate(items):
        array[index] = extract(item, of_remote, keep_shapes)
    return np.ascontiguousarray(array.reshape(shape, order="F")).view(Cell)


def _structs(value: values.StructArray, of_remote: OfRemote, keep_shapes: bool) -> Any:
    if not value.fields:
        return _cell([None] * len(value), value.shape, of_remote, keep_shapes)
    items = ({name: extract(item[name], of_remote) for name in value.fields} for item in value)
    shape = value.shape
    if len(shape) == 2 and shape[1] == 1 and not keep_shapes:
        shape = shape[:1]
    return StructArray.of(items, value.fields, shape)


def _struct(value: dict[str, Any], of_remote: OfRemote, keep_shapes: bool) -> Any:
    if value.get("arcuate") == "char" and len(value) == 2:
        if "rows" in value:
            return np.array([str(row) for row in value["rows"]])
        if "bytes" in value:
            return _letters(np.asarray(value["bytes"]))
    if not value and not isinstance(value, values.Map):
        return _cell([None], (1, 1), of_remote, keep_shapes)
    return Struct((name, extract(item, of_remote, keep_shapes)) for name, item in value.items())


def _letters(codes: Any) -> Any:
    """Texts of the characters along the last dimension."""
    if not codes.size:
        return ""
    texts = np.empty(codes.shape[:-1], dtype=object)
    for index in np.ndindex(*texts.shape):
        texts[index] = bytes(codes[index]).decode("utf-8", "surrogateescape")
    return texts.astype(str)
