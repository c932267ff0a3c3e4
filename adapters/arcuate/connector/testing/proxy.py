"""A TCP proxy that does what networks do: it delays, cuts, resets, or takes a connection and says nothing.

::

    with FaultProxy(port) as proxy:
        proxy.fault = Fault(cut=100)        # from the next connection on
        ... 127.0.0.1, proxy.port ...
        proxy.hush()                        # of those that are there nothing comes any more
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType

__all__ = ["Fault", "FaultProxy"]


@dataclass(frozen=True)
class Fault:
    """What happens to a connection.

    Attributes:
        delay: seconds before each piece that comes from the server.
        cut: bytes from the server after which the connection ends; ``None``: never.
        sent: bytes from the client after which the connection ends; ``None``: never.
        reset: it ends by a reset instead of an orderly end.
        silent: nothing ever comes from the server, and nothing ends.
        garbage: what comes instead of the server's next piece.
        flip: bytes from the server after which one bit comes wrong; ``None``: never.
        flip_sent: the same of what the client sends.
    """

    delay: float = 0.0
    cut: int | None = None
    sent: int | None = None
    reset: bool = False
    silent: bool = False
    garbage: bytes = b""
    flip: int | None = None
    flip_sent: int | None = None


class FaultProxy:
    """Listens on a port of the system's choosing.

    Args:
        port: of the server.
        host: of the server.
        at: the port where it listens; 0: one of the system's choosing.

    Attributes:
        port: where it listens.
        fault: of connections that are made from now on; :class:`Fault` itself is none.
        strike: of those that are there too, from now on.
        connections: how many there were.
        struck: on how many of them ``strike`` has fallen: when it is taken away, these stay as they are.
    """

    def __init__(self, port: int, host: str = "127.0.0.1", *, at: int = 0) -> None:
        self._to = (host, port)
        self._listener = socket.create_server(("127.0.0.1", at))
        self.port = int(self._listener.getsockname()[1])
        self.fault = Fault()
        self.strike: Fault | None = None
        self.connections = 0
        self.struck = 0
        self._ended = threading.Event()
        self._hushed = threading.Event()
        self._near: list[socket.socket] = []
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> FaultProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)
        for one in self._open:
            one.close()

    def hush(self) -> None:
        """From now on nothing passes, in neither direction, and no connection ends."""
        self._hushed.set()

    def drop(self, *, reset: bool = False) -> None:
        """Ends the connections that are there, as a server does that is started again."""
        for one in list(self._near):
            with contextlib.suppress(OSError):
                self._end(one, reset)
        self._near.clear()

    def _start(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(near)
            self._near.append(near)
            self.connections += 1
            fault = self.fault
            try:
                far = socket.create_connection(self._to)
            except OSError:
                near.close()
                continue
            self._open.append(far)
            sent = Fault(cut=fault.sent, reset=fault.reset, flip=fault.flip_sent)
            self._start(self._forward, near, far, None, sent)
            self._start(self._forward, far, near, fault)

    def _forward(
        self, source: socket.socket, target: socket.socket, back: Fault | None, there: Fault | None = None
    ) -> None:
        passed, fault = 0, back or there or Fault()
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                strike = self.strike
                if back is not None and strike is not None and strike != fault:
                    passed, fault = 0, strike
                    self.struck += 1
                if fault.silent or self._hushed.is_set():
                    continue
                data = fault.garbage or data
                if fault.flip is not None and passed <= fault.flip < passed + len(data):
                    at = fault.flip - passed
                    data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
                if fault.delay and self._ended.wait(fault.delay):
                    return
                if fault.cut is not None and passed + len(data) >= fault.cut:
                    target.sendall(data[: fault.cut - passed])
                    self._end(target if back is not None else source, fault.reset)
                    return
                target.sendall(data)
                passed += len(data)
            target.shutdown(socket.SHUT_WR)

    @staticmethod
    def _end(target: socket.socket, reset: bool) -> None:
        if reset:
            target.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            target.shutdown(socket.SHUT_RD)  # wakes whoever reads it: a reset is sent by the last close
            target.close()
        else:
            target.shutdown(socket.SHUT_RDWR)
