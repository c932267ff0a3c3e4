"""JSON as people type it: ``.1``, ``1.``, ``+3``, ``NaN``, ``-Inf`` and ``NA`` are numbers too.

Everything that is JSON means what JSON says; integers keep every digit, a key given twice is an error.
"""

from __future__ import annotations

import json
import re
from typing import Any

from arcuate.values import NA

__all__ = ["Malformed", "parse"]

MAX_DEPTH = 64

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_INTEGER = re.compile(r"[+-]?\d+\Z")
_WORD = re.compile(r"[+-]?[A-Za-z]+(?![\w.])")
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\.)*"')
_WORDS: dict[str, Any] = {
    "true": True,
    "false": False,
    "null": None,
    "NA": NA,
    **{sign + name: float(sign + name) for sign in ("", "+", "-") for name in ("NaN", "Inf", "Infinity")},
}


class Malformed(ValueError):
    """The text is no JSON, not even as people type it. The message says where."""


def parse(text: str) -> Any:
    """The value of a JSON text.

    Args:
        text: JSON, where numbers may also be written ``.1``, ``1.``, ``+1``, ``NaN``, ``Inf`` and ``NA``.

    Returns:
        ``None``, bool, int, float, str, list, dict, or :data:`arcuate.values.NA`.

    Raises:
        Malformed: it is none; the message names the position.
    """
    value, end = _value(text, _skip(text, 0), 0)
    end = _skip(text, end)
    if end != len(text):
        raise _error(text, end, "the end")
    return value


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _error(text: str, at: int, wanted: str) -> Malformed:
    found = repr(text[at : at + 12]) if at < len(text) else "the end"
    return Malformed(f"expected {wanted} at character {at + 1}, found {found}")


def _value(text: str, at: int, depth: int) -> tuple[Any, int]:
    if depth > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH} levels")
    first = text[at : at + 1]
    if first == "[":
        return _array(text, at, depth)
    if first == "{":
        return _object(text, at, depth)
    if first == '"':
        return _string(text, at)
    number = _NUMBER.match(text, at)
    if number:
        literal = number.group()
        try:
            return (int(literal) if _INTEGER.match(literal) else float(literal)), number.end()
        except ValueError as error:  # more digits than Python converts
            raise Malformed(str(error)) from None
    word = _WORD.match(text, at)
    if word and word.group() in _WORDS:
        return _WORDS[word.group()], word.end()
    raise _error(text, at, "a value")


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    if not found:
        raise _error(text, at, 'a text in double quotes, "..."')
    try:
        return json.loads(found.group()), found.end()
    except ValueError as error:
        raise Malformed(f"the text at character {at + 1} is malformed: {error}") from None


def _array(text: str, at: int, depth: int) -> tuple[list[Any], int]:
    items: list[Any] = []
    at = _skip(text, at + 1)
    if text[at : at + 1] == "]":
        return items, at + 1
    while True:
        item, at = _value(text, at, depth + 1)
        items.append(item)
        at = _skip(text, at)
        mark = text[at : at + 1]
        if mark == "]":
            return items, at + 1
        if mark != ",":
            raise _error(text, at, "',' or ']'")
        at = _skip(text, at + 1)


def _object(text: str, at: int, depth: int) -> tuple[dict[str, Any], int]:
    items: dict[str, Any] = {}
    at = _skip(text, at + 1)
    if text[at : at + 1] == "}":
        return items, at + 1
    while True:
        key, end = _string(text, at)
        if key in items:
            raise Malformed(f"the key {key!r} is given twice")
        at = _skip(text, end)
        if text[at : at + 1] != ":":
            raise _error(text, at, "':'")
        items[key], at = _value(text, _skip(text, at + 1), depth + 1)
        at = _skip(text, at)
        mark = text[at : at + 1]
        if mark == "}":
            return items, at + 1
        if mark != ",":
            raise _error(text, at, "',' or '}'")
        at = _skip(text, at + 1)
