"""Dates, times and durations between counts of a unit and R's doubles, factor codes, and bit64's integers.

R keeps an instant as a double of seconds: microseconds are exact from 1970 to 2242, and everything is
checked to come back as it was.
Nanoseconds of an instant are the one permitted loss; a duration must be exact.
"""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError
from arcuate.r.numbers import NA_INT, Target, numpy
from arcuate.r.rapi import INTSXP, ffi, lib
from arcuate.values import codes
from arcuate.values.nodes import Buffer

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

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS = {"m": 60, "h": 3600, "D": 86400, "W": 604800}
_R_UNITS = {"m": "mins", "h": "hours", "D": "days", "W": "weeks"}
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}


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
    np = numpy()
    seconds, mask = _doubles(x, kind, n)
    bad = mask | ~np.isfinite(seconds)
    if bool((np.isinf(seconds)).any()):
        raise ConversionError(
            "an infinite date-time has no value elsewhere; replace it in R, by NA for instance"
        )
    if unit in ("s", "ms") or unit in _SECONDS:  # far from 1970 microseconds would be rounded, this is not
        scale = float(_PER_SECOND[unit]) if unit in _PER_SECOND else 1.0
        longer = float(_SECONDS.get(unit, 1))
        clean = np.where(bad, 0.0, seconds)
        whole = np.round(clean * scale / longer)
        if bool((whole * longer / scale == clean).all()) and float(np.abs(whole).max()) < 2.0**63:
            return (*_out(whole.astype(np.int64), mask), codes.UNIT_CODES[unit])
    micros = np.round(np.where(bad, 0.0, seconds) * 1e6)
    if float(np.abs(micros).max()) >= 2.0**63:
        raise ConversionError("a date-time lies outside the years that 64-bit microseconds can hold")
    counts = micros.astype(np.int64)
    if unit in ("ns", "ps", "fs", "as"):
        if float(np.abs(micros).max()) < 9.2e15:
            return (*_out(counts * 1000, mask), codes.UNIT_CODES["ns"])
    elif unit != "us":
        stamps = counts.view("M8[us]")
        whole = stamps.astype(f"M8[{unit}]")
        if bool((whole.astype("M8[us]") == stamps).all()):
            return (*_out(whole.view(np.int64).copy(), mask), codes.UNIT_CODES[unit])
    return (*_out(counts, mask), codes.UNIT_CODES["us"])


def dates(x: Any, kind: int, n: int) -> tuple[bytes, bytes | None, int, int]:
    """Date: days; a fractional Date goes as a naive date-time, so that nothing is dropped."""
    if n == 0:
        return b"", None, 0, codes.D_DATE
    np = numpy()
    days, mask = _doubles(x, kind, n)
    if bool(np.isinf(days).any()):
        raise ConversionError("an infinite Date has no value elsewhere; replace it in R, by NA for instance")
    clean = np.where(mask, 0.0, days)
    whole = np.floor(clean)
    if bool((whole != clean).any()):
        data, missing = _out(np.round(clean * 86400e6).astype(np.int64), mask)
        return data, missing, codes.UNIT_CODES["us"], codes.D_DATETIME
    data, missing = _out(whole.astype(np.int32), mask)
    return data, missing, 0, codes.D_DATE


def durations(x: Any, kind: int, n: int, own: str, unit: str) -> tuple[bytes, bytes | None, int]:
    """difftime: counts, mask and unit.

    R's own unit where the counts are whole, otherwise microseconds or nanoseconds.
    """
    if n == 0:
        return b"", None, codes.UNIT_CODES[unit or ("us" if own == "s" else own)]
    np = numpy()
    values, mask = _doubles(x, kind, n)
    if bool(np.isinf(values).any()):
        raise ConversionError(
            "an infinite difftime has no value elsewhere; replace it in R, by NA for instance"
        )
    clean = np.where(mask, 0.0, values)
    candidates = [unit] if unit else []
    candidates += [own] if own != "s" else []
    for name in [*candidates, "us", "ns"]:
        scale = float(_SECONDS.get(own, 1)) * _PER_SECOND[name] if name in _PER_SECOND else 1.0
        if name not in _PER_SECOND and name != own:
            continue
        counts = np.round(clean * scale)
        if float(np.abs(counts).max()) < 2.0**63 and (name == "ns" or bool((counts / scale == clean).all())):
            return (*_out(counts.astype(np.int64), mask), codes.UNIT_CODES[name])
    counts = np.round(clean * float(_SECONDS.get(own, 1)) * 1e6)
    if float(np.abs(counts).max()) >= 2.0**63:
        raise ConversionError("a difftime is longer than 64-bit microseconds can hold")
    return (*_out(counts.astype(np.int64), mask), codes.UNIT_CODES["us"])


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


def datetime_seconds(counts: Any, unit: str, mask: Any, zone: str = "") -> tuple[Any, str]:
    """Counts of a unit as seconds since 1970, and the unit to note; nanoseconds of naive times are lost.

    Raises:
        ConversionError: microseconds so far from 1970 that a double does not hold them, or nanoseconds of
            times with a zone.
    """
    np = numpy()
    if mask is not None:
        counts = np.where(mask, 0, counts)
    if unit in ("M", "Y"):
        counts, note, unit = counts.view(f"M8[{unit}]").astype("M8[s]").view(np.int64), unit, "s"
    else:
        note = unit
    if unit in _SECONDS:
        return counts.astype(np.float64) * _SECONDS[unit], note
    if unit in _FINER or unit == "ns":
        fine = 1000 * _FINER.get(unit, 1)
        if zone and (counts % fine).any():
            raise ConversionError(
                "an instant has parts of a microsecond, which R's double of seconds does not hold; round it "
                "to microseconds (in Python x.floor('us') or astype('datetime64[us]'))"
            )
        counts, unit, note = counts // fine, "us", "ns"
    scale = _PER_SECOND[unit]
    seconds = counts.astype(np.float64) / scale
    back = np.round(seconds * scale)
    if len(back) and (float(np.abs(back).max()) >= 2.0**63 or bool((back.astype(np.int64) != counts).any())):
        raise ConversionError(
            "a date-time is so far from 1970 that R's double of seconds does not hold its microseconds; "
            "round it to milliseconds or seconds (astype('datetime64[s]'))"
        )
    return seconds, note


def duration_counts(counts: Any, unit: str, mask: Any) -> tuple[Any, str, str]:
    """Counts of a unit as difftime: values, R's unit, and the unit to note (empty where R's own says it)."""
    np = numpy()
    if unit in ("M", "Y"):
        raise ConversionError("R's difftime has no months and years; convert them to days")
    if unit in _FINER:
        raise ConversionError(
            f"R's difftime does not hold durations in {unit!r}; convert them to 'ns' or coarser"
        )
    if mask is not None:
        counts = np.where(mask, 0, counts)
    if unit in _R_UNITS:
        scale, name, note = 1, _R_UNITS[unit], ""
    else:
        scale, name, note = _PER_SECOND[unit], "secs", "" if unit == "us" else unit
    values = counts.astype(np.float64) / scale
    back = np.round(values * scale)
    if len(back) and (float(np.abs(back).max()) >= 2.0**63 or bool((back.astype(np.int64) != counts).any())):
        raise ConversionError(
            f"a duration in {unit!r} is too long for R's double of seconds to hold exactly; use a coarser "
            "unit"
        )
    return values, name, note


def date_days(days: Any) -> Any:
    """Days since 1970 as R's double."""
    return days.astype(numpy().float64)
