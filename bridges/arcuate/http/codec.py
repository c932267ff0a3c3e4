"""Messages of the bus as JSON objects, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from arcuate.client import messages
from arcuate.errors import ArcuateError, ConversionError, InvalidArgument, LimitExceeded, to_mapping
from arcuate.jsonform import FunctionReference, HandleReference, arrange, plain, restore
from arcuate.values import codes
from arcuate.values.encode import encode_into
from arcuate.values.nodes import Nodes, step
from arcuate.values.options import DecodeOptions, EncodeOptions

__all__ = ["JSON_BYTES", "dumps", "from_json", "loads", "to_json"]

JSON_BYTES = 64 << 20
"""Bytes of one JSON body: as Python objects they take many times as much."""


def _function(value: Any) -> tuple[str, Mapping[str, Any] | None]:
    if isinstance(value, FunctionReference):
        return value.name, value.info
    raise ConversionError(f"JSON cannot hold a function {value!r}")


def _handle(value: Any) -> tuple[str, Mapping[str, Any]] | None:
    return (value.name, {}) if isinstance(value, HandleReference) else None


_READ = DecodeOptions(function=FunctionReference, handle=HandleReference)
_OPTIONS = {
    vectors: EncodeOptions(
        vectors=vectors, order="F" if vectors else "any", function=_function, handle=_handle
    )
    for vectors in (False, True)
}


def loads(data: bytes | bytearray | memoryview, limit: int = JSON_BYTES) -> Any:
    """The JSON text of a body.

    Raises:
        InvalidArgument: it is no JSON.
        LimitExceeded: it is longer than JSON may be.
    """
    if len(data) > limit:
        raise LimitExceeded(
            f"a JSON body of {len(data):,} bytes exceeds the limit of {limit:,}; send large arrays as frames "
            "(application/vnd.arcuate.frames)",
            setting="message",
        )
    try:
        return json.loads(bytes(data).decode(), parse_constant=_no_constant, object_pairs_hook=_pairs)
    except RecursionError:
        raise InvalidArgument("the body is no JSON that can be read: it nests too deep") from None
    except ValueError as error:  # no UTF-8, no JSON, a number of too many digits
        raise InvalidArgument(f"the body is no JSON: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f'{name} is no JSON; write {{"$float": "{name.lower()}"}}')


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def dumps(value: Any) -> bytes:
    """Plain JSON as bytes."""
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def from_json(op: str, number: int, fields: Mapping[str, Any], *, language: str = "") -> Nodes:
    """A message of JSON fields.

    Args:
        op: what it asks.
        number: its id.
        fields: the other fields, in the lossless JSON form.
        language: of the environment; where it has matrices, rows of equal length become one.

    Raises:
        ConversionError: a value is not what the lossless form allows; the message ends with its path.
    """
    vectors = language not in ("", "python")
    floats = language in ("octave", "matlab")
    options = _OPTIONS[vectors]
    nodes = messages.build(op, number, None, len(fields))

    def put(key: str, value: Any, path: str, arranged: bool) -> None:
        try:
            found = restore(value)
            encode_into(arrange(found, floats=floats) if arranged and vectors else found, nodes, key, options)
        except ConversionError as error:
            error.prepend(path)
            raise
        except (OverflowError, RecursionError) as error:
            raise ConversionError(f"the value cannot travel: {error}", path=path) from None

    for key, value in fields.items():
        if key == "args" and isinstance(value, list):
            nodes.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, len(value), 0, "args", ""))
            for index, item in enumerate(value):
                put("", item, f"$.args[{index}]", True)
        elif key == "named" and isinstance(value, dict):
            nodes.rows.append((codes.MAPPING, 0, 0, 0, len(value), 0, "named", ""))
            for name, item in value.items():
                put(name, item, f"$.named{step(name)}", True)
        else:
            put(key, value, f"${step(key)}", key == "value")
    return nodes


def to_json(message: Nodes) -> dict[str, Any]:
    """A message as a JSON object. What JSON cannot hold becomes an ``error``."""
    try:
        return {key: plain(value) for key, value in messages.fields(message, _READ).items()}
    except ArcuateError as error:
        op, number = messages.head(message)
        said: dict[str, Any] = {"op": "error" if op == "reply" else op, "id": number}
        executed = "yes" if op == "reply" else "maybe"
        return said | {key: plain(item) for key, item in to_mapping(error).items()} | {"executed": executed}
