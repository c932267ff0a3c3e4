"""Short pauses of Python's garbage collector while blocks must be on time."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["steady"]

_lock = threading.Lock()
_running = 0
_frozen = False


@contextmanager
def steady() -> Iterator[None]:
    """Meanwhile the collector looks only at what is made from now on.

    A full collection in a process that has imported numpy, pandas and xarray takes about 80 ms, as
    long as the samples of a block do; nearly all of it is for objects that were there before.
    """
    global _running, _frozen
    with _lock:
        _running += 1
        if _running == 1 and not gc.get_freeze_count():  # else the program has done so itself
            gc.freeze()
            _frozen = True
    try:
        yield
    finally:
        with _lock:
            _running -= 1
            if not _running and _frozen:
                gc.unfreeze()
                _frozen = False
