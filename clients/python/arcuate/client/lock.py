"""A lock that serves callers in the order in which they came, and lets its owner in again."""

from __future__ import annotations

import threading
from collections import deque
from typing import ClassVar

from arcuate.errors import Unavailable

__all__ = ["FairLock"]


class FairLock:
    """First come, first served; re-entrant for the owning thread.

    A session takes it for the time of a call, so calls of several threads are queued in order, and a call
    from inside a callback, which runs on the thread that waits, is let in at once.
    """

    _blocked: ClassVar[dict[int, FairLock]] = {}
    """By thread: the lock that it waits for without an end."""

    __slots__ = ("_count", "_mutex", "_owner", "_waiting")

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._owner: int | None = None
        self._count = 0
        self._waiting: deque[tuple[int, threading.Lock]] = deque()

    def acquire(self, timeout: float | None = None) -> bool:
        """Waits for one's turn; ``False`` when ``timeout`` seconds pass before.

        Raises:
            Unavailable: without a timeout: who has it waits, perhaps by way of others, for a lock of ours.
        """
        me = threading.get_ident()
        with self._mutex:
            if self._owner == me:
                self._count += 1
                return True
            if self._owner is None:
                self._owner = me
                self._count = 1
                return True
            gate = threading.Lock()
            gate.acquire()
            place = (me, gate)
            self._waiting.append(place)
        got = circle = False
        try:
            if timeout is None:
                self._blocked[me] = self
                circle = self._circle(me)
            got = not circle and gate.acquire(timeout=-1 if timeout is None else max(0.0, timeout))
        finally:
            self._blocked.pop(me, None)
            if not got:
                with self._mutex:
                    if place in self._waiting:
                        self._waiting.remove(place)
                    else:  # it became ours at the last moment
                        got = True
        if circle and not got:
            raise Unavailable(
                "the session is in a call that waits for this thread, and would wait for ever: call its "
                "functions from its own callbacks only, or give the call a timeout"
            )
        return got

    def _circle(self, me: int) -> bool:
        """Whether a thread would wait for itself. Of those in a circle, the last to come finds the others."""
        lock: FairLock | None = self
        for _ in range(len(self._blocked)):
            owner = None if lock is None else lock._owner
            if owner is None or owner == me:
                return owner == me
            lock = self._blocked.get(owner)
        return False

    def release(self) -> None:
        """Passes on to the one that has waited longest."""
        with self._mutex:
            self._count -= 1
            if self._count:
                return
            if self._waiting:
                self._owner, gate = self._waiting.popleft()
                self._count = 1
                gate.release()
            else:
                self._owner = None

    @property
    def held(self) -> bool:
        """Whether the calling thread owns it."""
        return self._owner == threading.get_ident()
