"""What brings the blocks of one reader: asked for the next one, or filled from a library's own thread."""

from __future__ import annotations

import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from typing import Any

from arcuate.streaming.block import Block

__all__ = ["Feed", "QueueFeed"]

Gap = tuple[str, "int | None", int]


class Feed(ABC):
    """One reader's connection to its topics. One thread asks it; any thread may wake or close it.

    A system whose library is asked for data (``poll``) implements :meth:`next` alone; one whose library calls
    back or has a thread of its own uses :class:`QueueFeed`.

    Attributes:
        gaps: what the system lost and the reader was not told yet: (topic, how many or ``None``, the number
            of the block after it).
    """

    def __init__(self) -> None:
        self.gaps: deque[Gap] = deque()

    @abstractmethod
    def next(self, timeout: float) -> Block | None:
        """The next block; ``None`` when none came in so many seconds, or when it was woken.

        Raises:
            IntegrationError: the system failed.
            EOFError: there will be no more.
        """

    def wake(self) -> None:  # noqa: B027  (not every feed can)
        """Ends a :meth:`next` that waits, from any thread; where that cannot be done, its timeout does."""

    def lost(self, topic: str, count: int | None, sequence: int = 0) -> None:
        """Notes that blocks were lost before the next one."""
        self.gaps.append((topic, count, sequence))

    @abstractmethod
    def close(self) -> None:
        """Gives everything back. A second call does nothing."""


class QueueFeed(Feed):
    """A feed that is filled by another thread, and holds that back when the reader does not keep up.

    Args:
        size: blocks that may wait.

    A subclass ends what fills it in :meth:`close`, and calls this class's.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self._waiting: deque[Any] = deque()
        self._changed = threading.Condition(threading.Lock())
        self._error: BaseException | None = None
        self._ended = self._woken = False
        self._asking = 0

    # --- For what fills it

    def offer(self, item: Any, *, force: bool = False) -> bool:
        """Adds a block without waiting; whether there was room for it.

        Args:
            item: a block, or what :meth:`made` makes one of.
            force: also where there is no room, for systems that send no more than they were asked for.
        """
        with self._changed:
            if self._ended or (len(self._waiting) >= self.size and not force):
                return False
            self._waiting.append(item)
            if self._asking:
                self._changed.notify_all()
        return True

    def put(self, block: Any, timeout: float | None = None) -> bool:
        """Adds a block, waiting while the queue is full; whether it was taken before it was closed."""
        with self._changed:
            if len(self._waiting) >= self.size and not self._ended:
                self._changed.wait_for(lambda: len(self._waiting) < self.size or self._ended, timeout)
            if self._ended or len(self._waiting) >= self.size:
                return False
            self._waiting.append(block)
            if self._asking:
                self._changed.notify_all()
        return True

    def fail(self, error: BaseException) -> None:
        """What is left is read; then this is raised."""
        with self._changed:
            self._error = self._error or error
            self._changed.notify_all()

    def finish(self) -> None:
        """What is left is read; then the stream ends."""
        self.fail(EOFError())

    def __len__(self) -> int:
        return len(self._waiting)

    # --- For the reader

    def next(self, timeout: float) -> Block | None:
        with self._changed:
            if not self._waiting and timeout > 0 and not self._ready():
                self._asking += 1
                try:
                    self._changed.wait_for(self._ready, timeout)
                finally:
                    self._asking -= 1
            self._woken = False
            if not self._waiting:
                if self._error is not None:
                    raise self._error
                if self._ended:
                    raise EOFError
                return None
            item = self._waiting.popleft()
            if len(self._waiting) == self.size - 1:
                self._changed.notify_all()
        self.taken()
        return self.made(item)

    def made(self, item: Any) -> Block | None:
        """The block of what was put; ``None`` leaves it out. Called in the reader's thread."""
        found: Block = item
        return found

    def taken(self) -> None:
        """A block was taken: there is room for another. Must not wait."""

    def _ready(self) -> bool:
        return bool(self._waiting) or self._error is not None or self._ended or self._woken

    def wake(self) -> None:
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._ended = True
            self._waiting.clear()
            self._changed.notify_all()


def left(end: float | None, most: float) -> float:
    """Seconds until a point of :func:`time.monotonic`, at most so many; 0 when it has passed."""
    return most if end is None else min(most, max(0.0, end - time.monotonic()))
