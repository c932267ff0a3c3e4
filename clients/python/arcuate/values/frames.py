"""Rows to frames and back: the byte layout of ``protos/frames.md``.

:func:`dump` returns the parts of a frame without copying buffers; :func:`load` returns rows whose buffers are
views into the frame.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from operator import concat
from typing import Any

from arcuate.errors import ConversionError, LimitExceeded, ProtocolError
from arcuate.values import codes
from arcuate.values.limits import Limits
from arcuate.values.nodes import Buffer, Nodes, Row

__all__ = ["HEADER_SIZE", "MAGIC", "MAJOR", "MINOR", "dump", "frame_size", "load", "to_bytes", "total_size"]

MAGIC = b"ARCU"
MAJOR, MINOR = 1, 0
HEADER_SIZE = 64
CHECKSUM = 1
_HEADER = struct.Struct("<4sHHQIIQQQIIQ")
_ALIGN = 64
_DEFAULT = Limits()
_ROW_BYTES = 8 + 3 * 4 + 4

Place = Callable[[int, Buffer], int]
"""Given a buffer and its number: 0 to keep it inline, or the number of the place where it was put."""


def dump(nodes: Nodes, *, place: Place | None = None, checksum: bool = True) -> list[memoryview]:
    """The frame of a value, as parts to be written one after the other.

    Args:
        nodes: the value.
        place: decides for each buffer whether it stays inline; see :data:`Place`.
        checksum: whether to compute the checksum of the tables.

    Raises:
        ConversionError: a key or text holds a NUL or a lone surrogate, or is 4 GiB or longer.
    """
    rows = nodes.rows
    buffers = nodes.buffers
    n, m, p = len(rows), len(buffers), len(nodes.pool)
    kinds, dtypes, flags, units, counts, values, keys, texts = zip(*rows, strict=True)
    sizes: list[int] = []
    places: list[int] = []
    if m:
        sizes = [len(buffer) if isinstance(buffer, bytes) else buffer.nbytes for buffer in buffers]
        places = [0] * m if place is None else [place(i, buffer) for i, buffer in enumerate(buffers)]
    small = not checksum and n <= _SMALL_NODES
    if small and m:
        small = sum(sizes) <= _SMALL_BYTES and not any(places) and set(map(type, buffers)) == _BYTES
    if small:
        shape = (kinds, dtypes, flags, units, counts, keys, texts, *nodes.pool, *sizes)
        known = _dumped.get(shape)
        if known is not None:
            begin, middle, gaps = known
            if not m:
                return [memoryview(begin + _VALUES[n].pack(*values) + middle)]
            data = b"".join(chain.from_iterable(zip(buffers, gaps, strict=True)))  # type: ignore[arg-type]
            return [memoryview(begin + _VALUES[n].pack(*values) + middle + data)]
    # Nearly all messages are ASCII: one encoding and one search for NUL serve the whole blob then.
    joined = "".join(map(concat, keys, texts))  # type: ignore[arg-type]
    if joined.isascii() and "\0" not in joined:
        blob = joined.encode()
        lengths = (*map(len, keys), *map(len, texts))
    else:
        blob, lengths = _encode_texts(rows, keys, texts)
    used = HEADER_SIZE + _ROW_BYTES * n + 8 * p + 16 * m + len(blob)
    head = (used + 63) & -64
    total = head
    if m:
        total += sum((size + 63) & -64 for size, loc in zip(sizes, places, strict=True) if not loc)
    front = _tables(n + p + 2 * m, n).pack(
        MAGIC, MAJOR, MINOR, total, n, m, p, len(blob), head, 0, 0, 0,
        *values, *nodes.pool, *sizes, *places, *counts, *lengths, *kinds, *dtypes, *flags, *units,
    )  # fmt: skip
    front += blob + bytes(head - used)
    if small and total <= _SMALL_BYTES:
        gaps = [bytes(-size % _ALIGN) for size in sizes]
        _remember(_dumped, shape, (front[:HEADER_SIZE], front[HEADER_SIZE + 8 * n :], gaps))
    if checksum:
        front = front[:48] + struct.pack("<II", CHECKSUM, 0) + front[56:]
        front = front[:52] + struct.pack("<I", _adler(memoryview(front))) + front[56:]
    parts = [memoryview(front)]
    for buffer, size, loc in zip(buffers, sizes, places, strict=True):
        if loc or not size:
            continue
        parts.append(_contiguous(buffer))
        if size % _ALIGN:
            parts.append(memoryview(bytes(_ALIGN - size % _ALIGN)))
    return parts


def to_bytes(nodes: Nodes, *, checksum: bool = True) -> bytes:
    """The frame of a value in one piece, every buffer inline."""
    return b"".join(dump(nodes, checksum=checksum))


def frame_size(header: bytes | bytearray | memoryview, limits: Limits = _DEFAULT) -> int:
    """The total size that a 64-byte header announces, checked.

    Raises:
        ProtocolError: it is no Arcuate frame, or one of another major version.
        LimitExceeded: the frame is larger than ``limits.message``.
    """
    fields = _HEADER.unpack_from(header)
    _check_header(fields, limits)
    return int(fields[3])


def total_size(header: bytes | bytearray | memoryview) -> int:
    """The total size that a header announces, unchecked: :func:`load` and :func:`frame_size` check it."""
    return int.from_bytes(header[8:16], "little")


def _check_header(fields: tuple[Any, ...], limits: Limits) -> None:
    magic, major, minor, total, n, m, p, t, head, _, _, _ = fields
    if magic != MAGIC:
        raise ProtocolError(f"this is no Arcuate frame: it begins with {bytes(magic)!r}, not {MAGIC!r}")
    if major != MAJOR:
        raise ProtocolError(
            f"the other side speaks frames {major}.{minor}, this side {MAJOR}.{MINOR}; "
            f"install the same major version of Arcuate on both"
        )
    if total > limits.message:
        raise LimitExceeded(
            f"a frame of {total:,} bytes exceeds the limit of {limits.message:,} bytes; raise the setting "
            "'message'",
            setting="message",
        )
    if n > limits.nodes:
        raise LimitExceeded(
            f"a message of {n:,} values exceeds the limit of {limits.nodes:,}; raise the setting 'nodes'",
            setting="nodes",
        )
    if t > limits.text:
        raise LimitExceeded(
            f"a message with {t:,} bytes of text exceeds the limit of {limits.text:,}; raise the setting "
            "'text'",
            setting="text",
        )
    used = HEADER_SIZE + _ROW_BYTES * n + 8 * p + 16 * m + t
    if n < 1 or head != -(-used // _ALIGN) * _ALIGN or head > total or total % _ALIGN:
        raise ProtocolError(
            f"malformed frame: {n} nodes, {m} buffers, {p} pool numbers and {t} bytes of text do not add "
            "up to "
            f"a head of {head} in a total of {total} bytes"
        )


def load(
    data: bytes | bytearray | memoryview,
    *,
    limits: Limits = _DEFAULT,
    external: Callable[[int, int], Buffer] | None = None,
) -> Nodes:
    """The value in a frame. Buffers are views into ``data``.

    Args:
        data: one whole frame.
        limits: what is accepted.
        external: given (place, length), returns a buffer that lies outside the frame.

    Raises:
        ProtocolError: the frame is malformed.
        LimitExceeded: it is larger than the limits allow.
    """
    rows: list[Row]
    small = data.__class__ is bytes and len(data) <= _SMALL_BYTES
    if small:
        at = HEADER_SIZE + 8 * int.from_bytes(data[16:20], "little")
        frame = (data[:HEADER_SIZE], data[at : int.from_bytes(data[40:48], "little")])
        known = _loaded.get(frame)
        if known is not None and len(data) == known[0] <= min(limits.message, limits.array):
            _, n, kinds, dtypes, flags, units, counts, keys, texts, pool, parts = known
            if n <= limits.nodes:
                values = _VALUES[n].unpack_from(data, HEADER_SIZE)
                rows = list(zip(kinds, dtypes, flags, units, counts, values, keys, texts, strict=True))
                if not parts:
                    return Nodes(rows, pool.copy())
                view = memoryview(data)
                return Nodes(rows, pool.copy(), [view[start:end] for start, end in parts])
    view = data if isinstance(data, memoryview) and data.format == "B" else memoryview(data).cast("B")
    if len(view) < HEADER_SIZE:
        raise ProtocolError(f"malformed frame: {len(view)} bytes, a header alone has {HEADER_SIZE}")
    header = _HEADER.unpack_from(view)
    _check_header(header, limits)
    _, _, _, total, n, m, p, t, head, bits, checksum, _ = header
    if len(view) != total:
        raise ProtocolError(f"malformed frame: {total} bytes announced, {len(view)} received")
    if bits & CHECKSUM and _adler(view[:head]) != checksum:
        raise ProtocolError("malformed frame: the checksum of its tables is wrong; it was damaged on the way")
    w = n + p + 2 * m
    fields = _tables(w, n).unpack_from(view)
    wide, narrow, bytewise = fields[12 : 12 + w], fields[12 + w : 12 + w + 3 * n], fields[12 + w + 3 * n :]
    offset = HEADER_SIZE + 8 * w + 16 * n
    keys, texts = _split(bytes(view[offset : offset + t]), narrow, n)
    columns = (bytewise[:n], bytewise[n : 2 * n], bytewise[2 * n : 3 * n], bytewise[3 * n :], narrow[:n])
    rows = list(zip(*columns, wide[:n], keys, texts, strict=True))
    if not m:
        if head != total:
            raise ProtocolError(f"malformed frame: {total - head} bytes are left over")
        pool = list(wide[n:])
        if small and not bits & CHECKSUM and n <= _SMALL_NODES:
            _remember(_loaded, frame, (total, n, *columns, keys, texts, pool, ()))
            pool = pool.copy()
        return Nodes(rows, pool)
    buffers: list[Buffer] = []
    spans: list[tuple[int, int]] = []
    at = head
    for length, loc in zip(wide[n + p : n + p + m], wide[n + p + m :], strict=True):
        if length > limits.array:
            raise LimitExceeded(
                f"an array of {length:,} bytes exceeds the limit of {limits.array:,} bytes; raise the "
                "setting 'array'",
                setting="array",
            )
        if loc:
            if external is None:
                raise ProtocolError(
                    f"malformed frame: a buffer lies at place {loc}, but this transport has no places"
                )
            buffers.append(external(loc, length))
            continue
        if at + length > total:
            raise ProtocolError(f"malformed frame: a buffer of {length} bytes at {at} ends beyond {total}")
        buffers.append(view[at : at + length])
        spans.append((at, at + length))
        at += -(-length // _ALIGN) * _ALIGN
    if at != total:
        raise ProtocolError(f"malformed frame: {total - at} bytes are left over")
    pool = list(wide[n : n + p])
    if small and not bits & CHECKSUM and n <= _SMALL_NODES and len(spans) == m:
        _remember(_loaded, frame, (total, n, *columns, keys, texts, pool.copy(), spans))
    return Nodes(rows, pool, buffers)


# Small messages repeat: all that changes between two calls of a function are the values. What was packed or
# checked once for a frame of the same bytes, apart from its value column and its buffers, is taken from here
# the next time.
_SMALL_NODES = 40
_SMALL_BYTES = 2048
_KNOWN = 1024
_VALUES = [struct.Struct(f"<{n}Q") for n in range(_SMALL_NODES + 1)]
_BYTES = {bytes}
_dumped: dict[Any, tuple[bytes, bytes, list[bytes]]] = {}
_loaded: dict[Any, Any] = {}


def _remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    if len(known) >= _KNOWN:
        known.clear()
    known[key] = value


@lru_cache(maxsize=512)
def _tables(wide: int, n: int) -> struct.Struct:
    """The header and all tables in one format."""
    return struct.Struct(f"<4sHHQIIQQQIIQ{wide}Q{3 * n}I{4 * n}B")


def _split(blob: bytes, narrow: Sequence[int], n: int) -> tuple[list[str], list[str]]:
    keys: list[str] = []
    texts: list[str] = []
    at = 0
    try:
        whole: str | None = blob.decode("ascii") if blob.isascii() else None
        for klen, tlen in zip(narrow[n : 2 * n], narrow[2 * n :], strict=True):
            middle = at + klen
            end = middle + tlen
            if whole is not None:
                keys.append(whole[at:middle])
                texts.append(whole[middle:end])
            else:
                keys.append(blob[at:middle].decode())
                texts.append(blob[middle:end].decode())
            at = end
    except UnicodeDecodeError as error:
        raise ProtocolError(f"malformed frame: a text is not UTF-8 ({error.reason})") from None
    if at != len(blob):
        raise ProtocolError(f"malformed frame: {len(blob)} bytes of text, but the nodes use {at}")
    return keys, texts


def _encode_texts(
    rows: list[Row], keys: Sequence[str], texts: Sequence[str]
) -> tuple[bytes, tuple[int, ...]]:
    try:
        key_bytes = [key.encode() for key in keys]
        text_bytes = [text.encode() for text in texts]
    except UnicodeEncodeError:
        at = next(i for i, row in enumerate(rows) if _surrogate(row[6]) or _surrogate(row[7]))
        raise ConversionError(
            "a text holds a lone surrogate, which is no character and has no UTF-8 form; "
            "replace it, or send the bytes (text.encode(..., 'surrogateescape'))",
            path=_path(rows, at),
        ) from None
    for i, (key, text) in enumerate(zip(key_bytes, text_bytes, strict=True)):
        if b"\0" in key or (b"\0" in text and not rows[i][2] & codes.LIST_STRUCTS):
            raise ConversionError(
                "a text holds a NUL character, which R, Octave and C end a text with; remove it, or send "
                "bytes",
                path=_path(rows, i),
            )
        if len(text) >= 1 << 32 or len(key) >= 1 << 32:
            raise ConversionError(
                "a text of 4 GiB or more cannot travel; send it in parts", path=_path(rows, i)
            )
    return b"".join([key + text for key, text in zip(key_bytes, text_bytes, strict=True)]), (
        *map(len, key_bytes),
        *map(len, text_bytes),
    )


def _surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _path(rows: list[Row], at: int) -> str:
    """The path of a row, reconstructed from the counts."""
    steps: list[tuple[int, int, str]] = []  # children left, next index, own step
    for i, (kind, _, _, _, count, _, key, _) in enumerate(rows):
        own = ""
        if steps:
            left, index, above = steps[-1]
            own = above + (f"[{index}]" if not key else f".{key}" if key.isidentifier() else f"[{key!r}]")
            steps[-1] = (left - 1, index + 1, above)
        if i == at:
            return "$" + own
        if kind not in (codes.ARRAY,) and count:
            steps.append((count, 0, own))
        while steps and not steps[-1][0]:
            steps.pop()
    return "$"


def _contiguous(buffer: Buffer) -> memoryview:
    if isinstance(buffer, (bytes, memoryview)):
        return memoryview(buffer)
    target = memoryview(bytearray(buffer.nbytes))
    buffer.copy_into(target)
    return target


def _adler(front: memoryview) -> int:
    return zlib.adler32(front[56:], zlib.adler32(front[:52]))
