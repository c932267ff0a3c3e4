"""Messages as the parts of a ZeroMQ message: the layout of ``protos/zeromq.md``.

A frame goes first and holds all small buffers; large ones follow as parts of their own, without a copy on
either side. A first part is never longer than :data:`FIRST`: a larger frame is announced by a part of 16
bytes. So a reader that has to say how much it wants to receive always can.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Sequence
from typing import Any

from arcuate.errors import LimitExceeded, ProtocolError
from arcuate.values import codes, frames
from arcuate.values.check import check
from arcuate.values.limits import Limits
from arcuate.values.nodes import Buffer, Nodes

__all__ = [
    "FIRST",
    "LENGTH_MAGIC",
    "PART",
    "PLACED",
    "Joined",
    "identify",
    "pack",
    "size_of_frame",
    "too_large",
    "unpack",
]

FIRST = 1 << 16
"""Bytes that a first part may have."""
PLACED = 1 << 16
"""Bytes from which on a buffer travels as a part of its own."""
PART = 1 << 27
"""Bytes of one part: the pieces of a larger buffer follow each other."""
LENGTH_MAGIC = b"ARCL"
_LENGTH = struct.Struct("<4sIQ")
_SMALL = 2048
"""Bytes of a frame that is remembered, see :func:`_small`."""
_MOST = 40
"""Nodes of one."""
_PLAIN = frozenset((codes.NULL, codes.BOOL, codes.INT, codes.FLOAT, codes.TEXT, codes.LIST, codes.MAPPING))

Part = bytes | memoryview
Elsewhere = Callable[[Buffer, int], int]
"""Given a buffer and its length, says where it is instead of in a part (2^63 and above), or 0."""
External = Callable[[int, int], Buffer]
"""Given such a place and a length, returns the buffer."""


class Joined:
    """A buffer that arrived in pieces; laid out where it is copied to."""

    __slots__ = ("_pieces", "nbytes")

    def __init__(self, pieces: Sequence[memoryview]) -> None:
        self._pieces = pieces
        self.nbytes = sum(len(piece) for piece in pieces)

    def copy_into(self, target: memoryview) -> None:
        """Writes all pieces one after the other."""
        at = 0
        for piece in self._pieces:
            target[at : at + len(piece)] = piece
            at += len(piece)


def pack(message: Nodes, elsewhere: Elsewhere | None = None) -> list[Part]:
    """The parts of a message. Those of :data:`PLACED` bytes and more are views of its buffers.

    Args:
        message: the message.
        elsewhere: offered each buffer of that size first.

    Raises:
        ConversionError: a text that has no form in a frame.
    """
    if not message.buffers:
        front = _sealed(frames.dump(message, checksum=False)[0])
        return [front] if len(front) <= FIRST else [_LENGTH.pack(LENGTH_MAGIC, 0, len(front)), front]
    placed: list[Part] = []
    number = 0

    def place(_: int, buffer: Buffer) -> int:
        nonlocal number
        size = len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
        if size < PLACED:
            return 0
        found = 0 if elsewhere is None else elsewhere(buffer, size)
        if found:
            return found
        number += 1
        view = _view(buffer)
        placed.extend(view[at : at + PART] for at in range(0, size, PART))
        return number

    inline = frames.dump(message, place=place, checksum=False)
    front = _sealed(inline[0]) if len(inline) == 1 else b"".join((_sealed(inline[0]), *inline[1:]))
    if len(front) > FIRST:
        return [_LENGTH.pack(LENGTH_MAGIC, 0, len(front)), front, *placed]
    return [front, *placed]


def size_of_frame(first: bytes) -> int | None:
    """The bytes of the frame that a first part announces; ``None`` when it is the frame itself."""
    if first[:4] == LENGTH_MAGIC and len(first) == _LENGTH.size:
        return int(_LENGTH.unpack(first)[2])
    return None


def unpack(
    frame: Part, placed: Sequence[memoryview], limits: Limits, elsewhere: External | None = None
) -> Nodes:
    """The message in a frame and the parts that followed it, checked. Its buffers are views of them.

    Args:
        frame: the frame.
        placed: the parts after it.
        limits: what is accepted.
        elsewhere: finds buffers that are said to be neither in the frame nor in a part.

    Raises:
        ProtocolError: they do not fit together, or hold what may not be.
        LimitExceeded: larger than the limits allow.
    """
    if len(frame) <= _SMALL and not placed:
        return _small(frame if isinstance(frame, bytes) else bytes(frame), limits, elsewhere)
    found = _whole(frame, placed, limits, elsewhere)
    check(found, limits)
    return found


def _whole(frame: Part, placed: Sequence[memoryview], limits: Limits, elsewhere: External | None) -> Nodes:
    at = count = 0

    def external(number: int, length: int) -> Buffer:
        nonlocal at, count
        if elsewhere is not None and number >> 63:
            return elsewhere(number, length)
        count += 1
        if number != count or at >= len(placed):
            raise ProtocolError(
                f"malformed message: a buffer is said to be number {number} of those in parts; it is "
                f"number {count}, and {len(placed) - at} parts are left"
            )
        at += 1
        if len(placed[at - 1]) == length:
            return placed[at - 1]
        begin, total = at - 1, len(placed[at - 1])
        while total < length and at < len(placed):
            total += len(placed[at])
            at += 1
        if total != length:
            raise ProtocolError(
                f"malformed message: a buffer of {length} bytes is announced, its parts have {total}"
            )
        return Joined(placed[begin:at])

    found = frames.load(frame, limits=limits, external=external)
    if at != len(placed):
        raise ProtocolError(f"malformed message: {len(placed) - at} parts are left over")
    return found


def identify(frame: Part) -> int:
    """The id of a message that is too large to be read, so that its refusal can name it; 0 if it has none."""
    try:
        n = int.from_bytes(frame[16:20], "little")
        value = int.from_bytes(frame[80:88], "little")
        return value if n >= 3 and 0 < value <= 1 << 53 else 0
    except (ValueError, IndexError):
        return 0


def _view(buffer: Buffer) -> memoryview:
    if isinstance(buffer, (bytes, memoryview)):
        view = memoryview(buffer)
        return view if view.format == "B" and view.ndim == 1 else view.cast("B")
    target = memoryview(bytearray(buffer.nbytes))
    buffer.copy_into(target)
    return target


def _sealed(front: memoryview) -> bytes:
    """The front of a frame with its checksum."""
    whole = front.obj
    data = whole if whole.__class__ is bytes and len(whole) == front.nbytes else bytes(front)
    begin = data[:48] + b"\1\0\0\0"
    head = int.from_bytes(data[40:48], "little")
    rest = data[56:]
    tables = rest if head == len(data) else rest[: head - 56]
    return begin + zlib.adler32(tables, zlib.adler32(begin)).to_bytes(4, "little") + rest


# What changes between two calls of a function are the numbers. A small message that is the same as one before
# but for its checksum and its column of values is put together from what was read then, and has been checked
# as far as it goes without those.
_KNOWN = 1024
_VALUES = [struct.Struct(f"<{n}Q") for n in range(_MOST + 1)]
_known: dict[Any, tuple[Any, ...]] = {}


def _small(frame: bytes, limits: Limits, elsewhere: External | None = None) -> Nodes:
    """A message whose frame is small."""
    n = int.from_bytes(frame[16:20], "little")
    head = int.from_bytes(frame[40:48], "little")
    if n > _MOST or head != len(frame) or frame[48:52] != b"\1\0\0\0":
        found = _whole(frame, (), limits, elsewhere)
        check(found, limits)
        return found
    rest = frame[56:]
    if zlib.adler32(rest, zlib.adler32(frame[:52])) != int.from_bytes(frame[52:56], "little"):
        raise ProtocolError("malformed frame: the checksum of its tables is wrong; it was damaged on the way")
    at = 8 + 8 * n
    key = (frame[:48], rest[:8], rest[at:], limits.depth)
    known = _known.get(key)
    if known is not None and n <= limits.nodes and head <= limits.message and head <= limits.text:
        columns, keys, texts, zeros, bits = known
        values = _VALUES[n].unpack_from(rest, 8)
        for place in zeros:
            if values[place]:
                break
        else:
            for place in bits:
                if values[place] > 1:
                    break
            else:
                return Nodes(list(zip(*columns, values, keys, texts, strict=True)))
    found = _whole(frame, (), limits, elsewhere)
    check(found, limits)
    rows = found.rows
    if not found.pool and not found.buffers and all(row[0] in _PLAIN and not row[1] for row in rows):
        if len(_known) >= _KNOWN:
            _known.clear()
        kinds, dtypes, flags, units, counts, _, names, contents = zip(*rows, strict=True)
        numbers = (codes.INT, codes.FLOAT, codes.BOOL)
        _known[key] = (
            (kinds, dtypes, flags, units, counts),
            names,
            contents,
            [place for place, row in enumerate(rows) if row[0] not in numbers],
            [place for place, row in enumerate(rows) if row[0] == codes.BOOL],
        )
    return found


def too_large(size: int, limits: Limits) -> LimitExceeded:
    """The refusal of a frame."""
    return LimitExceeded(
        f"a frame of {size:,} bytes exceeds the limit of {limits.message:,} bytes; raise the setting "
        "'message'",
        setting="message",
    )
