"""Messages as pieces of a gRPC stream: what ``protos/arcuate/v1/session.proto`` says of ``AttachRequest``.

``AttachRequest`` and ``AttachResponse`` have the same fields. The common case, one field in one message, is
written and read here; whatever else protobuf allows is left to protobuf.
"""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf.message import DecodeError

from arcuate.client.net import heap
from arcuate.client.net.parts import identify, too_large
from arcuate.errors import ArcuateError, ProtocolError
from arcuate.v1.session_pb2 import AttachRequest
from arcuate.values import frames, protobuf
from arcuate.values.limits import Limits
from arcuate.values.memory import Memory
from arcuate.values.nodes import Buffer, Nodes

__all__ = ["CHUNK", "LARGE", "Reader", "Refused", "chunk", "pack", "pack_plain"]

CHUNK = 1 << 20
"""Bytes of a chunk, and of a frame that is not followed by the rest of it."""
LARGE = 1 << 16
"""Bytes from which on a buffer travels in chunks."""
_FRAME, _REST, _CHUNK, _MESSAGE = 0x0A, 0x10, 0x1A, 0x22
"""Tags of the fields."""


class Refused(Exception):
    """A message that was understood far enough to be answered; the stream goes on after it.

    Attributes:
        number: its id, or 0.
        error: what is wrong with it.
    """

    def __init__(self, number: int, error: ArcuateError) -> None:
        super().__init__(error.message)
        self.number = number
        self.error = error


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


_LENGTHS = [_varint(size) for size in range(4096)]


def _field(tag: int, size: int) -> bytes:
    return bytes((tag,)) + (_LENGTHS[size] if size < 4096 else _varint(size))


def pack(message: Nodes) -> tuple[bytes, list[memoryview]]:
    """The first piece of a message, and what follows it in chunks (see :func:`chunk`).

    The chunks are views of the message's buffers, which must stay as they are until they were sent.

    Raises:
        ConversionError: a text that has no form in a frame.
    """
    if not message.buffers:
        frame: bytes | memoryview = frames.dump(message, checksum=False)[0]
        if len(frame) <= CHUNK:
            return _field(_FRAME, len(frame)) + frame, []
        return _long(frame, [])
    placed: list[memoryview] = []
    number = 0

    def place(_: int, buffer: Buffer) -> int:
        nonlocal number
        size = len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
        if size < LARGE:
            return 0
        number += 1
        heap.keep()
        placed.extend(_cut(_view(buffer)))
        return number

    parts = frames.dump(message, place=place, checksum=False)
    size = sum(map(len, parts))
    if size <= CHUNK:
        return b"".join((_field(_FRAME, size), *parts)), placed
    return _long(b"".join(parts), placed)


def _long(frame: bytes | memoryview, placed: list[memoryview]) -> tuple[bytes, list[memoryview]]:
    view = memoryview(frame)
    first = b"".join((_field(_FRAME, CHUNK), view[:CHUNK], bytes((_REST,)), _varint(len(view) - CHUNK)))
    return first, [*_cut(view[CHUNK:]), *placed]


def _cut(view: memoryview) -> Iterator[memoryview]:
    for at in range(0, len(view), CHUNK):
        yield view[at : at + CHUNK]


def _view(buffer: Buffer) -> memoryview:
    if isinstance(buffer, (bytes, memoryview)):
        view = memoryview(buffer)
        return view if view.format == "B" and view.ndim == 1 else view.cast("B")
    target = memoryview(bytearray(buffer.nbytes))
    buffer.copy_into(target)
    return target


def chunk(view: memoryview) -> bytes:
    """A chunk as a message of the stream."""
    return b"".join((_field(_CHUNK, len(view)), view))


def pack_plain(message: Nodes) -> bytes:
    """A message in the form of a mapping (``AttachRequest.message``).

    Raises:
        LimitExceeded: it does not fit into a message of Protocol Buffers.
    """
    data = protobuf.dump(message)
    return _field(_MESSAGE, len(data)) + data


