"""One HTTP/1.1 connection that carries frames: requests out of parts, answers read as they come.

``http.client`` cannot wait for part of an answer and something else at once, and its parsing of heads takes
longer than a call. Nothing here blocks but :meth:`Wire.request`, whose data the other side must take.
"""

from __future__ import annotations

import select
import socket
import ssl
import sys
import time
from collections.abc import Callable, Sequence

from arcuate.errors import ConnectionLost, ProtocolError
from arcuate.values import frames
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["FRAMES", "Wire"]

FRAMES = "application/vnd.arcuate.frames"
_READ = 1 << 16
_LARGE = 1 << 16
"""Frames from this size on are read straight into their place."""
_HEAD = 1 << 16
_OTHER = 1 << 20
"""Bytes kept of an answer that is no frames."""
_STUCK = 60.0
"""Seconds after which a connection that takes no data counts as lost."""
_LOOK = 250
"""Milliseconds after which it is looked whether the connection is about to be closed."""
_VECTOR = 64

_held: set[socket.socket] = set()
"""Sockets that are open. Held here, they outlive their link until it closes them, also where the collector
takes both at once and in any order."""

_IDLE, _IN_HEAD, _LENGTH, _SIZE, _CHUNK, _CRLF, _TRAILER, _CLOSE = range(8)


