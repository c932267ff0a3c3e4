"""Blocks as bytes and back: the one codec of all systems that carry bytes.

What we publish is one frame of the value, as ZeroMQ and HTTP carry it; what is known of the block (timestamp,
rate, channels) goes into the header ``arcuate-block``, or into a second frame where a system has no headers.
What others publish is read as the setting ``format`` says.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from arcuate.connector import DataError
from arcuate.errors import ArcuateError, ConversionError
from arcuate.streaming.block import TIMESTAMP, Block, Settle, labels_of
from arcuate.values import decode, encode, frames
from arcuate.values.limits import Limits

__all__ = ["Codec", "Format"]

Format = Literal["auto", "frame", "json", "text", "bytes", "arrow"]
CONTENT = "content-type"
BLOCK = "arcuate-block"
TYPES: dict[str, str] = {
    "frame": "application/vnd.arcuate.frames",
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "bytes": "application/octet-stream",
    "arrow": "application/vnd.apache.arrow.stream",
}
"""Format: what the header ``content-type`` says."""
_FORMATS = {kind.partition(";")[0]: name for name, kind in TYPES.items()}
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_KNOWN = ("timestamp", "arrived", "sampling_rate", "channels", "headers")


class Codec:
    """Turns blocks into bytes and headers, and back.

    Args:
        format: how values are written and read. ``auto`` writes bytes as they are and everything else as a
            frame; it reads what the header ``content-type`` says, else a frame by its first bytes, else JSON
            if the whole is exactly one JSON text, else bytes.
        headers: whether the system carries headers.
        limit: bytes of one payload.
        service: the connector's name, for errors.
    """

    def __init__(
        self,
        format: Format = "auto",  # noqa: A002  (the setting's name)
        *,
        headers: bool = True,
        limit: int = 64 << 20,
        service: str = "",
    ) -> None:
        self.format = format
        self.headers = headers
        self.limit = limit
        self.service = service
        self._limits = Limits(message=limit, array=limit, nodes=min(20_000_000, limit), text=limit)

    # --- To bytes

    def encode(self, block: Block) -> tuple[bytes, dict[str, str]]:
        """The payload of a block, and its headers (none where the system has none).

        Raises:
            ConversionError: the value has no such form; says which format would do.
        """
        data, known = block.data, self._known(block)
        if not self.headers and block.headers:
            known["headers"] = dict(block.headers)
        kind: str = self.format
        if kind == "auto":
            if type(data) is bytes and not known and _read_auto(data) is data:
                return data, dict(block.headers)  # read as the same bytes without being told
            kind = "bytes" if type(data) is bytes and self.headers else "frame"
        payload = _WRITE[kind](data)
        if not self.headers:
            if known and kind == "frame":
                payload += frames.to_bytes(encode(known), checksum=False)
            return payload, {}
        headers = {**block.headers, CONTENT: TYPES[kind]}
        headers.pop(BLOCK, None)
        if known:
            headers[BLOCK] = json.dumps(known)
        return payload, headers

    @staticmethod
    def _known(block: Block) -> dict[str, Any]:
        """What is known of a block that the labels of its data do not say."""
        found: dict[str, Any] = {}
        for name in ("timestamp", "sampling_rate"):
            value = getattr(block, name)
            if value is not None:
                found[name] = _number(value, name)
        if block.arrived:
            found["arrived"] = True
        if block.channels:
            found["channels"] = list(map(str, block.channels))
        if not found:
            return found
        labels = labels_of(block.data)
        return {name: value for name, value in found.items() if getattr(block, name) != labels.get(name)}

    def plain(self, data: Any) -> bool:
        """Whether a value is published as the bytes that it is, without headers."""
        return type(data) is bytes and self.format == "auto" and _read_auto(data) is data

    # --- From bytes

    def decode(
        self,
        payload: bytes,
        headers: Mapping[str, str] | None = None,
        *,
        topic: str = "",
        sequence: int | None = None,
        id: str = "",  # noqa: A002  (the field's name)
        timestamp: float | None = None,
        settle: Settle | None = None,
        received: float | None = None,
    ) -> Block:
        """The block of a payload.

        Args:
            payload: the bytes.
            headers: of the message; names are found in any case.
            topic: where it was published.
            sequence: the system's number.
            id: the system's identifier.
            timestamp: the system's time, for what says none itself.
            settle: how the system is told that it is dealt with.
            received: when it came, by :func:`time.perf_counter`; left out, now.

        Raises:
            DataError: the bytes are not what the format says, or more than the limit.
        """
        if len(payload) > self.limit:
            raise self._bad(topic, f"has {len(payload):,} bytes, more than {self.limit:,} (setting 'limit')")
        if not headers and self.format == "auto" and payload[:4] != frames.MAGIC:
            now = time.perf_counter() if received is None else received
            data = _read_auto(payload)
            arrived = timestamp is not None
            return Block(
                data, sequence, timestamp, None, (), topic, id, _NO_HEADERS, settle, now, False, arrived
            )
        given = {name.lower(): text for name, text in headers.items()} if headers else {}
        try:
            data, known = self._value(payload, given.pop(CONTENT, ""))
            if BLOCK in given:
                known = json.loads(given.pop(BLOCK))
            found = _checked(known) if known is not None else {}
        except (DataError, RecursionError, ValueError, ArcuateError) as error:
            raise self._bad(topic, f"cannot be read: {str(error) or type(error).__name__}") from error
        given.update(found.pop("headers", {}))
        block = {**labels_of(data), **found}
        if TIMESTAMP not in block:
            block.update(timestamp=timestamp, arrived=timestamp is not None)
        if received is not None:
            block["received"] = received
        return Block(data, sequence=sequence, topic=topic, id=id, headers=given, settle=settle, **block)

    def _value(self, payload: bytes, content: str) -> tuple[Any, Any]:
        """The value, and what a second frame says of its block."""
        kind: str = self.format
        if kind == "auto":
            kind = _FORMATS.get(content.partition(";")[0].strip().lower(), "auto")
        if kind == "auto" and payload[:4] == frames.MAGIC:
            kind = "frame"
        if kind == "frame":
            return self._framed(payload)
        if kind == "auto":
            return _read_auto(payload), None
        if kind in ("text", "json"):
            payload = _as_utf8(payload, content)
        return _READ[kind](payload), None

    def _framed(self, payload: bytes) -> tuple[Any, Any]:
        if len(payload) < frames.HEADER_SIZE:
            raise ValueError(f"a frame has {frames.HEADER_SIZE} bytes or more, this are {len(payload)}")
        size = frames.frame_size(payload, self._limits)
        if size == len(payload):
            return decode(frames.load(payload, limits=self._limits)), None
        view = memoryview(payload)
        value = decode(frames.load(view[:size], limits=self._limits))
        known = decode(frames.load(view[size:], limits=self._limits))
        if not isinstance(known, Mapping):
            raise ValueError("the second frame is no mapping")
        return value, dict(known)

    def _bad(self, topic: str, what: str) -> DataError:
        where = f" of {topic!r}" if topic else ""
        return DataError(f"{self.service or 'a stream'}: a message{where} {what}", service=self.service)


def _number(value: Any, name: str) -> float:
    """What is written of a block must be what a reader takes."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ConversionError(f"the {name} of a block is a finite number; got {value!r}")
    return found


