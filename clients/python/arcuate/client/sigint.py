"""Ctrl-C while a call runs: the running call is interrupted, the session is kept, and KeyboardInterrupt is
raised when the channel is in order again.

Python raises KeyboardInterrupt between any two bytecodes, which could lose bytes that were just read from a
worker. While the main thread is inside an exchange, SIGINT therefore only wakes
the poll; the exchange interrupts the worker, takes its answer, and the guard raises afterwards. Inside a
callback the caller's own handler is back in force.
"""

from __future__ import annotations

import os
import threading
from _signal import getsignal  # type: ignore[import-not-found]  # the wrappers in signal make enums, which costs more than the call
from _signal import signal as set_handler
from collections.abc import Callable
from signal import SIGINT
from types import FrameType
from typing import Any

__all__ = ["Guard"]

_Handler = Any
_SIGINT = int(SIGINT)
_main_ident = threading.main_thread().ident


class Guard:
    """Replaces the SIGINT handler of the main thread for the time of an exchange."""

    __slots__ = ("_old", "_wake", "hit")

    _active: Guard | None = None

    def __init__(self, wake: int | Callable[[], None], old: _Handler) -> None:
        self._wake = wake
        self._old = old
        self.hit = False

    @classmethod
    def enter(cls, wake: int | Callable[[], None]) -> Guard | None:
        """Begins, if this is the main thread and a Python handler is installed.

        Args:
            wake: a descriptor that is written to on Ctrl-C, or what is called then.
        """
        if threading.get_ident() != _main_ident or cls._active is not None:
            return None
        old = getsignal(_SIGINT)
        if not callable(old):
            return None  # ignored or left to the system: so be it
        guard = cls(wake, old)
        cls._active = guard
        try:
            set_handler(_SIGINT, guard._strike)
        except BaseException:  # a Ctrl-C that came just before
            cls._active = None
            raise
        return guard

    @classmethod
    def struck(cls, wake: int | Callable[[], None]) -> bool:
        """Whether Ctrl-C came during the exchange that ``wake`` wakes."""
        guard = cls._active
        return guard is not None and guard.hit and guard._wake == wake

    def leave(self) -> None:
        """Ends; raises what Ctrl-C would have raised."""
        Guard._active = None
        set_handler(_SIGINT, self._old)
        if self.hit:
            self._old(_SIGINT, None)

    @classmethod
    def pause(cls) -> Guard | None:
        """The caller's own handler is back in force until :meth:`resume`."""
        guard = cls._active
        if guard is None or threading.get_ident() != _main_ident:
            return None
        set_handler(_SIGINT, guard._old)
        cls._active = None
        return guard

    @classmethod
    def resume(cls, guard: Guard | None) -> None:
        """Ends a pause."""
        if guard is not None:
            cls._active = guard
            while True:
                try:
                    set_handler(_SIGINT, guard._strike)
                    return
                except BaseException:  # a Ctrl-C that came just before: as if it came after
                    guard._strike(_SIGINT, None)

    def _strike(self, number: int, frame: FrameType | None) -> None:
        self.hit = True
        if not isinstance(self._wake, int):
            self._wake()
            return
        try:
            os.write(self._wake, b"i")
        except BlockingIOError:
            pass


def _after_fork() -> None:
    Guard._active = None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
