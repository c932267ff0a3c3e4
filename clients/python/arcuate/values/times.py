"""Dates, times, durations and zones: Python's own classes to counts of units and back, losing no tick."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from arcuate.errors import ConversionError
from arcuate.values import codes
from arcuate.values.types import Day, Duration, Instant

__all__ = ["count_of", "microseconds", "parse_zone", "to_date", "to_datetime", "to_timedelta", "zone_name"]

_EPOCH = dt.datetime(1970, 1, 1)
_EPOCH_UTC = dt.datetime(1970, 1, 1, tzinfo=dt.timezone.utc)
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_OFFSET = re.compile(r"([+-])(\d\d):(\d\d)(?::(\d\d))?\Z")

_US = codes.UNIT_CODES["us"]
_COARSER = {codes.UNIT_CODES["ms"]: 10**3, codes.UNIT_CODES["s"]: 10**6}
"""Microseconds in each."""
_LONGEST = (1 << 63) - 1


def zone_name(zone: dt.tzinfo) -> str:
    """The name that a zone travels under: an IANA name, ``"UTC"``, or an offset such as ``"+02:00"``."""
    if isinstance(zone, dt.timezone):
        if zone is dt.timezone.utc:
            return "UTC"
        offset = zone.utcoffset(None)
        seconds = offset.days * 86400 + offset.seconds
        if offset.microseconds:
            raise ConversionError(
                f"the zone {zone} has an offset with a fraction of a second; round it to seconds"
            )
        if not seconds:
            return "UTC"
        sign, seconds = ("-", -seconds) if seconds < 0 else ("+", seconds)
        text = f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}"
        return text if not seconds % 60 else f"{text}:{seconds % 60:02}"
    for attribute in ("key", "zone"):  # zoneinfo, pytz
        name = getattr(zone, attribute, None)
        if isinstance(name, str) and name:
            return name
    if type(zone).__name__ == "tzutc":
        return "UTC"
    if type(zone).__name__ == "_FixedOffset":  # pytz
        fixed = zone.utcoffset(None)
        if fixed is not None:
            return zone_name(dt.timezone(fixed))
    raise ConversionError(
        f"the zone {zone!r} has no IANA name; use zoneinfo.ZoneInfo('Europe/Berlin'), datetime.timezone.utc "
        f"or a fixed "
        f"datetime.timezone"
    )


def parse_zone(name: str) -> dt.tzinfo:
    """The zone of a name."""
    if name == "UTC":
        return dt.timezone.utc
    match = _OFFSET.match(name)
    if match:
        sign, hours, minutes, seconds = match.groups()
        offset = dt.timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
        if offset >= dt.timedelta(hours=24):
            raise ConversionError(f"the zone {name!r} is no offset; offsets lie between -23:59 and +23:59")
        return dt.timezone(-offset if sign == "-" else offset)
    import zoneinfo

    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ConversionError(
            f"the zone {name!r} is not known here; allowed are IANA names, 'UTC' and offsets such as "
            f"'+02:00'. "
            f"Where the system has no zone data: pip install tzdata"
        ) from None


def count_of(moment: dt.datetime) -> tuple[int, str]:
    """Microseconds since 1970 and the zone's name of a datetime."""
    zone = moment.tzinfo
    if zone is None:
        return microseconds(moment - _EPOCH), ""
    name = zone_name(zone)
    return microseconds(moment - _EPOCH_UTC), name


def microseconds(span: dt.timedelta) -> int:
    """A timedelta as a whole number of microseconds."""
    return (span.days * 86400 + span.seconds) * 1_000_000 + span.microseconds


def to_datetime(count: int, unit: int, zone: str) -> Any:
    """A datetime, which counts microseconds; an :class:`Instant` of another unit and beyond its years."""
    if unit == _US:
        tz = parse_zone(zone) if zone else None
        try:
            if tz is None:
                return _EPOCH + dt.timedelta(microseconds=count)
            return (_EPOCH_UTC + dt.timedelta(microseconds=count)).astimezone(tz)
        except OverflowError:
            pass
    return Instant(count, codes.UNIT_NAMES[unit], zone)


def to_timedelta(count: int, unit: int) -> Any:
    """A timedelta, which counts microseconds; a :class:`Duration` of any other unit.

    A timedelta too long for 64 bits of microseconds travels in a coarser unit, and comes back from it.
    """
    if unit == _US or (unit in _COARSER and abs(count) > _LONGEST // _COARSER[unit]):
        try:
            return dt.timedelta(microseconds=count * _COARSER.get(unit, 1))
        except OverflowError:
            pass
    return Duration(count, codes.UNIT_NAMES[unit])


def to_date(days: int) -> Any:
    """A date, or a :class:`Day` beyond the years 1 to 9999."""
    try:
        return dt.date.fromordinal(days + _EPOCH_DAY)
    except (ValueError, OverflowError):
        return Day(days)


def days_of(day: dt.date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - _EPOCH_DAY
