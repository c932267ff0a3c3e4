"""Ends what was dropped without being closed, in a thread of its own.

Python collects garbage in the midst of what any thread does, with the locks that it holds. Whatever waits
for a worker or a network there holds a stranger up, and for ever if the two need each other.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable

__all__ = ["end_later"]

_LAST = 5.0
"""Seconds that the end of Python leaves to what is being closed."""
_under_way: dict[int, Callable[[], object]] = {}


def end_later(close: Callable[[], object]) -> None:
    """Has something closed soon; for ``__del__``. Errors have nobody to be told to.

    Args:
        close: may wait. At the end of Python, when no other thread runs any more, it is not called: the
            system takes everything back.
    """
    if sys.is_finalizing():
        return
    _under_way[id(close)] = close
    try:
        # Not threading's, which takes locks that this very thread may hold.
        _thread.start_new_thread(_begin, (close,))
    except RuntimeError:  # no more threads are to be had
        _quietly(close)


def _begin(close: Callable[[], object]) -> None:
    try:
        threading.Thread(target=_quietly, args=(close,), name="arcuate-dropped", daemon=True).start()
    except RuntimeError:  # this one was the last
        _quietly(close)


def _quietly(close: Callable[[], object]) -> None:
    try:
        with contextlib.suppress(Exception):
            close()
    finally:
        _under_way.pop(id(close), None)


@atexit.register
def _wait() -> None:
    end = time.monotonic() + _LAST
    while _under_way and time.monotonic() < end:
        time.sleep(0.005)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_under_way.clear)
