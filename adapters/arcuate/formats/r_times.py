"""R's classes of time in files: the arithmetic with missing values, and POSIXlt."""

from __future__ import annotations

import calendar
from typing import Any

import numpy as np

from arcuate.errors import ConversionError
from arcuate.formats import r_file as r
from arcuate.formats.r_file import NA_INT, RObject
from arcuate.values import seconds

__all__ = ["dates", "datetimes", "durations", "from_parts"]

_PARTS = ("sec", "min", "hour", "mday", "mon", "year")


def datetimes(values: Any, unit: str) -> tuple[Any, Any, str]:
    """Seconds as counts, where they are missing, and their unit."""
    mask = np.isnan(values)
    if not values.size:
        return np.zeros(0, np.int64), mask, unit
    return _with(seconds.datetime_counts(values, mask, unit), mask)


def dates(values: Any) -> tuple[Any, Any, str]:
    """Days as counts, where they are missing, and ``""``; the unit where they are not whole."""
    mask = np.isnan(values)
    if not values.size:
        return np.zeros(0, np.int32), mask, ""
    return _with(seconds.date_counts(values, mask), mask)


def durations(values: Any, units: str, note: str) -> tuple[Any, Any, str]:
    """The numbers of a difftime as counts, where they are missing, and their unit."""
    own = seconds.R_UNITS.get(units)
    if own is None:
        raise ConversionError(f"a difftime has the unit {units!r}; R knows {', '.join(seconds.R_UNITS)}")
    mask = np.isnan(values)
    if not values.size:
        return np.zeros(0, np.int64), mask, note or ("us" if own == "s" else own)
    return _with(seconds.duration_counts(values, mask, own, note), mask)


def _with(found: tuple[Any, str], mask: Any) -> tuple[Any, Any, str]:
    return found[0], mask, found[1]


def from_parts(node: RObject) -> RObject:
    """A POSIXlt as a POSIXct, as R's ``as.POSIXct`` does; only in UTC, as other zones need R's tables."""
    named = node.texts("names") or []
    parts = {name: each for name, each in zip(named, node.value, strict=False) if name}
    zones = node.texts("tzone") or []
    zone = next((each for each in zones if each), "")
    if any(name not in parts for name in _PARTS) or (zone and zone not in ("UTC", "GMT")):
        raise ConversionError(
            f"a POSIXlt in the zone {zone or 'of the machine'!r} needs R's own calendar; save as.POSIXct(x)"
        )
    offsets = parts.get("gmtoff")
    if not zone and (offsets is None or any(each != 0 for each in offsets.value)):
        raise ConversionError(
            "a POSIXlt in the zone of the machine needs R's own calendar; save as.POSIXct(x)"
        )
    n = max(len(parts[name].value) for name in _PARTS)
    found = np.full(n, np.nan)
    for k in range(n):
        numbers = [parts[name].value[k % len(parts[name].value)] for name in _PARTS]
        if any(number == NA_INT or number != number for number in numbers):
            continue
        second, minute, hour, day, month, year = (float(number) for number in numbers)
        days = calendar.timegm((int(year) + 1900, int(month) + 1, int(day), 0, 0, 0))
        found[k] = days + hour * 3600 + minute * 60 + second
    attributes = {"class": RObject(r.STR, ["POSIXct", "POSIXt"]), "tzone": RObject(r.STR, [zone or "UTC"])}
    return RObject(r.REAL, found, attributes)
