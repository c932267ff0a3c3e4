"""A server of MongoDB's protocol that answers as a test says: for what the server at hand has not.

It has users (whose password is always wrong), transactions, and lost connections.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import bson

HELLO = {
    "ok": 1,
    "helloOk": True,
    "isWritablePrimary": True,
    "ismaster": True,
    "maxBsonObjectSize": 16 << 20,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
    "minWireVersion": 0,
    "maxWireVersion": 21,
    "logicalSessionTimeoutMinutes": 30,
    "setName": "set",
    "saslSupportedMechs": ["SCRAM-SHA-256"],
}
Answer = Callable[[str, dict[str, Any]], "dict[str, Any] | None"]


class Scripted:
    """Attributes: port, ``asked``: (name, command) of all commands but those of a connection's life."""

    def __init__(self, answer: Answer) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        host = f"127.0.0.1:{self.port}"
        self._hello = {**HELLO, "hosts": [host], "me": host, "primary": host}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answer = answer
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                one, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(one)
            thread = threading.Thread(target=self._serve, args=(one,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, one: socket.socket) -> None:
        with one, contextlib.suppress(OSError, EOFError):
            while True:
                size, number, _, kind = struct.unpack("<iiii", _exactly(one, 16))
                body = _exactly(one, size - 16)
                if kind == 2004:  # the first greeting, as old servers took it
                    start = body.index(b"\0", 4) + 9
                    self._send(
                        one, number, 1, bytes(16) + b"\1\0\0\0", self._asked(bson.decode(body[start:]))
                    )
                else:
                    self._send(one, number, 2013, b"\0" * 5, self._asked(_command(body)))

    def _asked(self, command: dict[str, Any]) -> dict[str, Any]:
        name = next(iter(command))
        if name.lower() in ("hello", "ismaster"):
            return self._hello
        if name in ("ping", "endSessions"):
            return {"ok": 1}
        self.asked.append((name, command))
        found = self._answer(name, command)
        if found is None:
            raise EOFError
        return found

    def _send(self, one: socket.socket, number: int, kind: int, before: bytes, found: Any) -> None:
        data = before + bson.encode(found)
        one.sendall(struct.pack("<iiii", len(data) + 16, 0, number, kind) + data)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(10)


def _exactly(one: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        piece = one.recv(size - len(found))
        if not piece:
            raise EOFError
        found += piece
    return found


def _command(body: bytes) -> dict[str, Any]:
    """The command of a message: one document, and lists of documents by name."""
    flags, place = struct.unpack_from("<I", body)[0], 4
    end = len(body) - (4 if flags & 1 else 0)
    command: dict[str, Any] = {}
    while place < end:
        kind, place = body[place], place + 1
        size = struct.unpack_from("<i", body, place)[0]
        if kind == 0:
            command = {**bson.decode(body[place : place + size]), **command}
        else:
            name, _, documents = body[place + 4 : place + size].partition(b"\0")
            command[name.decode()] = bson.decode_all(documents)
        place += size
    # The command's own name comes first.
    return dict(sorted(command.items(), key=lambda item: item[0] in ("documents", "updates", "deletes")))


@contextlib.contextmanager
def scripted(answer: Answer) -> Iterator[Scripted]:
    """Serves as ``answer(name, command)`` says; None: the connection ends."""
    server = Scripted(answer)
    try:
        yield server
    finally:
        server.close()
