"""Arrays of objects: elements of one kind that neither numpy nor pandas has an array for.

Each object says by itself what it is: ``numpy.timedelta64(5, "m")``, a :class:`~arcuate.values.Day`. Where
none is there to say it, since all are missing, the metadata of the array's dtype does, which numpy and pandas
keep while an array is only passed on. The same metadata tells a list of texts from an array of texts.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from arcuate.errors import ProtocolError
from arcuate.values import codes
from arcuate.values.encode import Encoder
from arcuate.values.numpy_encode import DTYPES, append_array, put_texts, put_times
from arcuate.values.times import to_date
from arcuate.values.types import Duration, Instant, Missing

__all__ = ["LIST", "Kind", "box", "fill", "kind_of", "mark", "put_boxed"]

Kind = tuple[int, int, str]
"""dtype code, unit code, zone."""
LIST: Kind = (codes.D_NONE, 0, "")
"""The objects are a list, even if all of them are of one kind."""

_KEY = "arcuate"
_NUMBERS = {np.dtype(name).type for name in codes.DTYPE_NAMES[1:15]}
_RARE = {np.float16, np.complex64, np.complex128}
"""What pandas has no nullable array of."""


def kind_of(array: Any) -> Kind | None:
    """What the dtype of an object array says that its elements are."""
    found: Kind | None = (array.dtype.metadata or {}).get(_KEY)
    return found


def mark(array: Any, kind: Kind) -> Any:
    """The object array with a dtype that says what its elements are."""
    return array.view(np.dtype("O", metadata={_KEY: kind}))


def fill(items: list[Any], kind: Kind) -> Any:
    """An array of these objects."""
    array = np.empty(len(items), dtype=np.dtype("O", metadata={_KEY: kind}))
    for number, item in enumerate(items):  # one by one: numpy would unpack lists and convert times
        array[number] = item
    return array


def box(kind: Kind, values: Any, gone: Any) -> Any:
    """The elements of an array as objects.

    A missing one is ``None`` among dates, ``NaT`` of the unit among times, ``pandas.NaT`` among instants and
    otherwise ``pandas.NA``.

    Args:
        kind: what the elements are.
        values: numbers, or the counts of dates and times.
        gone: which are missing, or ``None``.
    """
    dtype, unit, zone = kind
    flat = values.reshape(-1)
    if dtype in (codes.D_DATETIME, codes.D_DURATION) and not unit:
        raise ProtocolError("malformed value: an array of times without a unit")
    name = codes.UNIT_NAMES[unit]
    nothing: Any = None
    items: list[Any]
    if dtype == codes.D_DATE:
        items = list(map(to_date, flat.tolist()))
    elif dtype == codes.D_DATETIME and zone:
        from arcuate.values.decode import library

        nothing = library("pandas").NaT
        items = [Instant(count, name, zone) for count in flat.tolist()]
    elif dtype in (codes.D_DATETIME, codes.D_DURATION):
        times = flat.view(f"{'M' if dtype == codes.D_DATETIME else 'm'}8[{name}]")
        nothing = times.dtype.type("NaT", name)
        items = list(times)
    else:
        from arcuate.values.decode import untyped_missing

        nothing = untyped_missing()
        items = list(flat)
    if gone is not None:
        items = [nothing if lost else item for item, lost in zip(items, gone.reshape(-1), strict=True)]
    return fill(items, kind).reshape(values.shape)


def put_boxed(state: Encoder, value: Any, key: str, *, column: bool = False) -> bool:
    """An object array whose elements are all of one kind, beside missing ones; tells whether they are.

    Args:
        state: where to.
        value: the array; its elements are neither all texts nor all dates.
        key: the key of the row.
        column: what is no such array can travel as a list; hence in doubt it is none.
    """
    items = value.reshape(-1).tolist()
    kinds = set(map(type, items))
    return (
        _put_times(state, value, items, kinds, key, column)
        or _put_counted(state, items, kinds, value.shape, key)
        or _put_numbers(state, items, kinds, value.shape, key, column)
        or _put_nothing(state, value, items, key)
    )


def _put_times(
    state: Encoder, value: Any, items: list[Any], kinds: set[type], key: str, column: bool
) -> bool:
    times = kinds & {np.datetime64, np.timedelta64}
    if len(times) != 1:
        return False
    found: Any = next(iter(times))
    others = kinds - times - {Missing}
    if others and (column or not all(isinstance(item, found) or _is_missing(item) for item in items)):
        return False
    dtypes: set[Any] = {item.dtype for item in items if type(item) is found}
    dtype = dtypes.pop()
    unit, multiple = np.datetime_data(dtype)
    if dtypes or unit == "generic" or multiple != 1:
        return False
    if kinds != times:
        items = [item if type(item) is found else found("NaT", unit) for item in items]
    put_times(state, np.array(items, dtype).reshape(value.shape), key, days=False)
    return True


def _put_counted(
    state: Encoder, items: list[Any], kinds: set[type], shape: tuple[int, ...], key: str
) -> bool:
    nothing = {Missing, type(getattr(sys.modules.get("pandas"), "NaT", None))}
    counted = kinds - nothing
    if counted not in ({Instant}, {Duration}):
        return False
    mask = np.array([type(item) not in counted for item in items])
    units = {(item.unit, getattr(item, "zone", ""), item.hint) for item in items if type(item) in counted}
    unit, zone, hint = units.pop()
    if units or hint:
        return False
    counts = np.array([0 if gone else item.count for item, gone in zip(items, mask, strict=True)], "i8")
    append_array(
        state, counts.reshape(shape), key, codes.D_DATETIME if Instant in kinds else codes.D_DURATION,
        mask=mask.reshape(shape) if mask.any() else None, unit=codes.UNIT_CODES[unit], zone=zone,
    )  # fmt: skip
    return True


def _put_numbers(
    state: Encoder, items: list[Any], kinds: set[type], shape: tuple[int, ...], key: str, column: bool
) -> bool:
    from arcuate.values.decode import untyped_missing

    nothing = untyped_missing()
    numbers = kinds - {type(nothing)}
    if len(numbers) != 1 or not numbers <= (_RARE if column else _NUMBERS):
        return False
    if numbers == kinds and (column or kinds != {np.float16}):  # an index of f2 is one of objects
        return False
    dtype = np.dtype(numbers.pop())
    mask = np.array([item is nothing for item in items]).reshape(shape)
    array = np.array([0 if item is nothing else item for item in items], dtype).reshape(shape)
    append_array(state, array, key, DTYPES[dtype.str], mask=mask)
    return True


def _put_nothing(state: Encoder, value: Any, items: list[Any], key: str) -> bool:
    """Nothing but missing elements, of which the dtype says what they would be."""
    kind = kind_of(value)
    if kind is None or kind == LIST or not all(map(_is_missing, items)):
        return False
    dtype, unit, zone = kind
    if dtype == codes.D_TEXT:
        mask = b"\1" * len(items) if items else None
        put_texts(state, [""] * len(items), value.shape, key, mask, codes.ARRAY_BOXED | _mark(items))
        return True
    storage = {codes.D_DATE: "i4", codes.D_DATETIME: "i8", codes.D_DURATION: "i8"}
    array = np.zeros(value.shape, storage.get(dtype) or codes.DTYPE_NAMES[dtype])
    gone = np.ones(value.shape, dtype=bool) if items else None
    flags = codes.ARRAY_BOXED if dtype == codes.D_DATE else 0
    append_array(state, array, key, dtype, mask=gone, flags=flags, unit=unit, zone=zone)
    return True


def _mark(items: list[Any]) -> int:
    """The hint for what stands for missing texts."""
    if not items or items[0] is None:
        return 0
    return codes.ARRAY_NUMPY if isinstance(items[0], float) else codes.ARRAY_PANDAS


def _is_missing(item: Any) -> bool:
    if item is None or isinstance(item, Missing):
        return True
    if isinstance(item, float | np.datetime64 | np.timedelta64):
        return bool(item != item)
    pandas = sys.modules.get("pandas")
    return pandas is not None and (item is pandas.NA or item is pandas.NaT)
