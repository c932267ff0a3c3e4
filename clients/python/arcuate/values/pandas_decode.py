"""Rows to pandas arrays and scalars."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import numpy as np
import pandas as pd

from arcuate.errors import ProtocolError
from arcuate.values import times as clock
from arcuate.values.texts import split

__all__ = ["nullable", "string_array", "strings", "timedelta", "times", "timestamp", "zoned_objects"]

_UNITS = ("s", "ms", "us", "ns")


def nullable(array: Any, gone: Any) -> Any:
    """A nullable array of bools, integers or floats; NaN stays apart from NA."""
    if gone is None:
        gone = np.zeros(array.shape, dtype=bool)
    if array.dtype.kind == "b":
        return pd.arrays.BooleanArray(array, gone)
    if array.dtype.kind == "f":
        return pd.arrays.FloatingArray(array, gone)
    return pd.arrays.IntegerArray(array, gone)


@lru_cache(maxsize=2)
def text_dtype(own: bool) -> Any:
    """Pandas' dtype of texts: ``own``: the one with NA; otherwise the one that a new column of texts gets."""
    return pd.StringDtype() if own else pd.Series(["x"]).dtype


def strings(objects: Any, gone: Any) -> Any:
    """A text array with NA."""
    if gone is not None:
        objects[gone] = pd.NA
    return pd.array(objects, dtype=text_dtype(True))


def string_array(data: memoryview, count: int, mask: memoryview | None, *, own: bool) -> Any:
    """A text column straight from its blob; no object per text where pandas keeps texts in Arrow memory."""
    dtype = text_dtype(own)
    gone = None if mask is None else np.frombuffer(mask, dtype=bool)
    if getattr(dtype, "storage", "") == "pyarrow":
        from arcuate.values.arrow import string_array as arrow_strings

        return dtype.__from_arrow__(arrow_strings(data, count, gone))
    objects = np.empty(count, dtype=object)
    objects[:] = split(data, count)
    if gone is not None and gone.any():
        objects[gone] = getattr(dtype, "na_value", None)
    return pd.array(objects, dtype=dtype) if isinstance(dtype, pd.StringDtype) else objects


def present(data: memoryview, mask: memoryview | None) -> Any:
    """The counts of dates that are not missing."""
    counts = np.frombuffer(data, "<i4")
    return counts if mask is None else counts[np.frombuffer(mask, "u1") == 0]


def arrow_dates(count: int) -> Any:
    """A column of so many missing dates: Arrow has a class for dates, pandas has not."""
    import pyarrow

    return pd.arrays.ArrowExtensionArray(pyarrow.nulls(count, pyarrow.date32()))


def timestamp(count: int, unit: str, zone: str) -> Any:
    """A Timestamp of that unit (or the next finer that pandas has)."""
    value = pd.Timestamp(np.datetime64(count, cast("Any", unit)))
    return value.tz_localize("UTC").tz_convert(clock.parse_zone(zone)) if zone else value


def timedelta(count: int, unit: str) -> Any:
    """A Timedelta of that unit (or the next finer that pandas has)."""
    return pd.Timedelta(np.timedelta64(count, cast("Any", unit)))


def times(array: Any, zone: str) -> Any:
    """A pandas array of datetimes or durations; objects where there is a zone and more than one dimension."""
    unit = np.datetime_data(array.dtype)[0]
    if unit not in _UNITS:
        if unit in ("ps", "fs", "as"):
            raise ProtocolError(f"malformed value: pandas has no array of times with the unit {unit}")
        array = array.astype(f"{array.dtype.kind}8[s]")
    if array.ndim != 1:
        return zoned_objects(array, zone) if zone else array
    made = pd.array(array, dtype=array.dtype)
    if not zone:
        return made
    return made.tz_localize("UTC").tz_convert(clock.parse_zone(zone))


def zoned_objects(array: Any, zone: str) -> Any:
    """An object array of Timestamps, for datetimes with a zone where no array class holds them."""
    flat = (
        pd.array(array.reshape(-1), dtype=array.dtype).tz_localize("UTC").tz_convert(clock.parse_zone(zone))
    )
    objects = np.empty(flat.shape, dtype=object)
    objects[:] = list(flat)
    return objects.reshape(array.shape)
