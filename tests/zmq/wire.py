"""ZMTP 3.0 without libzmq, from its specification (rfc.zeromq.org/spec/23): what a hostile client speaks.

libzmq sends the parts of a message only when it has the last. Here each is sent at once.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from types import TracebackType

__all__ = ["Wire"]

PATIENCE = 30.0


class Wire:
    """A connection over tcp or, given a path, a socket file."""

    def __init__(self, endpoint: str, kind: bytes = b"DEALER") -> None:
        scheme, _, rest = endpoint.partition("://")
        if scheme == "zmq+ipc":
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(rest)
        else:
            host, _, port = rest.rpartition(":")
            self.socket = socket.create_connection((host, int(port)))
        self.socket.settimeout(PATIENCE)
        self.socket.sendall(
            b"\xff" + bytes(8) + b"\x7f" + b"\3\0" + b"NULL".ljust(20, b"\0") + b"\0" + bytes(31)
        )
        self._take(64)
        ready = b"\5READY" + b"".join(
            bytes([len(name)]) + name + struct.pack(">I", len(value)) + value
            for name, value in ((b"Socket-Type", kind), (b"Identity", b""))
        )
        self.socket.sendall(bytes([4, len(ready)]) + ready)
        flags, size = self._take(2)
        assert flags == 4
        assert self._take(size).startswith(b"\5READY")

    def _take(self, size: int) -> bytes:
        found = b""
        while len(found) < size:
            more = self.socket.recv(size - len(found))
            if not more:
                raise ConnectionResetError("the hub has closed the connection")
            found += more
        return found

    def part(self, data: bytes | memoryview, *, more: bool) -> None:
        """Sends one part."""
        if len(data) < 256:
            self.socket.sendall(bytes([more, len(data)]) + bytes(data))
        else:
            self.socket.sendall(struct.pack(">BQ", 2 | more, len(data)))
            self.socket.sendall(data)

    def message(self, parts: Sequence[bytes | memoryview]) -> None:
        """Sends a whole message."""
        for number, one in enumerate(parts, 1):
            self.part(one, more=number < len(parts))

    def read(self) -> list[bytes]:
        """The parts of the next message; signs of life are answered with nothing.

        Raises:
            ConnectionResetError: the hub has closed the connection.
        """
        found: list[bytes] = []
        while True:
            (flags,) = self._take(1)
            size = struct.unpack(">Q", self._take(8))[0] if flags & 2 else self._take(1)[0]
            data = self._take(size)
            if not flags & 4:
                found.append(data)
                if not flags & 1:
                    return found

    def flood(self, data: bytes, most: int = 3 << 28) -> int:
        """Sends a message without an end until the hub has closed the connection; how many bytes."""
        sent = 0
        try:
            while sent < most:
                self.part(data, more=True)
                sent += len(data)
        except (ConnectionResetError, BrokenPipeError):
            return sent
        raise AssertionError(f"{sent} bytes were taken")

    def close(self) -> None:
        """Closes it."""
        self.socket.close()

    def __enter__(self) -> Wire:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()
