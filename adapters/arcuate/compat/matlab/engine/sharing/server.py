"""The owner's side of a shared engine: lets other processes of this user use its session.

Each connection has a thread that reads, so that an interrupt is heard while a call runs, and one that calls.
Messages are handed through as they are; only the numbers of calls are replaced.
"""

from __future__ import annotations

import os
import queue
import socket
import struct
import sys
import threading
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from arcuate.client import messages
from arcuate.client.transport import Call
from arcuate.compat.matlab.engine.session import EngineSession
from arcuate.compat.matlab.engine.sharing import registry
from arcuate.compat.matlab.engine.sharing.channel import Channel
from arcuate.errors import ArcuateError, InternalError, InvalidArgument, to_mapping
from arcuate.values import codes
from arcuate.values.nodes import Nodes

__all__ = ["Server"]

_SEND_SECONDS = 30
"""Seconds that a process has to read what it is sent, before it is given up: the engine waits meanwhile."""
_REQUESTS = frozenset(
    (
        "call", "eval", "run", "get", "set", "delete", "exists", "list", "attr", "index", "show", "names",
        "describe",
    )
)  # fmt: skip
_servers: weakref.WeakSet[Server] = weakref.WeakSet()


class Server:
    """Shares a session under a name.

    Args:
        session: the session.
        name: the name.
        lost: told of an error after which the engine is of no use any more.

    Raises:
        EngineError: the name is none, or taken.
    """

    def __init__(self, session: EngineSession, name: str, lost: Callable[[ArcuateError], None]) -> None:
        self.name = name
        self.session = session
        self.lost = lost
        self._socket = registry.listen(name)
        self._owner = os.getpid()
        self._closing = False
        self._visits: set[_Visit] = set()
        self._lock = threading.Lock()
        _servers.add(self)
        self._thread = threading.Thread(target=self._accept, name=f"arcuate-share-{name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the sharing: the name is free, whoever is connected is cut off. Idempotent."""
        if os.getpid() != self._owner:
            return
        with self._lock:
            visits, self._visits = self._visits, set()
            listening = self._socket.fileno() >= 0
        if listening:
            self._closing = True
            registry.nudge(self.name)  # wakes the thread that accepts
            if threading.current_thread() is not self._thread:
                self._thread.join(10)
            registry.forget(self.name, self._socket)
        for visit in visits:
            visit.end()

    def abandon(self) -> None:
        """In a forked child: leaves the name to the parent."""
        self._socket.close()
        for visit in self._visits:
            visit.channel.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return  # closed
            if self._closing:
                connection.close()
                return
            if registry.peer(connection) != os.getuid():
                connection.close()
                continue
            visit = _Visit(self, connection)
            with self._lock:
                self._visits.add(visit)
            visit.start()

    def left(self, visit: _Visit) -> None:
        """A connection has ended."""
        with self._lock:
            self._visits.discard(visit)


class _Visit:
    """One connection of another process."""

    def __init__(self, server: Server, connection: socket.socket) -> None:
        self._server = server
        self._session = server.session
        if sys.platform == "linux":
            limit = struct.pack("ll", _SEND_SECONDS, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)
        self.channel = Channel(connection)
        self._requests: queue.SimpleQueue[Nodes | None] = queue.SimpleQueue()
        self._handles: Counter[str] = Counter()
        self._gone = False
        self._unwanted = -1  # the request that was interrupted last, by the caller's number
        self._current = -1
        self._call: Call | None = None
        self._mutex = threading.Lock()
        self._telling = threading.Lock()  # held while it is told that the engine has ended

    def start(self) -> None:
        """Begins to serve it."""
        name = f"arcuate-shared-{self._server.name}"
        threading.Thread(target=self._read, name=name, daemon=True).start()
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def end(self) -> None:
        """Cuts it off; a call of its own that runs is interrupted."""
        self._gone = True
        self._interrupt()
        self._requests.put(None)
        with self._telling:
            self.channel.close()

    # ---------------------------------------------------------------- reading

    def _read(self) -> None:
        """Takes what comes: requests into the queue, interrupts at once."""
        try:
            while True:
                message = self.channel.read()
                op, number = messages.head(message)
                if op == "interrupt":
                    self._interrupt(number)
                else:
                    self._requests.put(message)
        except (EOFError, ArcuateError):
            pass  # it left, or sent what is no message
        self.end()
        self._server.left(self)

    def _interrupt(self, number: int | None = None) -> None:
        """Interrupts its call of that number, or whatever it has asked for."""
        with self._mutex:
            if number is not None:
                self._unwanted = number
            call = self._call if number in (None, self._current) else None
        if call is not None:
            call.cancelled = True  # also where it is not quite under way yet
            self._session._transport.interrupt(call.id)

    # ---------------------------------------------------------------- calling

    def _serve(self) -> None:
        """Says who is here, then makes the calls in order."""
        try:
            self.channel.write(messages.build("hello", 0, _greeting(self._session)))
            while (message := self._requests.get()) is not None:
                self._answer(message)
        except OSError:
            pass  # it left
        finally:
            self._session.release(list(self._handles.elements()))
            self.end()

    def _answer(self, message: Nodes) -> None:
        op, number = messages.head(message)
        if op == "release":
            self._release(message)
            return
        with self._mutex:
            self._current = number
        ended: ArcuateError | None = None
        try:
            if op not in _REQUESTS:
                raise InvalidArgument(f"a shared engine does not know the request {op!r}")
            reply = self._session.relay(message, self._event, self._begin, self._wanted)
            self._count(reply)
        except ArcuateError as error:
            ended = error if error.workspace is False else None
            reply = messages.build("error", number, to_mapping(error))
        except Exception as error:  # whatever it is, the other process must not wait for ever
            failure = InternalError(f"{type(error).__name__}: {error}", executed="maybe")
            reply = messages.build("error", number, to_mapping(failure))
        finally:
            with self._mutex:
                self._call = None
                self._current = -1
        if ended is None:
            self.channel.write(reply)
            return
        with self._telling:  # who ends the engine now cuts this connection off, but not before it knows why
            self._server.lost(ended)
            self.channel.write(reply)

    def _begin(self, call: Call) -> bool:
        with self._mutex:
            self._call = call
        return self._wanted()

    def _wanted(self) -> bool:
        return not self._gone and self._unwanted != self._current

    def _event(self, event: Mapping[str, Any]) -> None:
        try:
            self.channel.write(messages.build("event", self._current, event))
        except OSError:
            self.channel.close()  # the reading thread notices, and interrupts

    def _count(self, reply: Nodes) -> None:
        """Notes the objects that it was given, to let go of them when it leaves."""
        self._handles.update(row[7] for row in reply.rows if row[0] == codes.HANDLE)

    def _release(self, message: Nodes) -> None:
        names = [str(name) for name in messages.fields(message).get("handles") or ()]
        given = [name for name in names if self._handles[name] > 0]
        self._handles.subtract(given)
        self._handles += Counter()  # without those that are at zero
        self._session.release(given)


def _greeting(session: EngineSession) -> dict[str, Any]:
    greeting = session._transport.greeting
    return {
        "major": 1,
        "minor": 0,
        "language": greeting.language,
        "version": greeting.version,
        "pid": greeting.pid,
        "generation": session._transport.generation,
        "features": dict(greeting.features),
        "info": dict(greeting.info),
    }


def _after_fork() -> None:
    for server in list(_servers):
        server.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
