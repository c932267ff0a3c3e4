"""Whether values are those of an Arrow type: Arrow makes 2 of 2.5 for whole numbers, and more like it."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import types

__all__ = ["fit"]

_PYTHON: tuple[tuple[Callable[[Any], bool], tuple[type, ...]], ...] = (
    (types.is_integer, (int,)),
    (types.is_string, (str,)),
    (types.is_large_string, (str,)),
    (types.is_binary, (bytes, bytearray, memoryview)),
    (types.is_large_binary, (bytes, bytearray, memoryview)),
    (types.is_timestamp, (dt.datetime,)),
    (types.is_time, (dt.time,)),
    (types.is_duration, (dt.timedelta,)),
)
"""Arrow's types that would take others of Python's too, and change them: which they take."""


def fit(column: Sequence[Any], kind: pa.DataType, *, json: bool = False) -> None:
    """Looks whether Arrow keeps these values, at any depth, as they are.

    Args:
        column: the values; ``None`` is a missing one.
        kind: the type that they are to have.
        json: they are JSON: a number without a fraction is a whole one, and may count days, seconds and the
            like for a type of times.

    Raises:
        TypeError: a value would become another, or a part of it would be left out.
    """
    parts = _parts(column, kind)
    if parts is not None:
        for values, its in parts:
            fit(values, its, json=json)
        return
    found = set(map(type, column)) - {type(None)}
    counted = types.is_integer(kind) or types.is_temporal(kind)
    if types.is_floating(kind):
        wrong = found & {bool}
        if kind.bit_width < 64:
            _pack(column, kind)
    elif json:
        broken = counted and any(type(one) is float and not one.is_integer() for one in column)
        wrong = {float} if broken else set()
    elif types.is_date(kind):
        wrong = {one for one in found if issubclass(one, dt.datetime)}
    else:
        allowed = next((allowed for test, allowed in _PYTHON if test(kind)), None)
        wrong = {one for one in found if allowed is not None and not issubclass(one, allowed)}
    if wrong:
        raise TypeError(f"it holds values of the type {', '.join(sorted(one.__name__ for one in wrong))}")
    if not json and hasattr(kind, "unit"):
        _tell_time(column, kind)


def _parts(column: Sequence[Any], kind: pa.DataType) -> list[tuple[list[Any], pa.DataType]] | None:
    """The values within the values of a nested type, each with its own type."""
    there = [one for one in column if one is not None]
    if types.is_dictionary(kind):
        return [(there, kind.value_type)]
    if hasattr(kind, "value_type"):  # lists of all kinds
        return [([item for one in there for item in one], kind.value_type)]
    if types.is_map(kind):
        pairs = [pair for one in there for pair in (one.items() if isinstance(one, Mapping) else one)]
        return [([key for key, _ in pairs], kind.key_type), ([item for _, item in pairs], kind.item_type)]
    if types.is_struct(kind):
        names = {field.name for field in kind}
        rows = [one for one in there if isinstance(one, Mapping)]
        more = [name for one in rows for name in one if name not in names]
        if more:
            raise TypeError(f"it holds {more[0]!r}, which the type has not")
        return [([one.get(field.name) for one in rows], field.type) for field in kind]
    return None


def _pack(column: Sequence[Any], kind: pa.DataType) -> None:
    """In a short float a large number would become infinite, a small one 0, a whole one another."""
    form = {16: "<e", 32: "<f"}[kind.bit_width]
    for one in column:
        if isinstance(one, (int, float)):
            try:
                (found,) = struct.unpack(form, struct.pack(form, one))
            except (OverflowError, struct.error):  # the latter of whole numbers beyond all floats
                raise TypeError(f"it holds {one}, which is too large") from None
            if found != one and (found == 0 or isinstance(one, int)):
                raise TypeError(f"it holds {one}, which would become {found}")


def _tell_time(column: Sequence[Any], kind: pa.DataType) -> None:
    """A time with more digits than the unit has would lose them, one with a zone the zone."""
    step = {"s": 1_000_000, "ms": 1000}.get(kind.unit, 1)
    for one in column:
        if one is None:
            continue
        fraction = one.microseconds if isinstance(one, dt.timedelta) else one.microsecond
        zone = types.is_timestamp(kind) and (one.tzinfo is None) != (kind.tz is None)
        if types.is_time(kind) and one.tzinfo is not None:
            raise TypeError("it holds times of day with a zone, which Arrow has not")
        if fraction % step or zone:
            raise TypeError(f"it holds {one}")
