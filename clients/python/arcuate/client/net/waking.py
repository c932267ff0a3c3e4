"""A pipe that wakes a thread which polls."""

from __future__ import annotations

import os
import threading
from contextlib import suppress

__all__ = ["Waking"]


class Waking:
    """A pipe that any thread writes to, and a signal handler, also after it was closed.

    Attributes:
        fd: the end to wait on; negative when it is closed.
    """

    def __init__(self) -> None:
        self.fd, self._write = os.pipe()
        for fd in (self.fd, self._write):
            os.set_blocking(fd, False)
        self._lock = threading.RLock()
        """A number that is no longer ours may be that of anybody's file. A handler comes in again."""

    def wake(self) -> None:
        """Makes :attr:`fd` readable; nothing happens when it is closed."""
        with self._lock, suppress(BlockingIOError):
            if self._write >= 0:
                os.write(self._write, b"w")

    def clear(self) -> None:
        """Takes what was written."""
        with suppress(BlockingIOError):
            os.read(self.fd, 4096)

    def close(self) -> None:
        """Closes it; nobody may wait on it any more. Idempotent."""
        with self._lock:
            fds = (self.fd, self._write)
            self.fd = self._write = -1
            for fd in fds:
                if fd >= 0:
                    os.close(fd)
