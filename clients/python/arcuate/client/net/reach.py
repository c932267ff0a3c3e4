"""A connection to a hub that is made again when it is lost: what publishers and subscribers stand on."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from typing import Any

from arcuate.client import messages
from arcuate.client.net.bus import greet
from arcuate.client.net.link import Link
from arcuate.client.sigint import Guard
from arcuate.errors import ConnectionLost, SessionClosed, Unavailable, from_mapping
from arcuate.values.nodes import Nodes

__all__ = ["Reach"]

_CONNECT = 10.0
"""Seconds that connecting may take."""
_SLICE = 0.25
_SILENCE, _DEAD = 30.0, 90.0
"""Seconds of silence after which the hub is asked for a sign of life, and after which it counts as lost."""
_FIRST_DELAY, _LAST_DELAY = 0.05, 2.0


class Reach:
    """A hub within reach.

    Args:
        link: carries the messages; not connected yet.
        token: says who we are.
        patience: seconds in which a lost connection must be back.
        begin: called on each fresh connection, after the greeting.
        within: seconds that connecting may take, and the answer to what is asked then; 10 by default.

    Attributes:
        connects: how often the connection was made.
        away: whether it is lost and being made again.
        within: as given, or 10.
    """

    def __init__(
        self,
        link: Link,
        token: str | None,
        patience: float,
        begin: Callable[[], None] | None = None,
        *,
        within: float | None = None,
    ) -> None:
        self.connects = 0
        self.away = False
        self.within = _CONNECT if within is None else within
        self._link = link
        self._token = token
        self._patience = patience
        self._begin = begin
        self._owner = os.getpid()
        self._stop = threading.Event()
        self._busy = threading.RLock()
        """Held while the link is used: it is not closed under another thread."""
        self._closed = False
        self._number = 0
        self._heard = 0.0
        self._asked = False

    def connect(self) -> None:
        """Makes the connection, once.

        Raises:
            ConnectionLost: nobody answers.
            AuthenticationFailed: the hub does not know us.
        """
        try:
            self._connect(self.within)
        except BaseException:
            self.close()
            raise

    def _connect(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        with self._busy:
            if self._closed:
                raise _over()
            self._link.connect(timeout)
            greet(self._link, self._token, round(max(0.1, end - time.monotonic()), 1))
            self.connects += 1
            self._heard, self._asked = time.monotonic(), False
            if self._begin is not None:
                self._begin()

    def recover(self, error: ConnectionLost | Unavailable, until: float | None = None) -> None:
        """Makes the connection again, with pauses that grow.

        Args:
            error: what happened to the old one.
            until: ``time.monotonic()`` at which to give up, before the patience ends.

        Raises:
            ConnectionLost: it is not back in time.
        """
        self.away = True
        end = time.monotonic() + self._patience
        delay = _FIRST_DELAY
        while True:
            again: ConnectionLost | Unavailable
            try:
                self._connect(max(0.5, min(self.within, end - time.monotonic())))
                self.away = False
                return
            except (ConnectionLost, Unavailable) as failed:
                again = failed
            now = time.monotonic()
            if now + delay >= end or (until is not None and now + delay >= until):
                raise ConnectionLost(
                    f"the connection was lost ({error.message}) and could not be made again in time "
                    f"({again.message})",
                    executed="maybe",
                )
            if self._stop.wait(delay * (0.5 + random.random() / 2)):  # noqa: S311
                raise _over()
            delay = min(delay * 2, _LAST_DELAY)

    def send(self, message: Nodes) -> None:
        """Sends a message."""
        with self._busy:
            self._link.send(message)

    def receive(self, end: float | None) -> Nodes | None:
        """The next message, or ``None`` at ``end`` (``time.monotonic()``).

        Raises:
            ConnectionLost: the connection broke, or the hub gives no sign of life.
            SessionClosed: it was stopped.
            KeyboardInterrupt: Ctrl-C; nothing is lost then.
        """
        with self._busy:
            return self._receive(end)

    def _receive(self, end: float | None) -> Nodes | None:
        wake = self._link.wake
        guard = Guard.enter(wake)
        try:
            while not (self._stop.is_set() or Guard.struck(wake)):
                now = time.monotonic()
                if end is not None and now >= end:
                    return None
                found = self._link.receive(_SLICE if end is None else min(_SLICE, end - now))
                if found is not None:
                    self._heard, self._asked = time.monotonic(), False
                    return found
                self._listen()
        finally:
            if guard is not None:
                guard.leave()
        raise _over()

    def _listen(self) -> None:
        """Asks for a sign of life after a long silence."""
        silent = time.monotonic() - self._heard
        if silent >= _DEAD:
            raise ConnectionLost(f"the hub has not answered for {silent:.0f} s", executed="maybe")
        if silent >= _SILENCE and not self._asked:
            self._asked = True
            self.send(messages.build("ping", self.number()))

    def ask(self, op: str, fields: dict[str, Any], aside: Callable[[Nodes], None] | None = None) -> Any:
        """Asks the hub something and waits for the answer; other messages that come go to ``aside``."""
        number = self.number()
        self.send(messages.build(op, number, fields))
        return self.answer(number, time.monotonic() + self.within, aside)

    def answer(self, number: int, end: float | None, aside: Callable[[Nodes], None] | None = None) -> Any:
        """Waits for the answer to a request."""
        while True:
            found = self.receive(end)
            if found is None:
                raise ConnectionLost("the hub did not answer in time", executed="maybe")
            op, got = messages.head(found)
            if got == number or (op == "error" and got == 0):
                fields = messages.fields(found)
                if op == "error":
                    raise from_mapping(fields)
                return fields.get("value")
            if aside is not None:
                aside(found)

    def number(self) -> int:
        """A new id."""
        self._number += 1
        return self._number

    def check(self) -> None:
        """Refuses use in a forked child, or after the end."""
        if os.getpid() != self._owner:
            raise SessionClosed(
                f"this connection belongs to process {self._owner}; a forked child cannot use it: make "
                "one of its own in the child"
            )
        if self._closed:
            raise SessionClosed("this connection is closed; make another")

    def stop(self) -> None:
        """Ends a wait, from any thread."""
        self._stop.set()
        self._link.wake()

    @property
    def stopped(self) -> bool:
        """Whether :meth:`stop` was called."""
        return self._stop.is_set()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._closed

    def close(self) -> None:
        """Ends the connection, from any thread; who waits for a message is woken first. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if os.getpid() != self._owner:
            self._link.close()  # a thread of the parent may have the lock
            return
        self._link.ending = True
        self.stop()
        with self._busy:
            self._link.close()


def _over() -> SessionClosed:
    return SessionClosed("it was stopped, or closed, while this waited")
