"""Dates, times and durations between counts of a unit and R's doubles, factor codes, and bit64's integers.

The arithmetic is in :mod:`arcuate.values.seconds`.
"""

from __future__ import annotations

from typing import Any

from arcuate.r.numbers import NA_INT, Target, numpy
from arcuate.r.rapi import INTSXP, ffi, lib
from arcuate.values import codes, seconds
from arcuate.values.nodes import Buffer
from arcuate.values.seconds import datetime_seconds
from arcuate.values.seconds import duration_values as duration_counts

__all__ = [
    "date_days",
    "dates",
    "datetime_seconds",
    "datetimes",
    "duration_counts",
    "durations",
    "factor_codes",
    "int64",
]


def _doubles(x: Any, kind: int, n: int) -> tuple[Any, Any]:
    """The values as float64, and the mask of what is NA or NaN."""
    np = numpy()
    if kind == INTSXP:
        raw = np.frombuffer(ffi.buffer(lib.INTEGER(x), 4 * n), np.int32)
        return raw.astype(np.float64), raw == NA_INT
    view = np.frombuffer(ffi.buffer(lib.REAL(x), 8 * n), np.float64)
    return view, np.isnan(view)


def _out(counts: Any, mask: Any) -> tuple[bytes, bytes | None]:
    if mask.any():
        counts[mask] = 0
        return counts.tobytes(), mask.tobytes()
    return counts.tobytes(), None


def datetimes(x: Any, kind: int, n: int, unit: str) -> tuple[bytes, bytes | None, int]:
    """POSIXct: counts, mask and unit.

    Microseconds, or the unit that the value came in where that is exact.
    """
    if n == 0:
        return b"", None, codes.UNIT_CODES[unit]
    values, mask = _doubles(x, kind, n)
    counts, found = seconds.datetime_counts(values, mask, unit)
    return (*_out(counts, mask), codes.UNIT_CODES[found])


def dates(x: Any, kind: int, n: int) -> tuple[bytes, bytes | None, int, int]:
    """Date: days; a fractional Date goes as a naive date-time, so that nothing is dropped."""
    if n == 0:
        return b"", None, 0, codes.D_DATE
    days, mask = _doubles(x, kind, n)
    counts, unit = seconds.date_counts(days, mask)
    return (*_out(counts, mask), codes.UNIT_CODES[unit], codes.D_DATETIME if unit else codes.D_DATE)


def durations(x: Any, kind: int, n: int, own: str, unit: str) -> tuple[bytes, bytes | None, int]:
    """difftime: counts, mask and unit.

    R's own unit where the counts are whole, otherwise microseconds or nanoseconds.
    """
    if n == 0:
        return b"", None, codes.UNIT_CODES[unit or ("us" if own == "s" else own)]
    values, mask = _doubles(x, kind, n)
    counts, found = seconds.duration_counts(values, mask, own, unit)
    return (*_out(counts, mask), codes.UNIT_CODES[found])


def int64(x: Any, n: int) -> tuple[bytes, bytes | None]:
    """bit64's integer64: the bits of its doubles are the integers, -2^63 is NA."""
    if n == 0:
        return b"", None
    np = numpy()
    counts = np.frombuffer(ffi.buffer(lib.REAL(x), 8 * n), np.int64).copy()
    return _out(counts, counts == np.iinfo(np.int64).min)


def factor_codes(target: Target, x: Any) -> tuple[Buffer, Buffer | None]:
    """Zero-based codes of a factor, as i4, and the mask of NA."""
    n = lib.Rf_xlength(x)
    if n == 0:
        return b"", None
    np = numpy()
    raw = np.frombuffer(ffi.buffer(lib.INTEGER(x), 4 * n), np.int32)
    counts = raw - np.int32(1)
    mask = raw == NA_INT
    if mask.any():
        counts[mask] = 0
        return target.give(memoryview(counts).cast("B")), target.give(memoryview(mask).cast("B"))
    return target.give(memoryview(counts).cast("B")), None


def date_days(days: Any) -> Any:
    """Days since 1970 as R's double."""
    return days.astype(numpy().float64)
