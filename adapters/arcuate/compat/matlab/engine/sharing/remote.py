"""The other process's side of a shared engine: a transport to the session of its owner."""

from __future__ import annotations

import os
import select
import threading
import time
from typing import Any

from arcuate.client import messages
from arcuate.client.sigint import Guard
from arcuate.client.transport import Call, Greeting, Transport
from arcuate.compat.matlab.engine.errors import EngineError
from arcuate.compat.matlab.engine.session import EngineSession
from arcuate.compat.matlab.engine.sharing import registry
from arcuate.compat.matlab.engine.sharing.channel import Channel
from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    ConnectionLost,
    ProtocolError,
    SessionClosed,
    Unsupported,
    from_mapping,
)
from arcuate.values.nodes import Nodes

__all__ = ["attach"]

_HELLO_SECONDS = 10.0
_GRACE_SECONDS = 15.0
"""Seconds after an interrupt in which the owner, whose own grace period is shorter, has to answer."""
_SLICE = 0.25
"""Seconds of one wait: a Ctrl-C in the instant before a wait begins would go unnoticed otherwise."""


def attach(name: str) -> EngineSession:
    """A session in the engine that another process shares under this name.

    Raises:
        EngineError: there is none, or it does not answer.
    """
    return EngineSession(_SharedTransport(name), name="octave")


class _SharedTransport(Transport):
    """Frames to the owner of a shared engine."""

    name = "shared"

    def __init__(self, name: str) -> None:
        self._shared = name
        self._owner = os.getpid()
        self._wake_read, self._wake_write = os.pipe()
        for fd in (self._wake_read, self._wake_write):
            os.set_blocking(fd, False)
        self._lost = False
        self._closed = False
        self._running: Call | None = None
        self._lock = threading.Lock()
        try:
            self._channel = Channel(registry.dial(name))
        except BaseException:
            self._close_pipe()
            raise
        try:
            hello = self._greet()
        except BaseException:
            self.close()
            raise
        features = hello["features"]
        self.generation = int(hello["generation"])
        self.greeting = Greeting(
            language=str(hello["language"]),
            version=str(hello["version"]),
            pid=int(hello["pid"]),
            order=str(features.get("order", "any")),
            vectors=bool(features.get("vectors", False)),
            features=features,
            info=hello["info"],
        )

    def _greet(self) -> dict[str, Any]:
        if not select.select([self._channel.socket], [], [], _HELLO_SECONDS)[0]:
            raise EngineError(f"the engine {self._shared!r} does not answer; its process may be stopped")
        try:
            hello = messages.fields(self._channel.read())
        except (EOFError, ProtocolError):
            raise EngineError(f"the engine {self._shared!r} ended in this moment") from None
        if hello.get("op") != "hello" or hello.get("major") != 1:
            raise EngineError(
                f"the engine {self._shared!r} belongs to another version of Arcuate; use the same on both "
                "sides"
            )
        return hello

    def exchange(self, message: Nodes, call: Call) -> Nodes:
        self._check()
        guard = Guard.enter(self._wake_write)
        try:
            with self._lock:
                self._running = call
            try:
                self._channel.write(message)
                return self._await(call)
            except ArcuateError:
                raise  # some are OSErrors too
            except (EOFError, OSError):
                raise self._gone() from None
        finally:
            with self._lock:
                self._running = None
            if guard is not None:
                guard.leave()  # raises KeyboardInterrupt if Ctrl-C came meanwhile

    def post(self, message: Nodes) -> None:
        self._check()
        try:
            self._channel.write(message)
        except OSError:
            self._lost = True

    def interrupt(self, number: int | None = None) -> bool:
        with self._lock:
            call = self._running
            if call is None or number not in (None, call.id):
                return False
            call.cancelled = True
            try:
                os.write(self._wake_write, b"c")
            except BlockingIOError:
                pass
        return True

    def restart(self) -> None:
        raise Unsupported(
            "a shared engine cannot be restarted from another process; its owner can start another"
        )

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            if os.getpid() == self._owner:
                self._channel.close()
            else:
                self._channel.socket.close()  # the connection is the parent's
            self._close_pipe()

    def _close_pipe(self) -> None:
        for fd in (self._wake_read, self._wake_write):
            os.close(fd)

    def _check(self) -> None:
        if self._closed or self._lost:
            raise SessionClosed(f"the connection to the shared engine {self._shared!r} has ended")

    def _gone(self) -> ArcuateError:
        self._lost = True
        return ConnectionLost(
            f"the shared engine {self._shared!r} has ended, or its process has; find_matlab() lists those "
            "there are",
            executed="maybe",
            workspace=False,
        )

    def _await(self, call: Call) -> Nodes:
        """The reply to a call, while events are delivered and time and interrupts are watched."""
        end: float | None = None  # of the patience after an interrupt
        expired = False
        while True:
            if self._ready(call, end):
                incoming = self._channel.read()
                op, number = messages.head(incoming)
                if op == "event":
                    call.on_event(messages.fields(incoming))
                elif op == "reply" and number == call.id:
                    return incoming
                elif op == "error" and number == call.id:
                    raise _judged(from_mapping(messages.fields(incoming)), expired)
                else:
                    raise self._gone()
                continue
            now = time.monotonic()
            if end is None:
                expired = call.deadline is not None and now >= call.deadline
                if expired or call.cancelled:
                    self._channel.write(messages.build("interrupt", call.id))
                    end = now + _GRACE_SECONDS
            elif now >= end:
                raise self._gone()

    def _ready(self, call: Call, end: float | None) -> bool:
        """Waits a moment for a message; ``False``: look at the time and at what was asked."""
        if self._channel.waiting:
            return True
        limit = end if end is not None else call.deadline
        seconds = _SLICE if limit is None else max(0.0, min(_SLICE, limit - time.monotonic()))
        if end is None and call.cancelled:
            return False
        watched: list[Any] = [self._channel.socket, self._wake_read]
        found, _, _ = select.select(watched, [], [], seconds)
        if self._wake_read in found and b"i" in os.read(self._wake_read, 4096):
            call.cancelled = True
        return self._channel.socket in found


def _judged(error: ArcuateError, expired: bool) -> ArcuateError:
    """An interrupted call whose time was over has timed out."""
    if expired and isinstance(error, CallCancelled):
        return CallTimeout(
            "the call took longer than its timeout and was interrupted; the engine and its variables are "
            "intact",
            executed=error.executed,
            workspace=error.workspace,
        )
    return error
