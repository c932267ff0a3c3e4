"""Values as the bytes that a store keeps, and back.

``frame``, the default, keeps every value exactly: as Arcuate's frame, whose first bytes mark it. Bytes are
kept as they are, unless they begin with that mark. The others are for programs that know no frames.
"""

from __future__ import annotations

import json
import math
from typing import Any, Literal, get_args

from arcuate.connector import DataError
from arcuate.errors import ArcuateError, ConversionError, InvalidArgument
from arcuate.values import decode, encode, frames

__all__ = ["LIMIT", "Encoding", "checked", "from_stored", "to_stored"]

Encoding = Literal["frame", "json", "text", "bytes"]
LIMIT = 512 << 20
"""Redis takes no longer value."""


def checked(encoding: Any) -> Encoding:
    """One of the encodings.

    Raises:
        InvalidArgument: it is none.
    """
    if encoding not in get_args(Encoding):
        raise InvalidArgument(f"an encoding is one of {', '.join(get_args(Encoding))}; got {encoding!r}")
    return encoding  # type: ignore[no-any-return]


def to_stored(value: Any, encoding: Encoding, place: str = "the value") -> bytes:
    """A value as bytes.

    Raises:
        ConversionError: the encoding cannot keep it exactly, or Redis cannot hold it.
    """
    data = _written(value, encoding, place)
    if len(data) > LIMIT:
        raise ConversionError(f"{place} has {len(data):,} bytes; Redis takes at most {LIMIT:,}: divide it")
    return data


def _written(value: Any, encoding: Encoding, place: str) -> bytes:
    if encoding == "frame":
        if isinstance(value, bytes) and not value.startswith(frames.MAGIC):
            return value
        return frames.to_bytes(encode(value))
    if encoding == "bytes":
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise ConversionError(f"{place} is {type(value).__name__}, no bytes; choose another encoding")
        return bytes(value)
    if encoding == "text":
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise ConversionError(
                f"{place} is {type(value).__name__}; as text are kept texts and integers (counters)"
            )
        text = str(value)
    else:
        text = _json(value, place)
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise ConversionError(f"{place} holds a lone surrogate, which UTF-8 has not") from None


def _json(value: Any, place: str) -> str:
    try:
        text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConversionError(f"{place} cannot be JSON: {error}") from None
    if not _same(value, json.loads(text)):
        raise ConversionError(
            f"{place} would come back from JSON as something else: keys are texts there, and there are no "
            "tuples; the encoding 'frame' keeps it"
        )
    return text


def _same(value: Any, back: Any) -> bool:
    if isinstance(value, dict):
        return value.keys() == back.keys() and all(_same(one, back[key]) for key, one in value.items())
    if isinstance(value, list):
        return len(value) == len(back) and all(map(_same, value, back))
    return type(value) is type(back) and bool(value == back)


def from_stored(data: bytes, encoding: Encoding, place: str = "the value", service: str = "") -> Any:
    """The value of these bytes.

    Raises:
        DataError: they are none of this encoding.
    """
    if encoding == "bytes" or (encoding == "frame" and not data.startswith(frames.MAGIC)):
        return data
    advice = "read it with encoding='bytes', or as whatever wrote it did"
    try:
        if encoding == "frame":
            return decode(frames.load(memoryview(data)))
        text = data.decode()
        return text if encoding == "text" else _FROM_JSON.decode(text)
    except (ArcuateError, ValueError, RecursionError) as error:
        said = "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise DataError(
            f"{service}: {place} is no value of the encoding {encoding!r}: {said}; {advice}", service=service
        ) from error


def _refused(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice in one object")
    return found


def _float(text: str) -> float:
    found = float(text)
    if math.isinf(found):
        raise ValueError(f"the number {text[:40]} is larger than a float can be")
    return found


_FROM_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_refused, parse_float=_float)
