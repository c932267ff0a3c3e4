"""Bad networks: a memory link that fails at random, and a proxy that cuts, freezes and delays."""

from __future__ import annotations

import contextlib
import random
import selectors
import socket
import struct
import threading
from collections.abc import Iterator
from types import TracebackType

from tests.hub.memory import MemoryLink

from arcuate.errors import ConnectionLost
from arcuate.hub import Hub
from arcuate.values.nodes import Nodes

_BLOCK = 1 << 16


class Lossy(MemoryLink):
    """Loses the connection at random: before a message, after it, or before what comes back.

    Attributes:
        share: how often; 0 at first, so that the first connection succeeds.
        lost: how often it was.
    """

    def __init__(self, hub: Hub, seed: int) -> None:
        super().__init__(hub)
        self.random = random.Random(seed)
        self.share = 0.0
        self.lost = 0

    def send(self, message: Nodes) -> None:
        """Sends, if the network allows."""
        chance = self.random.random()
        if chance < self.share:
            self.drop()
            raise ConnectionLost("lost before a message")
        super().send(message)
        if chance > 1 - self.share:
            self.drop()

    def receive(self, timeout: float | None) -> Nodes | None:
        """Receives, if the network allows."""
        if self.random.random() < self.share:
            self.drop()
        return super().receive(timeout)

    def drop(self) -> None:
        """Loses the connection and what was on its way."""
        if self.connection is not None:
            self.lost += 1
            self.connection.lost()
            self.connection = None


class Proxy:
    """Stands before a server on this machine and passes bytes on, as long as it is told to.

    Attributes:
        port: where it listens.
        accepted: connections so far.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._selector = selectors.DefaultSelector()
        self._other: dict[socket.socket, socket.socket] = {}
        self._lock = threading.Lock()
        self._dead: list[socket.socket] = []
        self._refuse = False
        self._stop = False
        self._budget: Iterator[int] | None = None
        self._left = 0
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wake, self._woken = socket.socketpair()
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    # ---------------------------------------------------------------- control

    def cut(self) -> None:
        """Resets all connections."""
        with self._lock:
            self._drop_all()

    def freeze(self) -> None:
        """Passes nothing on, on the connections that there are: they stay open and dead."""
        with self._lock:
            for one in self._other:
                self._selector.unregister(one)
            self._dead += self._other
            self._other.clear()

    def refuse(self, on: bool = True) -> None:
        """Resets new connections at once."""
        self._refuse = on

    def cut_after(self, amounts: Iterator[int]) -> None:
        """Resets all connections each time so many bytes have passed."""
        with self._lock:
            self._budget = amounts
            self._left = next(amounts)

    # ---------------------------------------------------------------- the rest

    def _serve(self) -> None:
        while not self._stop:
            for key, _ in self._selector.select():
                with self._lock:
                    one = key.fileobj
                    assert isinstance(one, socket.socket)
                    if one is self._listener:
                        self._accept()
                    elif one is not self._woken and one in self._other:
                        self._pass(one)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        self.accepted += 1
        if self._refuse:
            _reset(client)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            _reset(client)
            return
        for one, other in ((client, server), (server, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._other[one] = other
            self._selector.register(one, selectors.EVENT_READ)

    def _pass(self, one: socket.socket) -> None:
        other = self._other[one]
        try:
            data = one.recv(_BLOCK)
            if data and self._budget is not None:
                if len(data) >= self._left:
                    other.sendall(data[: self._left])
                    self._left = next(self._budget)
                    self._drop_all()
                    return
                self._left -= len(data)
            if data:
                other.sendall(data)
                return
        except OSError:
            pass
        self._drop(one)

    def _drop(self, one: socket.socket) -> None:
        other = self._other.pop(one)
        self._other.pop(other)
        for end in (one, other):
            self._selector.unregister(end)
            _reset(end)

    def _drop_all(self) -> None:
        while self._other:
            self._drop(next(iter(self._other)))

    def close(self) -> None:
        """Ends it."""
        self._stop = True
        self._wake.send(b"x")
        self._thread.join(10)
        with self._lock:
            self._drop_all()
            for one in (*self._dead, self._listener, self._wake, self._woken):
                one.close()
            self._selector.close()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()


def _reset(one: socket.socket) -> None:
    """Closes with a reset, as a broken network or a killed process would."""
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    one.close()
