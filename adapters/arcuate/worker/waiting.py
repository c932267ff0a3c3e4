"""Waiting for the other process: a short look around before going to sleep.

Two processes that take turns end up on one processor when each sleeps while the other works: the kernel wakes
the sleeper where the message was written. Both interpreters then push each other out of the caches, and each
runs at a third of its speed. A side that goes on looking for some microseconds stays on a processor of its
own, and its wake-up is spared too.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from time import perf_counter

__all__ = ["Lookout"]

_Ready = list[tuple[int, int]]
_LOOK = 100e-6
_TRUST = 64
"""So many waits in vain in a row end the looking: enough for the kernel to have moved one of two processes
that share a processor (its clock ticks 100 to 1000 times a second)."""
_REST = 64
"""Of so many waits one tries again then."""


def _processors() -> int:
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except (AttributeError, OSError):
        return os.cpu_count() or 1


class Lookout:
    """Polls without sleeping at first, as long as that is of use.

    It is of use when the answer usually comes within that time. After some waits in which it did not, most
    waits go to sleep at once, and now and then one tries again. With one processor all do.

    Args:
        poll: ``select.poll().poll`` of what is waited for.
        seconds: how long to look before sleeping.
    """

    __slots__ = ("_left", "_poll", "_seconds", "_trust")

    def __init__(self, poll: Callable[[float | None], _Ready], seconds: float = _LOOK) -> None:
        self._poll = poll
        self._seconds = seconds if hasattr(os, "sched_yield") and _processors() > 1 else 0.0
        self._trust = _TRUST
        self._left = 0

    def wait(self, milliseconds: float | None) -> _Ready:
        """What is ready; an empty list when nothing was within that time (``None``: no limit)."""
        poll = self._poll
        if not self._seconds:
            return poll(milliseconds)
        if not self._trust:
            if self._left:
                self._left -= 1
                return poll(milliseconds)
            self._left = _REST
        end = perf_counter() + self._seconds
        pause = os.sched_yield
        while True:
            ready = poll(0)
            if perf_counter() > end:  # also where other threads or programs kept us from looking
                break
            if ready:
                self._trust = _TRUST
                return ready
            pause()  # the other side may share this processor, and could not answer
        if self._trust:
            self._trust -= 1
            self._left = _REST
        return ready or poll(milliseconds)
