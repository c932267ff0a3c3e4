"""The connections of a socket as the operating system sees them, told by ZeroMQ's monitor."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zmq
from zmq.utils.monitor import parse_monitor_message

if TYPE_CHECKING:
    from arcuate.zmq.peer import Peer

__all__ = ["HEARTBEATS", "Wire", "Wires"]

_WATCHED = (
    zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)  # fmt: skip
_FAILED: dict[int, str] = {
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "handshake",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "handshake",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "unauthorised",
}
_TCP_INFO_ACKED, _TCP_INFO_BYTES = 120, 128
"""Where ``tcpi_bytes_acked`` and ``tcpi_bytes_received`` stand in Linux's ``struct tcp_info``."""
HEARTBEATS = 256
"""Bytes in a second that the signs of life of ZeroMQ itself may take; they belong to no message."""


class Wire:
    """A connection.

    Attributes:
        fd: the descriptor that libzmq reads it from.
        since: when it was accepted.
        peer: the client behind it, once it has said something.
    """

    __slots__ = ("_base", "_inode", "_moved", "_state", "fd", "peer", "since")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.since = time.monotonic()
        self.peer: Peer | None = None
        self._state = (0, 0)
        self._base = (0, self.since)
        self._moved = self.since
        try:
            self._inode = os.fstat(fd).st_ino
        except OSError:
            self._inode = -1  # it is closed already, which the monitor will say next

    def _borrow(self) -> socket.socket | None:
        """The socket below, while it is the one that was accepted: descriptors are used again."""
        try:
            copy = os.dup(self.fd)
        except OSError:
            return None
        if os.fstat(copy).st_ino != self._inode:
            os.close(copy)
            return None
        return socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, copy)  # else it asks the kernel for those

    def cut(self, *, reset: bool = False) -> None:
        """Ends the connection. ZeroMQ has no way to, so the socket below it is shut down.

        Args:
            reset: a peer that goes on sending is told so by the system, which keeps nothing of it.
        """
        found = self._borrow()
        if found is None:
            return
        with found:
            try:
                if reset:
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                found.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def received(self) -> int:
        """Bytes that have arrived in all; 0 where the system does not tell."""
        found = self._borrow()
        if found is None:
            return 0
        with found:
            return _counted(found, _TCP_INFO_BYTES)

    def unfinished(self, now: float) -> int:
        """Bytes of a message of which the end has not come, or fewer; 0 where the system does not tell.

        ZeroMQ hands a message over when it is complete, and bounds single parts only: of what it holds
        meanwhile nobody hears. Bytes that came while no message was handed over belong to one.
        """
        received = self.received()
        if self.peer is not None and self.peer.heard:
            self.peer.heard = False
            self._base = (received, now)
        before, since = self._base
        return received - before - int(HEARTBEATS * (now - since))

    def stalled(self, now: float) -> float:
        """Seconds for which something has waited in the system's buffer and nothing of it was taken.

        ZeroMQ's own queue does not tell: it takes many messages, however large, for a client that reads none.
        """
        found = self._borrow()
        if found is None:
            return 0.0
        with found:
            try:
                waiting = int.from_bytes(fcntl.ioctl(found, termios.TIOCOUTQ, bytes(4)), sys.byteorder)
            except OSError:
                return 0.0
            state = (waiting, _counted(found, _TCP_INFO_ACKED))
        if not waiting or state != self._state:
            self._state, self._moved = state, now
        return now - self._moved


def _counted(found: socket.socket, at: int) -> int:
    """A count of ``struct tcp_info``; 0 where the system, or the kind of socket, has none."""
    try:
        told = found.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, at + 8)
    except (OSError, AttributeError):
        return 0
    return int.from_bytes(told[at : at + 8], "little")


class Wires:
    """All connections of a socket that was bound.

    Args:
        socket: the socket.
        admit: says whether there is room for the connection that was just accepted.
        count: counts what goes wrong.
        gone: told of a client whose connection has ended.

    Attributes:
        found: the connections, by descriptor.
        fd: readable when the monitor has something to tell.
    """

    def __init__(
        self,
        socket: Any,
        admit: Callable[[], bool],
        count: Callable[[str], None],
        gone: Callable[[Peer], None] | None = None,
    ) -> None:
        self.found: dict[int, Wire] = {}
        self._monitor = socket.get_monitor_socket(_WATCHED)
        self.fd: int = self._monitor.FD
        self._admit, self._count, self._gone = admit, count, gone
        self.watch()  # libzmq signals anew only after somebody has looked

    def watch(self) -> None:
        """Reads what the monitor has seen."""
        monitor = self._monitor
        while monitor.get(zmq.EVENTS) & zmq.POLLIN:
            told = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
            event, fd = int(told["event"]), int(told["value"])
            if event == zmq.EVENT_ACCEPTED:
                wire = self.found[fd] = Wire(fd)
                if not self._admit():
                    self._count("connections")
                    wire.cut()
            elif event in _FAILED:
                self._count(_FAILED[event])
            elif event == zmq.EVENT_DISCONNECTED:
                gone = self.found.pop(fd, None)
                if gone is not None and gone.peer is not None and self._gone is not None:
                    self._gone(gone.peer)

    def close(self) -> None:
        """Closes the monitor; it was told to stop before."""
        self._monitor.close(0)
