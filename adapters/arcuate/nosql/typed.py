"""Values as MongoDB's types, and back: what would be changed is refused."""

from __future__ import annotations

import datetime as dt
import decimal
import re
import uuid
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from bson import CodecOptions, Decimal128, ObjectId
from bson.binary import UuidRepresentation
from bson.codec_options import DatetimeConversion, TypeDecoder, TypeRegistry

from arcuate.errors import ConversionError

__all__ = ["CODEC", "document_of", "to_bson"]


class _Decimals(TypeDecoder):
    """A Decimal has all digits of a Decimal128, and its exponent."""

    bson_type = Decimal128

    def transform_bson(self, value: Any) -> Any:
        return value.to_decimal()


CODEC: CodecOptions[dict[str, Any]] = CodecOptions(
    document_class=dict,
    tz_aware=True,
    tzinfo=dt.timezone.utc,
    uuid_representation=UuidRepresentation.STANDARD,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    type_registry=TypeRegistry([_Decimals()]),
)
_AS_IS = frozenset({str, bytes, bool, float, type(None), ObjectId, uuid.UUID, re.Pattern})
_LIMIT = 2**63


def document_of(value: Any, what: str = "a document") -> dict[str, Any]:
    """A mapping as a document.

    Raises:
        ConversionError: something in it would be changed; says where.
    """
    if not isinstance(value, Mapping):
        raise ConversionError(f"{what} is a mapping of names to values; got {type(value).__name__}")
    found: dict[str, Any] = to_bson(value, what)
    return found


def to_bson(value: Any, place: str) -> Any:
    """A value as pymongo takes it, unchanged in what it says.

    Raises:
        ConversionError: MongoDB has no such value.
    """
    kind = type(value)
    if kind in _AS_IS:
        return _text(value, place) if kind is str else value
    if isinstance(value, Mapping):  # also bson's own: what they hold is looked at
        return {_name(name, place): to_bson(one, f"{place}.{name}") for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_bson(one, f"{place}[{i}]") for i, one in enumerate(value)]
    if kind.__module__.partition(".")[0] == "bson":
        return value
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, np.generic) and not isinstance(value, (np.datetime64, np.timedelta64)):
        if isinstance(value, (np.longdouble, np.complexfloating)):
            raise ConversionError(f"{place}: {kind.__name__} is no number of MongoDB's; there are doubles")
        return to_bson(value.item(), place)
    if isinstance(value, int):
        if not -_LIMIT <= value < _LIMIT:
            raise ConversionError(f"{place}: {value} does not fit into 64 bits; give str(x) or Decimal(x)")
        return int(value)
    if isinstance(value, dt.datetime):
        return _instant(value, place)
    if isinstance(value, decimal.Decimal):
        return _decimal(value, place)
    if isinstance(value, str):
        return _text("".join([value]), place)
    if isinstance(value, float):
        return float(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    raise ConversionError(f"{place}: {kind.__name__} is no value of MongoDB's; {_advice(value)}")


def _advice(value: Any) -> str:
    if isinstance(value, dt.date):
        return "give a datetime with a zone, or value.isoformat()"
    if isinstance(value, np.datetime64):
        return "give a datetime with a zone"
    if isinstance(value, np.ndarray):
        return "give value.tolist()"
    if hasattr(value, "dims") or isinstance(value, (pd.DataFrame, pd.Series)):
        return "insert(collection, table) writes tables; RedisStore keeps arrays whole"
    return "give what it holds as texts, numbers, lists and mappings"


def _name(name: Any, place: str) -> str:
    if not isinstance(name, str):
        raise ConversionError(f"{place}: a name is text; got {type(name).__name__} {name!r}")
    if "\0" in name:
        raise ConversionError(f"{place}: the name {name!r} holds a NUL, which MongoDB has not in names")
    return str(_text(name, place))


def _text(value: str, place: str) -> str:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ConversionError(f"{place} holds a lone surrogate, which UTF-8 has not") from None
    return value


def _instant(value: dt.datetime, place: str) -> dt.datetime:
    if value.utcoffset() is None:
        raise ConversionError(
            f"{place}: {value} has no zone and MongoDB keeps instants; give it one, such as "
            "value.replace(tzinfo=datetime.timezone.utc)"
        )
    if value.microsecond % 1000 or getattr(value, "nanosecond", 0):
        raise ConversionError(
            f"{place}: {value} is finer than MongoDB's milliseconds; round it, or give value.isoformat()"
        )
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def _decimal(value: decimal.Decimal, place: str) -> Decimal128:
    try:
        found = Decimal128(value)
        if value.is_nan() or found.to_decimal() == value:
            return found
    except (decimal.DecimalException, ValueError):
        pass
    raise ConversionError(
        f"{place}: {value} has more digits than the 34 of MongoDB's decimals, or too large an exponent; give "
        "str(x)"
    )
