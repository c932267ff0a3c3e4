"""Ends what was dropped without being closed, in a thread of its own.

Python collects garbage in the midst of what any thread does, with the locks that it holds. Whatever waits
for a worker or a network there holds a stranger up, and for ever if the two need each other.
"""

from __future__ import annotations

import _thread
import contextlib
import sys
import threading
from collections.abc import Callable

__all__ = ["end_later"]


def end_later(close: Callable[[], object]) -> None:
    """Has something closed soon; for ``__del__``. Errors have nobody to be told to.

    Args:
        close: may wait. At the end of Python, when no other thread runs any more, it is not called: the
            system takes everything back.
    """
    if sys.is_finalizing():
        return
    try:
        # Not threading's, which takes locks that this very thread may hold.
        _thread.start_new_thread(_begin, (close,))
    except RuntimeError:  # no more threads are to be had
        _quietly(close)


def _begin(close: Callable[[], object]) -> None:
    threading.Thread(target=_quietly, args=(close,), name="arcuate-dropped", daemon=True).start()


def _quietly(close: Callable[[], object]) -> None:
    with contextlib.suppress(Exception):
        close()
