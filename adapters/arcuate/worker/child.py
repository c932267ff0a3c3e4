"""The worker's side of the channel, for workers written in Python.

Imports nothing but the standard library and ``arcuate.values``.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from arcuate.errors import ProtocolError, from_mapping
from arcuate.values import codes, frames
from arcuate.values.decode import decode_next
from arcuate.values.encode import encode_into
from arcuate.values.limits import Limits
from arcuate.values.memory import Memory
from arcuate.values.nodes import Buffer, Cursor, Nodes, Row
from arcuate.values.options import DecodeOptions, EncodeOptions
from arcuate.worker.windows import Windows

__all__ = ["Channel", "die_with_parent", "join_trace", "message", "read_fields"]

_READ_SIZE = 1 << 16
_MEMORY = Memory()
_LARGE = 1 << 20
"""Bytes from which on a segment may be mapped, for which it has to be open in both directions."""
_PLAIN = EncodeOptions()
_READ = DecodeOptions()


def die_with_parent() -> None:
    """Asks the kernel (Linux) to end this process when its parent ends.

    Ends it at once when that has happened already.
    """
    parent = os.environ.pop("ARCUATE_PARENT", None)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
    if parent is not None and os.getppid() != int(parent):
        os._exit(1)


def join_trace(parent: str) -> None:
    """Puts the W3C trace that a request belongs to where code that traces looks for it; ``""`` ends it."""
    if parent:
        os.environ["TRACEPARENT"] = parent
    else:
        os.environ.pop("TRACEPARENT", None)


def message(op: str, number: int, plain: Mapping[str, Any] | None = None, extra: int = 0) -> Nodes:
    """The beginning of a message; ``extra`` fields are appended by the caller."""
    rows: list[Row] = [
        (codes.MAPPING, 0, 0, 0, 2 + extra + (len(plain) if plain else 0), 0, "", ""),
        (codes.TEXT, 0, 0, 0, 0, 0, "op", op),
        (codes.INT, 0, 0, 0, 0, number, "id", ""),
    ]
    nodes = Nodes(rows)
    for key, value in (plain or {}).items():
        encode_into(value, nodes, key, _PLAIN)
    return nodes


def read_fields(nodes: Nodes, options: DecodeOptions = _READ) -> dict[str, Any]:
    """All fields of a message."""
    cursor = Cursor(nodes)
    count = cursor.next()[4]
    cursor.enter(count)
    return dict(decode_next(cursor, options) for _ in range(count))


class Channel:
    """Frames to and from the host.

    Attributes:
        prefix: path prefix of shared segments, from the greeting.
        threshold: bytes from which on a buffer goes through shared memory.
        limits: what is accepted.
    """

    def __init__(self) -> None:
        self._in = int(os.environ.pop("ARCUATE_IN"))
        self._out = int(os.environ.pop("ARCUATE_OUT"))
        for fd in (self._in, self._out):
            os.set_inheritable(fd, False)
        self._windows = Windows()
        self._ahead = b""  # a message that came together with the one before
        self.prefix = ""
        self.threshold = 1 << 62
        self.limits = Limits()

    def greet(self, hello: Mapping[str, Any]) -> None:
        """Takes what the host's greeting says of the channel."""
        self.prefix = str(hello["segments"])
        self.threshold = int(hello["threshold"])
        given = hello.get("limits") or {}
        self.limits = Limits(
            **{name: int(given[name]) for name in ("array", "message", "depth") if name in given}
        )

    def read(self) -> Nodes:
        """The next message.

        Raises:
            EOFError: the host is gone.
        """
        return frames.load(self.read_frame(), limits=self.limits, external=self._external)

    def read_frame(self) -> bytes | bytearray:
        """The next message as it came.

        Raises:
            EOFError: the host is gone.
        """
        data: bytes | bytearray = self._ahead or os.read(self._in, _READ_SIZE)
        self._ahead = b""
        while len(data) < frames.HEADER_SIZE:
            more = os.read(self._in, _READ_SIZE) if data else b""
            if not more:
                raise EOFError
            data += more
        total = frames.total_size(data)
        if len(data) != total:
            data = self._rest(data)
        return data

    def _rest(self, begin: bytes | bytearray) -> bytearray:
        """A frame that did not arrive in one piece.

        The host sends one message at a time, so nothing follows it but what was sent together.
        """
        total = frames.frame_size(begin, self.limits)
        if len(begin) > total:
            self._ahead = bytes(begin[total:])
            return bytearray(begin[:total])
        data = bytearray(total)
        data[: len(begin)] = begin
        view = memoryview(data)
        at = len(begin)
        while at < total:
            got = os.readv(self._in, [view[at:]])
            if not got:
                raise EOFError
            at += got
        return data

    def write(self, nodes: Nodes) -> None:
        """Sends a message; large buffers go through segments that the host gives."""
        for part in frames.dump(nodes, place=self._place if nodes.buffers else None, checksum=False):
            self.write_frame(part)

    def write_frame(self, part: bytes | memoryview) -> None:
        """Sends a message, or a part of one, as it is."""
        view = memoryview(part)
        while view.nbytes:
            view = view[os.write(self._out, view) :]

    def _external(self, ref: int, length: int) -> Buffer:
        """A segment of the host, copied: the host uses it again."""
        fd = self._opened(self.prefix + str(ref), length)
        try:
            view = _MEMORY.take(length)
            window = self._windows.find(fd, length)
            if window is not None:
                view[:] = window
                return view
            at = 0
            while at < length:
                got = os.preadv(fd, [view[at : at + (1 << 30)]], at)
                if not got:
                    raise ProtocolError(f"segment {ref} is shorter than the {length} bytes announced")
                at += got
        finally:
            os.close(fd)
        return view

    def _opened(self, path: str, length: int) -> int:
        if length >= _LARGE:
            try:
                return os.open(path, os.O_RDWR)
            except PermissionError:
                pass  # somebody else's file, which is only read
        return os.open(path, os.O_RDONLY)

    def allocate(self, size: int) -> int:
        """A segment of the host for so many bytes of a reply: its number.

        Raises:
            LimitExceeded: it is more than the host takes.
        """
        return self._allocate(size)[0]

    def _allocate(self, size: int) -> tuple[int, int]:
        self.write(message("alloc", 0, {"size": size}))
        answer = read_fields(self.read())
        if answer.get("op") != "segment":
            raise from_mapping(answer)
        return int(answer["ref"]), int(answer["size"])

    def _place(self, _: int, buffer: Buffer) -> int:
        size = len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
        if size < self.threshold:
            return 0
        ref, room = self._allocate(size)
        fd = os.open(self.prefix + str(ref), os.O_RDWR)
        try:
            if isinstance(buffer, (bytes, memoryview)):
                view = memoryview(buffer)
                window = self._windows.find(fd, size)
                if window is not None:
                    window[:] = view if view.format == "B" and view.ndim == 1 else view.cast("B")
                    return ref
                at = 0
                while at < size:
                    at += os.pwrite(fd, view[at : at + (1 << 30)], at)
            else:
                with (
                    mmap.mmap(fd, room) as area,
                    memoryview(area) as whole,
                    whole[:size] as part,
                ):
                    buffer.copy_into(part)
        finally:
            os.close(fd)
        return ref