def _checked(known: Any) -> dict[str, Any]:
    """What a publisher says of its block."""
    if not isinstance(known, Mapping):
        raise ValueError(f"what it says of its block is a {type(known).__name__}, not a mapping")
    found = {name: known[name] for name in _KNOWN if known.get(name) is not None}
    for name in ("timestamp", "sampling_rate"):
        value = found.get(name, 0.0)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
            raise ValueError(f"its {name} is no number: {value!r}")
    if not isinstance(found.get("arrived", False), bool):
        raise ValueError(f"its 'arrived' is no truth value: {found['arrived']!r}")
    if "channels" in found:
        names = found["channels"]
        names = names.tolist() if hasattr(names, "tolist") else names
        if not isinstance(names, (list, tuple)) or not all(isinstance(one, str) for one in names):
            raise ValueError(f"its channels are no texts: {names!r}")
        found["channels"] = tuple(names)
    headers = found.get("headers", {})
    if not isinstance(headers, Mapping) or not all(isinstance(one, str) for one in headers.values()):
        raise ValueError(f"its headers are no texts by name: {headers!r}")
    return found


# --- The formats


def _as_utf8(payload: bytes, content: str) -> bytes:
    """A text in the character set that ``content-type`` names."""
    for part in content.split(";")[1:]:
        name, _, value = part.partition("=")
        charset = value.strip().strip('"').lower()
        if name.strip().lower() != "charset" or charset in ("", "utf-8", "utf8"):
            continue
        try:
            return payload.decode(charset).encode()
        except LookupError:
            raise ValueError(f"it is in {charset!r}, a character set that Python has not") from None
    return payload


def _frame(value: Any) -> bytes:
    return frames.to_bytes(encode(value))


def _to_json(value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise ConversionError(
            f"a {type(value).__name__} cannot be written as JSON ({error}); use format='frame'"
        ) from None


def _to_text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise ConversionError(f"format='text' carries texts; got a {type(value).__name__}")
    return value.encode()


def _to_bytes(value: Any) -> bytes:
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise ConversionError(
            f"format='bytes' carries bytes; got a {type(value).__name__}; use format='frame' or 'auto'"
        )
    return bytes(value)


def _to_arrow(value: Any) -> bytes:
    pa = _arrow()
    try:
        table = value if isinstance(value, (pa.Table, pa.RecordBatch)) else pa.Table.from_pandas(value)
    except (AttributeError, TypeError, pa.ArrowException) as error:
        raise ConversionError(
            f"format='arrow' carries tables of Arrow or pandas; got a {type(value).__name__} ({error})"
        ) from None
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write(table)
    return bytes(sink.getvalue())


def _arrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ModuleNotFoundError:
        raise ConversionError("format='arrow' needs a package; type: pip install 'arcuate[arrow]'") from None
    return pyarrow


def _from_arrow(payload: bytes) -> Any:
    pa = _arrow()
    try:
        return pa.ipc.open_stream(payload).read_all()
    except pa.ArrowException as error:
        raise ValueError(f"it is no Arrow stream ({error})") from None


def _from_json(payload: bytes) -> Any:
    """One JSON text in UTF-8, with no key twice and no number that a float cannot hold."""
    return json.loads(
        payload.decode("utf-8"), object_pairs_hook=_once, parse_float=_float, parse_constant=_constant
    )


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has a key twice")
    return found


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {text} is larger than a float can be")
    return value


def _constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _read_auto(payload: bytes) -> Any:
    """JSON if it is exactly that, else the bytes."""
    if payload[:4] == frames.MAGIC:
        return None  # asked by a writer: as bytes this would be taken for a frame
    if not payload or payload[0] not in b'{["0123456789-tfn \t\r\n':
        return payload
    try:
        return _from_json(payload)
    except (ValueError, RecursionError):
        return payload


_WRITE = {"frame": _frame, "json": _to_json, "text": _to_text, "bytes": _to_bytes, "arrow": _to_arrow}
_READ = {
    "json": _from_json,
    "text": lambda payload: payload.decode("utf-8"),
    "bytes": lambda payload: payload,
    "arrow": _from_arrow,
}
