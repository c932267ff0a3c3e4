"""uvicorn's WebSocket connection with what it leaves open: its client's certificate, its end when stuck."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import sys
import termios
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from arcuate.http.tls import subject

__all__ = ["WebSocketConnection"]

_ACKED = struct.Struct("=120xQ")
"""``tcpi_bytes_acked`` of Linux's ``struct tcp_info``."""


class WebSocketConnection(WebSocketsSansIOProtocol):
    """One WebSocket. The application finds it in its scope as ``arcuate.protocol``."""

    _left, _end = 0, 0

    def handle_connect(self, event: Any) -> None:
        """The client asks for a WebSocket."""
        super().handle_connect(event)
        scope: Any = getattr(self, "scope", None)
        if scope is not None:
            scope["arcuate.protocol"] = self

    def send_keepalive_ping(self) -> None:
        """Asks for a sign of life."""
        self._left = self._waiting()
        self._end = self._taken() + self._left
        super().send_keepalive_ping()

    def keepalive_timeout(self) -> None:
        """No sign of life came: the client is frozen or does not read, unless it is still busy reading."""
        left = max(0, self._end - self._taken())
        if left < self._left:  # it waited behind a large message, which may just be all taken
            self._left = left
            self.pong_timer = self.loop.call_later(self.ping_timeout or 0.0, self.keepalive_timeout)
            return
        self.abort()

    def _waiting(self) -> int:
        """Bytes that the client's system has not taken yet."""
        found: int = self.transport.get_write_buffer_size()
        one = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError, AttributeError):
            found += int.from_bytes(fcntl.ioctl(one.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        return found

    def _taken(self) -> int:
        """Bytes that the client's system has taken since some time: more may wait behind the question."""
        try:
            one = self.transport.get_extra_info("socket")
            known = one.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACKED.size)
            return int(_ACKED.unpack(known)[0])
        except (OSError, AttributeError, struct.error):  # no such system, or it is closed
            return -self._waiting()

    def abort(self) -> None:
        """Cuts the connection. To close it would mean to wait until the client has read everything."""
        self.transport.abort()

    def certificate(self) -> str | None:
        """The subject of the certificate that the client has shown, as ``CN=...,O=...``."""
        return subject(self.transport.get_extra_info("ssl_object"))
