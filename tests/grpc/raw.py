"""The stream Attach by hand, and a proxy that can be cut."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Iterable
from typing import Any

import grpc

from arcuate.client import messages
from arcuate.client.net.chunks import Reader, chunk, pack
from arcuate.values.limits import Limits

PATIENCE = 30.0
HELLO = {"major": 1, "minor": 0, "agent": "test"}


class Raw:
    """One stream whose messages are written by the test."""

    def __init__(self, address: str, *, hello: bool = True, patience: float = PATIENCE) -> None:
        self.channel = grpc.insecure_channel(
            address,
            options=[("grpc.use_local_subchannel_pool", 1), ("grpc.max_receive_message_length", -1)],
        )
        self.out: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        attach: Any = self.channel.stream_stream("/arcuate.v1.SessionService/Attach")
        self.call = attach(iter(self.out.get, None), timeout=patience)
        self.reader = Reader(Limits())
        self.number = 0
        if hello:
            self.send("hello", HELLO, number=0)
            assert self.read()["op"] == "hello"

    def send(self, op: str, fields: dict[str, Any], number: int | None = None) -> int:
        """Sends a message of the bus; returns its id."""
        if number is None:
            self.number += 1
            number = self.number
        first, rest = pack(messages.build(op, number, fields))
        self.raw([first, *map(chunk, rest)])
        return number

    def raw(self, pieces: Iterable[bytes]) -> None:
        """Sends messages of the stream."""
        for piece in pieces:
            self.out.put(piece)

    def read(self) -> dict[str, Any]:
        """The next message of the bus."""
        for piece in self.call:
            found = self.reader.feed(piece)
            if found is not None:
                return messages.fields(found)
        raise EOFError

    def answer(self, number: int) -> dict[str, Any]:
        """The reply or error of a request."""
        while True:
            found = self.read()
            if found["op"] in ("reply", "error") and found["id"] == number:
                return found

    def eval(self, code: str) -> Any:
        """A stateless evaluation in Python."""
        return self.answer(self.send("eval", {"code": code, "environment": "python"}))["value"]

    def finish(self) -> None:
        """Says no more; what the hub still says can be read."""
        self.out.put(None)

    def close(self) -> None:
        self.out.put(None)
        self.call.cancel()
        self.channel.close()

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Proxy:
    """Carries bytes between a client and a hub until it is told to cut."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._target = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._ends: list[socket.socket] = []
        self._over: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._lock = threading.Lock()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.accepted = 0
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            far = socket.create_connection(self._target)
            self.accepted += 1
            pairs = [
                threading.Thread(target=self._carry, args=ends, daemon=True)
                for ends in ((near, far), (far, near))
            ]
            with self._lock:
                self._ends += [near, far]
                self._threads += pairs
            for thread in pairs:
                thread.start()

    @staticmethod
    def _carry(source: socket.socket, target: socket.socket) -> None:
        try:
            while data := source.recv(1 << 16):
                target.sendall(data)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self) -> None:
        """Ends every connection, in the middle of whatever it carries."""
        with self._lock:
            ends, self._ends = self._ends, []
            self._over += ends
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(PATIENCE)
        self.cut()
        for thread in self._threads:
            thread.join(PATIENCE)
        for end in (self._listener, *self._over):
            end.close()
