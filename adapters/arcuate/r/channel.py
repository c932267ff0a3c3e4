"""The worker's end of the channel: frames in and out, shared segments, the output of C code."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from typing import Any

from arcuate.errors import LimitExceeded, ProtocolError
from arcuate.r.numbers import Placed, Source
from arcuate.values import codes, frames
from arcuate.values.limits import Limits
from arcuate.values.nodes import Buffer, Cursor, Nodes, Row, signed, to_float
from arcuate.worker.waiting import Lookout

__all__ = ["Channel", "alloc", "plain"]

_CHUNK = 1 << 16


class Channel:
    """Frames over two descriptors.

    Attributes:
        limits: what is accepted.
        segments: prefix of the paths of shared segments.
    """

    def __init__(self, receive: int, send: int) -> None:
        self._in = receive
        self._out = send
        poll = select.poll()
        poll.register(receive, select.POLLIN)
        self._lookout = Lookout(poll.poll)
        self._ahead = b""
        self.limits = Limits()
        self.segments = ""

    def leave(self) -> None:
        """Has no part in it any more, in a forked child; the descriptors lead nowhere."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for fd in (self._in, self._out):
            os.dup2(nowhere, fd, inheritable=False)
        os.close(nowhere)

    def receive(self) -> Nodes | None:
        """The next message, or ``None`` at the end."""
        data = self._ahead
        if not data:
            self._lookout.wait(None)
        while len(data) < frames.HEADER_SIZE:
            more = os.read(self._in, _CHUNK)
            if not more:
                return None
            data = data + more if data else more
        total = frames.frame_size(data, self.limits)
        if len(data) < total:
            whole = bytearray(total)
            at = len(data)
            whole[:at] = data
            view = memoryview(whole)
            while at < total:
                got = os.readv(self._in, [view[at:]])
                if not got:
                    return None
                at += got
            self._ahead = b""
            data = view  # type: ignore[assignment]
        elif len(data) > total:
            self._ahead = data[total:]
            data = data[:total]
        else:
            self._ahead = b""
        return frames.load(data, limits=self.limits, external=self._external)

    def _external(self, ref: int, length: int) -> Buffer:
        return Source(None, self.segments + str(ref), length)

    def send(
        self, rows: list[Row], pool: list[int] | None = None, buffers: list[Buffer] | None = None
    ) -> None:
        """Writes one message."""
        parts = frames.dump(Nodes(rows, pool, buffers), place=_place, checksum=False)
        if len(parts) == 1:
            data: Any = parts[0]
            done = os.write(self._out, data)
            while done < len(data):
                data = data[done:]
                done = os.write(self._out, data)
            return
        if sum(map(len, parts)) < _CHUNK:
            data = b"".join(parts)
            done = os.write(self._out, data)
            parts = [memoryview(data)[done:]]
        for part in parts:
            while part:
                part = part[os.write(self._out, part) :]


def _place(_: int, buffer: Buffer) -> int:
    return buffer.ref if isinstance(buffer, Placed) else 0


def plain(cursor: Cursor) -> Any:
    """The next value as a Python object: the plain fields of a message; a handle or a function is its id."""
    kind, dtype, flags, _, count, value, _, text = cursor.next()
    if kind in (codes.TEXT, codes.HANDLE, codes.FUNCTION):
        for _ in range(count):
            cursor.skip()
        return text
    if kind == codes.INT:
        return signed(value)
    if kind == codes.BOOL:
        return bool(value)
    if kind == codes.FLOAT:
        return to_float(value)
    if kind == codes.NULL:
        return None
    if kind == codes.MAPPING:
        cursor.enter(count)
        found: dict[str, Any] = {}
        for _ in range(count):
            key = cursor.peek()[6]
            found[key] = plain(cursor)
        cursor.leave()
        return found
    if kind == codes.LIST:
        cursor.enter(count)
        items = [plain(cursor) for _ in range(count)]
        cursor.leave()
        return items
    if kind == codes.ARRAY:
        cursor.numbers(count)
        data = bytes(cursor.buffer())
        if flags & codes.ARRAY_MASK:
            cursor.buffer()
        if dtype == codes.D_TEXT:
            return [part.decode() for part in data.split(b"\0")[:-1]]
        if dtype == codes.D_I8:
            return memoryview(data).cast("q").tolist()
        if dtype == codes.D_F8:
            return memoryview(data).cast("d").tolist()
        if dtype == codes.D_BOOL:
            return [item != 0 for item in data]
    raise ProtocolError(f"malformed message: {codes.KIND_NAMES[kind]} where plain fields were expected")


def alloc(channel: Channel, size: int, other: Callable[[str, Nodes], None]) -> tuple[int, str]:
    """Asks the host for a segment; returns its number and path."""
    channel.send(
        [
            (codes.MAPPING, 0, 0, 0, 2, 0, "", ""),
            (codes.TEXT, 0, 0, 0, 0, 0, "op", "alloc"),
            (codes.INT, 0, 0, 0, 0, size, "size", ""),
        ]
    )
    while True:
        answer = channel.receive()
        if answer is None:
            raise ProtocolError("the host has gone")
        op = answer.rows[1][7]
        if op == "segment":
            fields = plain(Cursor(answer))
            return fields["ref"], channel.segments + str(fields["ref"])
        if op == "raise":
            fields = plain(Cursor(answer))
            raise LimitExceeded(
                fields.get("message", "the host has no memory for the result"),
                setting=fields.get("setting", "array"),
            )
        other(op, answer)
