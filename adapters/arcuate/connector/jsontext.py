"""JSON as text, read and written without losing anything: for every connector whose system speaks it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from arcuate.errors import ConversionError

__all__ = ["BadJSON", "dumps", "loads", "within"]


class BadJSON(ValueError):
    """A text is no JSON, or cannot be read without loss; says which, after the name of the text.

    Attributes:
        syntax: whether it is no JSON at all.
    """

    def __init__(self, message: str, syntax: bool = False) -> None:
        super().__init__(message)
        self.syntax = syntax


class _Lossy(ValueError):
    """A key is there twice, or a number is too large."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise _Lossy(f"the key {twice!r} is there twice in one object")
    return found


def _float(text: str) -> float:
    found = float(text)
    if found - found != 0.0:
        raise _Lossy(f"the number {text[:40]} is larger than a float can be")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_float=_float)


def loads(data: str | bytes) -> Any:
    """The value of a text; bytes are UTF-8.

    Raises:
        BadJSON: it is no JSON, a key of an object is there twice, a number is larger than a float can be or
            has more digits than Python reads, or it is nested too deeply.
    """
    if isinstance(data, bytes):
        try:
            data = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadJSON(f"is no JSON: byte {error.start} is not UTF-8") from None
    try:
        return _DECODER.decode(data)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadJSON(f"is no JSON: {error.msg} at {place}", syntax=True) from None
    except _Lossy as error:
        raise BadJSON(f"cannot be read without loss: {error}") from None
    except RecursionError:
        raise BadJSON("is JSON that is nested too deeply") from None
    except ValueError:  # Python's limit, which sys.set_int_max_str_digits() sets
        raise BadJSON("cannot be read: a whole number has more digits than Python reads") from None


def dumps(data: Any, what: str = "data") -> str:
    """A value as text.

    Raises:
        ConversionError: it is no JSON.
    """
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_native)
        text.encode()
    except UnicodeEncodeError:
        raise ConversionError(f"{what} has half a surrogate pair in a text, which is no Unicode") from None
    except (TypeError, ValueError, RecursionError) as error:
        said = str(error)
        if "Out of range float" in said:
            said = "JSON has no NaN and no infinity; pass None, or text, as the system wants it"
        raise ConversionError(f"{what} cannot be sent as JSON: {said}") from None
    return text


def _native(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's; anything else is no JSON."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(
        f"a {type(value).__name__} is no JSON; pass text, numbers, booleans, None, lists and mappings"
    )


def within(value: Any, path: str | Sequence[str]) -> Any:
    """What is at a dotted path of nested mappings; ``None`` if it is not there."""
    for part in (path.split(".") if isinstance(path, str) else path) if path else ():
        if not isinstance(value, Mapping):
            return None
        value = value.get(part)
    return value
