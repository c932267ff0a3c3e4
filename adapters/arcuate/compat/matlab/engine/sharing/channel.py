"""Frames over a local socket: one message after the other, with every buffer in it."""

from __future__ import annotations

import socket
import threading

from arcuate.values import frames
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["LIMITS", "Channel"]

LIMITS = Limits(message=1 << 36)
"""What is accepted: both ends belong to the same user, and arrays are in the messages."""

_READ = 1 << 16


class Channel:
    """One end of a connection. One thread reads, any thread writes.

    Args:
        connection: the socket, which the channel closes.
        limits: what is accepted.
    """

    def __init__(self, connection: socket.socket, limits: Limits = LIMITS) -> None:
        self.socket = connection
        self._limits = limits
        self._ahead = b""
        self._lock = threading.Lock()

    def read(self) -> Nodes:
        """The next message.

        Raises:
            EOFError: the other end is gone.
            ArcuateError: what came is no message, or too large.
        """
        header = self._take(frames.HEADER_SIZE)
        total = frames.frame_size(header, self._limits)
        frame = bytearray(total)
        frame[: len(header)] = header
        self._fill(memoryview(frame)[len(header) :])
        return frames.load(frame, limits=self._limits)

    def write(self, message: Nodes) -> None:
        """Sends a message.

        Raises:
            OSError: the other end is gone, or has not read for too long.
        """
        with self._lock:
            for part in frames.dump(message, checksum=False):
                self.socket.sendall(part)

    @property
    def waiting(self) -> bool:
        """Whether a message, or a part of one, has been read ahead."""
        return bool(self._ahead)

    def close(self) -> None:
        """Closes the connection, also under a thread that reads from it. Idempotent."""
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()

    def _take(self, size: int) -> bytes:
        data = self._ahead
        while len(data) < size:
            more = self._receive()
            data += more
        self._ahead = data[size:]
        return data[:size]

    def _receive(self) -> bytes:
        try:
            data = self.socket.recv(_READ)
        except OSError:
            data = b""
        if not data:
            raise EOFError
        return data

    def _fill(self, view: memoryview) -> None:
        have = min(len(view), len(self._ahead))
        view[:have] = self._ahead[:have]
        self._ahead = self._ahead[have:]
        while have < len(view):
            try:
                got = self.socket.recv_into(view[have:])
            except OSError:
                got = 0
            if not got:
                raise EOFError
            have += got
