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
from typing import Any, TypeVar

__all__ = ["Guard"]

_T = TypeVar("_T")

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
    def aside(cls, work: Callable[[], _T]) -> tuple[_T | None, bool]:
        """Runs something with the caller's own handler in force, as a callback wants it.

        Args:
            work: called once. An error of it other than KeyboardInterrupt is raised here.

        Returns:
            What it returned, or ``None`` where it did not; and whether Ctrl-C came: inside, or in the
            instants before and after it, in which nobody would take a KeyboardInterrupt.
        """
        guard = cls._active if threading.get_ident() == _main_ident else None
        result, struck = None, False
        try:
            if guard is not None:
                cls._active = None
                set_handler(_SIGINT, guard._old)
            result = work()
        except KeyboardInterrupt:
            struck = True
        finally:
            # No call stands between the two: Python would run a handler there.
            while guard is not None:
                try:
                    set_handler(_SIGINT, guard._strike)
                    cls._active = guard
                    guard.hit = guard.hit or struck
                    break
                except KeyboardInterrupt:
                    struck = True
        return result, struck

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
