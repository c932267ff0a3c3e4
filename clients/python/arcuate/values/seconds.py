"""Counts of a unit since 1970 and R's doubles of seconds, days or other units, both ways.

R keeps an instant as a double of seconds: microseconds are exact from 1970 to 2242, and everything is
checked to come back as it was. Nanoseconds of a time without zone are the one permitted loss; a duration
must be exact. numpy is imported when a function is called.
"""

from __future__ import annotations

from typing import Any

from arcuate.errors import ConversionError

__all__ = [
    "R_UNITS",
    "date_counts",
    "datetime_counts",
    "datetime_seconds",
    "duration_counts",
    "duration_values",
]

R_UNITS = {"secs": "s", "mins": "m", "hours": "h", "days": "D", "weeks": "W"}
"""numpy's name of each unit of R's difftime."""
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_SECONDS = {"m": 60, "h": 3600, "D": 86400, "W": 604800}
_NAMES = {unit: name for name, unit in R_UNITS.items() if unit != "s"}
_FINER = {"ps": 10**3, "fs": 10**6, "as": 10**9}


def datetime_counts(seconds: Any, mask: Any, unit: str) -> tuple[Any, str]:
    """Seconds as int64 counts: of microseconds, or of the unit that the value came in where that is exact.

    Args:
        seconds: float64.
        mask: where they are missing.
        unit: numpy's name of the unit that was noted, ``"us"`` where none was.
    """
    import numpy as np

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
            return _clean(whole.astype(np.int64), mask), unit
    micros = np.round(np.where(bad, 0.0, seconds) * 1e6)
    if float(np.abs(micros).max()) >= 2.0**63:
        raise ConversionError("a date-time lies outside the years that 64-bit microseconds can hold")
    counts = micros.astype(np.int64)
    if unit in ("ns", "ps", "fs", "as"):
        if float(np.abs(micros).max()) < 9.2e15:
            return _clean(counts * 1000, mask), "ns"
    elif unit != "us":
        stamps = counts.view("M8[us]")
        whole = stamps.astype(f"M8[{unit}]")
        if bool((whole.astype("M8[us]") == stamps).all()):
            return _clean(whole.view(np.int64).copy(), mask), unit
    return _clean(counts, mask), "us"


def date_counts(days: Any, mask: Any) -> tuple[Any, str]:
    """Days as int32 counts and no unit; fractional ones as microseconds, so that nothing is dropped."""
    import numpy as np

    if bool(np.isinf(days).any()):
        raise ConversionError("an infinite Date has no value elsewhere; replace it in R, by NA for instance")
    clean = np.where(mask, 0.0, days)
    whole = np.floor(clean)
    if bool((whole != clean).any()):
        return _clean(np.round(clean * 86400e6).astype(np.int64), mask), "us"
    return _clean(whole.astype(np.int32), mask), ""


def duration_counts(values: Any, mask: Any, own: str, unit: str) -> tuple[Any, str]:
    """The numbers of a difftime as int64 counts.

    R's own unit where the counts are whole, otherwise microseconds or nanoseconds.

    Args:
        values: float64.
        mask: where they are missing.
        own: numpy's name of the difftime's unit.
        unit: the unit that was noted, or ``""``.
    """
    import numpy as np

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
            return _clean(counts.astype(np.int64), mask), name
    counts = np.round(clean * float(_SECONDS.get(own, 1)) * 1e6)
    if float(np.abs(counts).max()) >= 2.0**63:
        raise ConversionError("a difftime is longer than 64-bit microseconds can hold")
    return _clean(counts.astype(np.int64), mask), "us"


def datetime_seconds(counts: Any, unit: str, mask: Any, zone: str = "") -> tuple[Any, str]:
    """Counts of a unit as seconds since 1970, and the unit to note; nanoseconds of naive times are lost.

    Raises:
        ConversionError: microseconds so far from 1970 that a double does not hold them, or nanoseconds of
            times with a zone.
    """
    import numpy as np

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


def duration_values(counts: Any, unit: str, mask: Any) -> tuple[Any, str, str]:
    """Counts of a unit as difftime: values, R's unit, and the unit to note (empty where R's own says it)."""
    import numpy as np

    if unit in ("M", "Y"):
        raise ConversionError("R's difftime has no months and years; convert them to days")
    if unit in _FINER:
        raise ConversionError(
            f"R's difftime does not hold durations in {unit!r}; convert them to 'ns' or coarser"
        )
    if mask is not None:
        counts = np.where(mask, 0, counts)
    if unit in _NAMES:
        scale, name, note = 1, _NAMES[unit], ""
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


def _clean(counts: Any, mask: Any) -> Any:
    if mask.any():
        counts[mask] = 0
    return counts
