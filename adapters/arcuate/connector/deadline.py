"""When a request, with all its attempts, has to be done: set by what is around it, kept by what waits."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from contextvars import ContextVar

__all__ = ["end_within", "left", "lifted", "until"]

_END: ContextVar[float | None] = ContextVar("arcuate_deadline", default=None)


@contextlib.contextmanager
def until(end: float) -> Iterator[None]:
    """What is inside ends by a time of :func:`time.monotonic`, or by an earlier one that holds already."""
    known = _END.get()
    token = _END.set(end if known is None else min(end, known))
    try:
        yield
    finally:
        _END.reset(token)


@contextlib.contextmanager
def lifted() -> Iterator[None]:
    """What is inside has no end: a file takes as long as it takes."""
    token = _END.set(None)
    try:
        yield
    finally:
        _END.reset(token)


def end_within(seconds: float) -> float:
    """The time by which something has to be done that may take so many seconds."""
    end = time.monotonic() + seconds
    known = _END.get()
    return end if known is None else min(end, known)


def left() -> float | None:
    """Seconds that are left, less than 0 when it is too late; ``None`` where there is no end."""
    end = _END.get()
    return None if end is None else end - time.monotonic()
