"""What a session returns to what ``matlab.engine`` returns.

Scalars become Python's own, arrays those of :mod:`arcuate.compat.matlab`, row and column cells lists, structs
dicts. Beyond MathWorks' engine, sparse matrices arrive as ``scipy.sparse`` and struct arrays as
:class:`arcuate.values.StructArray`. What has no form raises TypeError.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from arcuate.client import Remote
from arcuate.compat.matlab._object import MatlabObject
from arcuate.compat.matlab.engine.arrays import from_numpy
from arcuate.errors import ConversionError
from arcuate.values import Cell, Map, Missing, StructArray

__all__ = ["incoming"]


def incoming(value: Any) -> Any:
    """The value that a user of the engine gets.

    Raises:
        TypeError: there is none; the message ends with its path in the value.
    """
    convert = _BY_TYPE.get(value.__class__)
    return value if convert is _same else (convert or _other)(value)


def _same(value: Any) -> Any:
    return value


def _items(value: list[Any]) -> list[Any]:
    for number, item in enumerate(value):
        try:
            value[number] = incoming(item)
        except ConversionError as error:
            raise error.prepend(f"[{number}]") from None
    return value


def _line(shape: tuple[int, ...], what: str) -> None:
    """Refuses a cell that is neither a row nor a column; an empty one of 0-by-0 counts as a row."""
    if len(shape) > 2 or (1 not in shape and shape != (0, 0)):
        size = "-by-".join(map(str, shape))
        raise ConversionError(
            f"a {what} of {size} has no form in Python; return a row or a column of it, such as {{c{{:}}}}"
        )


def _cell(value: Cell) -> list[Any]:
    _line(value.shape, "cell array")
    return list(_items(value))


def _structs(value: StructArray) -> StructArray:
    return StructArray([_dict(item) for item in value], value.shape, value.fields)


def _dict(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("arcuate") == "char":
        raise ConversionError(
            "a char array of several rows has no form in Python; return cellstr(x), or one row of it"
        )
    for key, item in value.items():
        try:
            value[key] = incoming(item)
        except ConversionError as error:
            raise error.prepend(f".{key}") from None
    return value


def _array(value: np.ndarray[Any, Any]) -> Any:
    kind = value.dtype.kind
    if kind in "UO":  # a cell of texts
        _line(value.shape, "cell array")
        return [str(item) for item in value.ravel().tolist()]
    if kind in "Mm":
        return value
    return from_numpy(value)


def _remote(value: Remote) -> MatlabObject:
    if value._info.get("callable"):
        raise ConversionError(
            "a function handle has no form in Python; keep it in a variable (eng.eval('f = @...;', "
            "nargout=0)) and "
            "call it there, with eng.eval or feval"
        )
    return MatlabObject(value)


def _missing(value: Any) -> Any:
    raise ConversionError(
        "the value is or holds NA, which Octave has and MATLAB has not; replace it there: x(isna(x)) = NaN"
    )


def _other(value: Any) -> Any:
    if isinstance(value, np.generic) and value.dtype.kind not in "Mm":
        return value.item()
    if isinstance(value, np.ma.MaskedArray) or type(value).__name__ == "NAType":
        _missing(value)
    return value  # a datetime, a table, a sparse matrix: as the session gives it


_BY_TYPE: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys((float, bool, complex, str, int, type(None)), _same),
    **dict.fromkeys(
        (np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64),
        lambda value: value.item(),
    ),
    dict: _dict,
    Map: lambda value: _dict(dict(value)),
    list: _items,
    Cell: _cell,
    StructArray: _structs,
    np.ndarray: _array,
    Remote: _remote,
    Missing: _missing,
}