class Wire:
    """A connection.

    Args:
        sock: connected, and past the TLS handshake.
        limits: what is accepted.
        ending: says whether it is about to be closed: nobody waits for it then.

    Attributes:
        open: a request was sent whose answer has not ended.
        status: the status code of the answer.
        other: the body of an answer that is no frames.
        heard: ``time.monotonic()`` of the last data.
    """

    def __init__(
        self, sock: socket.socket, limits: Limits, ending: Callable[[], bool] = lambda: False
    ) -> None:
        self._ending = ending
        self.open = False
        self.status = 0
        self.kind = ""
        self.other = bytearray()
        self.heard = time.monotonic()
        self._sock = sock
        self._tls = isinstance(sock, ssl.SSLSocket)
        self._limits = limits
        self._state = _IDLE
        self._buffer = bytearray()
        self._left = 0  # bytes of the body, or of the chunk, that are still to come
        self._keep = True
        self._frame = bytearray()  # the beginning of a frame
        self._target: memoryview | None = None  # the place of a large one
        self._filled = 0
        sock.setblocking(False)
        _held.add(sock)

    def fileno(self) -> int:
        """The descriptor, to wait for."""
        return self._sock.fileno()

    @property
    def pending(self) -> bool:
        """Whether data waits that the descriptor does not show."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    def close(self) -> None:
        """Closes it."""
        self.open = False
        self._sock.close()
        _held.discard(self._sock)

    # ----------------------------------------------------------------- request

    def request(self, head: bytes, body: Sequence[memoryview], into: list[Nodes]) -> None:
        """Sends a request.

        Args:
            head: all of its head.
            body: the parts of its body.
            into: messages of an answer that comes before everything was sent.

        Raises:
            ConnectionLost: it broke, or nothing is taken any more.
        """
        self.open = True
        self._state = _IN_HEAD
        self.status = 0
        self.other.clear()
        small = sum(map(len, body)) < _READ
        parts = [memoryview(b"".join((head, *body)))] if small else [memoryview(head), *body]
        self.heard = since = time.monotonic()
        while parts:
            try:
                if self._tls:
                    sent = self._sock.send(parts[0][: 1 << 20])
                else:
                    sent = self._sock.sendmsg(parts[:_VECTOR])
            except (BlockingIOError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                poll = select.poll()
                poll.register(self._sock, select.POLLIN | select.POLLOUT)
                found = poll.poll(_LOOK)
                if found and found[0][1] & ~select.POLLOUT:
                    self.pump(into)
                    if self.status >= 400:  # refused already: the rest is not wanted
                        self._keep = False
                        return
                if self._ending():
                    raise ConnectionLost("the hub takes no data, and is left", executed="maybe") from None
                if time.monotonic() - since > _STUCK:
                    raise ConnectionLost(f"the hub has taken no data for {_STUCK:g} s") from None
                continue
            except OSError as error:
                self._refused(into)
                if self.status:
                    return
                raise ConnectionLost(f"the connection to the hub broke: {error}") from None
            since = time.monotonic()
            while sent:
                if sent >= len(parts[0]):
                    sent -= len(parts.pop(0))
                else:
                    parts[0] = parts[0][sent:]
                    sent = 0

    def _refused(self, into: list[Nodes]) -> None:
        """Reads why the other side has closed the connection in the middle of a request."""
        self._keep = False
        try:
            self.pump(into)
        except (ConnectionLost, ProtocolError):
            pass

    # ------------------------------------------------------------------ answer

    def pump(self, into: list[Nodes]) -> bool:
        """Reads what is there, without waiting.

        Returns:
            Whether there was anything.

        Raises:
            ConnectionLost: the other side has closed the connection.
            ProtocolError: what came is no answer of a hub.
        """
        anything = False
        while True:
            target = self._direct()
            try:
                if target is not None:
                    got = self._sock.recv_into(target)
                else:
                    data = self._sock.recv(_READ)
                    got = len(data)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return anything
            except OSError as error:
                raise ConnectionLost(f"the connection to the hub broke: {error}", executed="maybe") from None
            if not got:
                if self._state == _CLOSE:
                    self._end()
                    return True
                raise ConnectionLost("the hub has closed the connection", executed="maybe")
            anything = True
            self.heard = time.monotonic()
            if target is not None:
                self._filled += got
                self._left -= got
                self._placed(into)
                self._step(into)
                continue
            self._buffer += data
            self._step(into)
            if not self.open or (got < _READ and not self._tls):
                return True

    def _direct(self) -> memoryview | None:
        """Where the next data can be received to at once."""
        if self._target is None or self._buffer or self._state not in (_LENGTH, _CHUNK):
            return None
        end = min(len(self._target), self._filled + self._left)
        return self._target[self._filled : end] if end > self._filled else None

    def _step(self, into: list[Nodes]) -> None:
        """Goes on with what the buffer holds."""
        buffer = self._buffer
        while True:
            state = self._state
            if state == _IN_HEAD:
                at = buffer.find(b"\r\n\r\n")
                if at < 0:
                    if len(buffer) > _HEAD:
                        raise ProtocolError("the answer's head has no end; is that a hub?")
                    return
                head = bytes(buffer[: at + 2])
                del buffer[: at + 4]
                self._begin(head)
            elif state in (_LENGTH, _CHUNK, _CLOSE):
                if self._left and buffer:
                    size = min(self._left, len(buffer))
                    with memoryview(buffer) as view:
                        self._take(view[:size], into)
                    del buffer[:size]
                    self._left -= size
                if self._left:
                    return
                if state == _LENGTH:
                    self._end()
                    return
                self._state = _CRLF
            elif state == _SIZE:
                at = buffer.find(b"\r\n")
                if at < 0:
                    return
                try:
                    self._left = int(bytes(buffer[:at]).partition(b";")[0], 16)
                except ValueError:
                    raise ProtocolError("the answer's chunks cannot be read") from None
                del buffer[: at + 2]
                self._state = _CHUNK if self._left else _TRAILER
            elif state == _CRLF:
                if len(buffer) < 2:
                    return
                del buffer[:2]
                self._state = _SIZE
            elif state == _TRAILER:
                at = buffer.find(b"\r\n")
                if at < 0:
                    return
                del buffer[: at + 2]
                if not at:
                    self._end()
                    return
            else:
                if buffer:
                    raise ProtocolError("the hub answers what nobody asked")
                return

    def _begin(self, head: bytes) -> None:
        lines = head.decode("latin-1").split("\r\n")
        version, _, rest = lines[0].partition(" ")
        if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
            raise ProtocolError(f"{lines[0][:60]!r} is no answer of a hub")
        status = int(rest[:3])
        if 100 <= status < 200:
            return  # the head of the answer itself follows
        self.status = status
        length, chunked = -1, False
        self.kind = ""
        for line in lines[1:]:
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            if name == "content-length" and value.isdigit():
                length = int(value)
            elif name == "transfer-encoding":
                chunked = value.lower() == "chunked"
            elif name == "content-type":
                self.kind = value.partition(";")[0].strip().lower()
            elif name == "connection" and "close" in value.lower():
                self._keep = False
        if status in (204, 304) or length == 0:
            self._end()
        elif chunked:
            self._state = _SIZE
        elif length > 0:
            self._state, self._left = _LENGTH, length
        else:
            self._state, self._left, self._keep = _CLOSE, 1 << 62, False

    def _end(self) -> None:
        if self._frame or self._target is not None:
            raise ProtocolError("the answer ends in the middle of a frame")
        self._state = _IDLE
        self.open = False

    @property
    def usable(self) -> bool:
        """Whether another request can follow."""
        return self._keep and not self.open

    # ------------------------------------------------------------------ frames

    def _take(self, view: memoryview, into: list[Nodes]) -> None:
        """Takes a piece of the body."""
        if self.kind != FRAMES:
            if len(self.other) < _OTHER:
                self.other += view
            return
        while len(view):
            if self._target is not None:
                size = min(len(view), len(self._target) - self._filled)
                self._target[self._filled : self._filled + size] = view[:size]
                self._filled += size
                view = view[size:]
                self._placed(into)
                continue
            held = len(self._frame)
            if held < frames.HEADER_SIZE:
                size = min(frames.HEADER_SIZE - held, len(view))
                self._frame += view[:size]
                view = view[size:]
                if len(self._frame) < frames.HEADER_SIZE:
                    return
                held += size
            total = frames.frame_size(self._frame, self._limits)
            if total >= _LARGE:
                self._target = _place(total)
                self._target[:held] = self._frame
                self._filled = held
                self._frame.clear()
                continue
            size = min(total - held, len(view))
            self._frame += view[:size]
            view = view[size:]
            if len(self._frame) < total:
                return
            data = bytes(self._frame)
            self._frame.clear()
            into.append(frames.load(data, limits=self._limits))

    def _placed(self, into: list[Nodes]) -> None:
        """Takes a large frame that is whole."""
        target = self._target
        if target is not None and self._filled == len(target):
            self._target = None
            into.append(frames.load(target, limits=self._limits))


def _place(size: int) -> memoryview:
    """Memory for a frame; its pages are touched only when data comes."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return memoryview(bytearray(size))
    return memoryview(numpy.empty(size, numpy.uint8))
