"""Rows to numpy arrays: views on the received memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from arcuate.errors import ProtocolError
from arcuate.values import codes
from arcuate.values.texts import split
from arcuate.values.types import Array

__all__ = ["build", "fixed", "text_objects"]

# By its text: the native dtype on a little-endian machine, since strict readers refuse a buffer of "<d".
_DTYPES: list[Any] = [
    None,
    *(np.dtype(np.dtype(name).newbyteorder("<").str) for name in codes.DTYPE_NAMES[1:15]),
]
_DTYPES[codes.D_BOOL] = np.dtype(bool)
_DTYPES += [None, np.dtype("<i8"), np.dtype("<i4"), np.dtype("<i8")]
_FIRST, _LAST = -719162, 2932896  # the days that datetime.date holds
_WIDE_BYTES = 4
"""A ``<U`` array is made only while it takes at most so many times the bytes of the UTF-8 form."""


def fixed(dtype: int, shape: tuple[int, ...], order: str, data: memoryview) -> Any:
    """A view on the memory of a fixed-size dtype; datetimes and durations as their counts."""
    flat: Any = np.frombuffer(data, dtype=_DTYPES[dtype])
    return flat.reshape(shape, order=order)


def text_objects(texts: list[str], shape: tuple[int, ...], order: str) -> Any:
    """An object array of texts."""
    array = np.empty(len(texts), dtype=object)
    array[:] = texts
    return array.reshape(shape, order=order)  # type: ignore[call-overload]


def build(
    dtype: int,
    flags: int,
    unit: int,
    zone: str,
    shape: tuple[int, ...],
    data: memoryview,
    mask: memoryview | None,
) -> Any:
    """The array of a row: numpy's, pandas' for one dimension with missing elements, numpy.ma's for more."""
    order = "F" if flags & codes.ARRAY_FORTRAN else "C"
    gone: Any = None
    if mask is not None:
        gone = np.frombuffer(mask, dtype=bool).reshape(shape, order=order)  # type: ignore[call-overload]
    if dtype < codes.D_TEXT:
        array = fixed(dtype, shape, order, data)
        if gone is None and not flags & codes.ARRAY_PANDAS:
            return array
        return _with_missing(array, gone, flags)
    if dtype == codes.D_DATETIME and _beyond(unit, zone, shape, data, mask):
        hint = flags & ~(codes.ARRAY_MASK | codes.ARRAY_FORTRAN)
        return Array(codes.DTYPE_NAMES[dtype], shape, data, order, mask, codes.UNIT_NAMES[unit], zone, hint)
    if dtype == codes.D_TEXT:
        return _texts(split(data, int(np.prod(shape, dtype=object))), gone, flags, shape, order, len(data))
    return _times(dtype, flags, unit, zone, fixed(dtype, shape, order, data), gone)


def _beyond(unit: int, zone: str, shape: tuple[int, ...], data: memoryview, mask: memoryview | None) -> bool:
    """Whether datetimes have no form in numpy and pandas that still says what they are.

    Those that count days would become dates, unless one is beyond what a date holds; instants in several
    dimensions are objects, of which at least one has to say the zone; pandas has zones for four units only.
    """
    gone = None if mask is None else np.frombuffer(mask, dtype=bool)
    if zone:
        nothing = 0 in shape or (gone is not None and bool(gone.all()))
        return codes.UNIT_NAMES[unit] not in ("s", "ms", "us", "ns") or (len(shape) != 1 and nothing)
    if codes.UNIT_NAMES[unit] != "D":
        return False
    counts = np.frombuffer(data, "<i8")
    counts = counts if gone is None else np.where(gone, 0, counts)
    return not counts.size or bool(counts.min() >= -(1 << 31) and counts.max() < 1 << 31)


def _with_missing(array: Any, gone: Any, flags: int) -> Any:
    if array.ndim == 1 and not flags & codes.ARRAY_NUMPY and array.dtype.char not in "eFD":
        from arcuate.values.decode import library

        if library("pandas") is not None:
            from arcuate.values.pandas_decode import nullable

            return nullable(array, gone)
    if gone is None:
        return array
    return np.ma.MaskedArray(array, mask=gone)


def _texts(texts: list[str], gone: Any, flags: int, shape: tuple[int, ...], order: str, nbytes: int) -> Any:
    if (flags & codes.ARRAY_PANDAS and not flags & codes.ARRAY_BOXED) or (
        gone is not None and not flags & codes.ARRAY_BOXED and len(shape) == 1
    ):
        from arcuate.values.decode import library

        if library("pandas") is not None:
            from arcuate.values.pandas_decode import strings

            return strings(text_objects(texts, shape, order), gone)
    if gone is None and not flags & codes.ARRAY_BOXED:
        longest = max(map(len, texts), default=0)
        if longest * 4 * len(texts) <= _WIDE_BYTES * (nbytes + 8 * len(texts)):
            wide: Any = np.array(texts, dtype=f"<U{max(longest, 1)}")
            return wide.reshape(shape, order=order)
    array = text_objects(texts, shape, order)
    if gone is not None:
        array[gone] = _mark(flags)
    if not texts or (gone is not None and gone.all()):
        from arcuate.values import boxed

        return boxed.mark(array, (codes.D_TEXT, 0, ""))
    return array


def _mark(flags: int) -> Any:
    """What stands for missing among objects."""
    if flags & codes.ARRAY_NUMPY:
        return np.nan
    if flags & codes.ARRAY_PANDAS:
        from arcuate.values.decode import untyped_missing

        return untyped_missing()
    return None


def _times(dtype: int, flags: int, unit: int, zone: str, counts: Any, gone: Any) -> Any:
    if dtype == codes.D_DATE:
        if flags & codes.ARRAY_BOXED:
            present = counts if gone is None else counts[~gone]
            if not present.size or present.min() < _FIRST or present.max() > _LAST:
                from arcuate.values.boxed import box

                array: Any = box((dtype, 0, ""), counts, gone)
            else:
                array = counts.astype("M8[D]").astype(object)
            if gone is not None:
                from arcuate.values.decode import library

                array[gone] = getattr(library("pandas"), "NaT", None) if flags & codes.ARRAY_PANDAS else None
            return array
        array = counts.astype(np.int64).view("M8[D]")
    else:
        if not unit:
            raise ProtocolError("malformed value: an array of times without a unit")
        array = counts.view(f"{'M' if dtype == codes.D_DATETIME else 'm'}8[{codes.UNIT_NAMES[unit]}]")
    if gone is not None and gone.any():
        array = np.where(gone, np.array("NaT", array.dtype), array)
    if zone or flags & codes.ARRAY_PANDAS:
        from arcuate.values.pandas_decode import times

        return times(array, zone)
    return array