class Reader:
    """Puts messages together from the pieces of one direction of a stream.

    Args:
        limits: what is accepted.

    Attributes:
        plain: the last message was a mapping, and not a frame.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.plain = False
        self._skip = False
        self._frame: bytearray | None = None
        self._rest = 0
        self._message: Nodes | None = None
        self._buffers: list[_Growing] = []
        self._at = 0

    def feed(self, data: bytes) -> Nodes | None:
        """Takes a message of the stream; returns a message of the bus when it is whole.

        Raises:
            Refused: a message was refused; what follows it may be fed.
            ProtocolError: the stream cannot be understood any more.
        """
        size = len(data)
        if size < 128 and size > 1 and data[0] == _FRAME and data[1] == size - 2:
            return self._front(data[2:], 0)
        tag, body = _single(data)
        if tag == _FRAME:
            return self._front(bytes(body) if len(body) <= 2048 else body, 0)
        if tag == _CHUNK:
            return self._more(body)
        try:
            found = AttachRequest.FromString(data)
        except DecodeError as error:
            raise ProtocolError(f"malformed message: {size} bytes are none of the stream ({error})") from None
        present = [field.name for field, _ in found.ListFields() if field.name != "rest"]
        if len(present) != 1 or (found.rest and present != ["frame"]):
            raise ProtocolError(
                "malformed message: one of 'frame', 'message' and 'chunk' belongs into it, found "
                f"{' and '.join(present) or 'none'}"
            )
        if present[0] == "chunk":
            return self._more(memoryview(found.chunk))
        if present[0] == "frame":
            return self._front(found.frame, found.rest)
        return self._mapping(found, size)

    @property
    def in_frame(self) -> bool:
        """Whether the next chunk belongs to a frame, and not to a buffer."""
        return self._frame is not None

    @property
    def pending(self) -> bool:
        """Whether a message has begun and is not whole."""
        return self._frame is not None or self._message is not None

    def _mapping(self, found: AttachRequest, size: int) -> Nodes:
        self._begin()
        self.plain = True
        if size > self.limits.message:
            raise Refused(0, too_large(size, self.limits))
        return protobuf.from_message(found.message, limits=self.limits)

    def _begin(self) -> None:
        if self.pending:
            raise ProtocolError("malformed message: another one begins before it is whole")
        self._skip = False

    def _front(self, frame: bytes | memoryview, rest: int) -> Nodes | None:
        self._begin()
        self.plain = False
        if len(frame) > CHUNK:
            raise ProtocolError(
                f"malformed message: {len(frame):,} bytes of a frame at once; {CHUNK:,} may come"
            )
        if len(frame) + rest > self.limits.message:
            self._skip = True
            raise Refused(identify(frame), too_large(len(frame) + rest, self.limits))
        if rest:
            self._frame, self._rest = bytearray(frame), rest
            return None
        return self._load(frame)

    def _load(self, frame: bytes | bytearray | memoryview) -> Nodes | None:
        buffers: list[_Growing] = []

        def external(number: int, length: int) -> Buffer:
            if number != len(buffers) + 1 or not length:
                raise ProtocolError(
                    f"malformed message: a buffer of {length} bytes has the place {number}, the next one is "
                    f"{len(buffers) + 1}"
                )
            found = _Growing(length)
            buffers.append(found)
            return found

        try:
            message = frames.load(frame, limits=self.limits, external=external)
        except ArcuateError as error:
            if isinstance(error, ProtocolError):
                raise
            self._skip = True
            raise Refused(identify(memoryview(frame)), error) from None
        if not buffers:
            return message
        heap.keep()
        self._message, self._buffers, self._at = message, buffers, 0
        return None

    def _more(self, body: memoryview) -> Nodes | None:
        if len(body) > CHUNK:
            raise ProtocolError(f"malformed message: a chunk of {len(body):,} bytes; {CHUNK:,} may come")
        if not len(body):
            raise ProtocolError("malformed message: an empty chunk")
        if self._skip:
            return None
        if self._frame is not None:
            self._frame += body
            self._rest -= len(body)
            if self._rest < 0:
                raise ProtocolError(f"malformed message: its frame is {-self._rest} bytes too long")
            if self._rest:
                return None
            frame, self._frame = self._frame, None
            return self._load(frame)
        if self._message is None:
            raise ProtocolError("malformed message: a chunk that belongs to no message")
        growing = self._buffers[self._at]
        if not growing.take(body):
            return None
        self._at += 1
        if self._at < len(self._buffers):
            return None
        message, self._message = self._message, None
        buffers, self._buffers = self._buffers, []
        place = iter(buffers)
        message.buffers = [
            next(place).whole() if isinstance(one, _Growing) else one for one in message.buffers
        ]
        return message


_MEMORY = Memory()


class _Growing:
    """A buffer whose chunks are still to come.

    Each is copied to its place at once: memory that is used again and again is faster than memory that is
    kept, whose pages are made one by one.
    """

    __slots__ = ("_at", "_target", "nbytes")

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        self._target: memoryview | None = None
        self._at = 0

    def take(self, body: memoryview) -> bool:
        """Takes a chunk; says whether it was the last."""
        at, self._at = self._at, self._at + len(body)
        if self._at > self.nbytes:
            raise ProtocolError(
                f"malformed message: a buffer of {self.nbytes} bytes is announced, its chunks have {self._at}"
            )
        if len(body) == self.nbytes:
            self._target = body
            return True
        target = self._target
        if target is None:
            target = self._target = _MEMORY.take(self.nbytes)
        target[at : self._at] = body
        return self._at == self.nbytes

    def whole(self) -> memoryview:
        """The buffer."""
        assert self._target is not None
        return self._target

    def copy_into(self, target: memoryview) -> None:
        """Never needed: a message is handed on when it is whole."""
        raise AssertionError


def _single(data: bytes) -> tuple[int, memoryview]:
    """Tag and content of a message that is one short field of bytes; tag 0 for any other."""
    view = memoryview(data)
    size = shift = 0
    for at in range(1, min(6, len(data))):
        byte = data[at]
        size |= (byte & 127) << shift
        if byte < 128:
            if at + 1 + size == len(data):
                return data[0], view[at + 1 :]
            break
        shift += 7
    return 0, view[:0]
