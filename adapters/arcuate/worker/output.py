"""The worker's stdout and stderr: read live, decoded, and remembered for error messages."""

from __future__ import annotations

import codecs
import os
from collections import deque
from collections.abc import Callable, Sequence

__all__ = ["Output"]

_READ = 1 << 16
_STEP = 0.02


class Output:
    """Reads two descriptors of a worker.

    Args:
        stdout: its standard output (non-blocking).
        stderr: its standard error (non-blocking).
        keep: bytes of the last output that :attr:`last` holds.
        quiet: lines of stderr that are dropped.
    """

    def __init__(self, stdout: int, stderr: int, keep: int, quiet: Sequence[str] = ()) -> None:
        self._names = {stdout: "stdout", stderr: "stderr"}
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {fd: decoder(errors="replace") for fd in self._names}
        self._keep = keep
        self._quiet = tuple(quiet)
        self._tail: deque[str] = deque()
        self._tail_size = 0
        self.pending: list[tuple[str, str]] = []

    def read_one(self, fd: int) -> bool:
        """Reads what is there now. Returns ``False`` at the end of the stream."""
        try:
            data = os.read(fd, _READ)
        except BlockingIOError:
            return True
        except OSError:
            return False
        text = self._decoders[fd].decode(data, final=not data)
        if self._quiet and self._names[fd] == "stderr":
            for line in self._quiet:
                text = text.replace(line + "\n", "")
        if text:
            self.pending.append((self._names[fd], text))
            self._tail.append(text)
            self._tail_size += len(text)
            while self._tail_size > self._keep and len(self._tail) > 1:
                self._tail_size -= len(self._tail.popleft())
        return bool(data)

    def read(self) -> None:
        """Reads everything that has been written so far."""
        for fd in self._names:
            for _ in range(1024):
                before = len(self.pending)
                if not self.read_one(fd) or len(self.pending) == before:
                    break

    def drain_until(self, wait: Callable[[float], int | None], seconds: float) -> int | None:
        """Waits for the worker's end while its output is read, so that a full pipe cannot keep it."""
        left = seconds
        while left > 0:
            code = wait(_STEP)
            self.read()
            if code is not None:
                return code
            left -= _STEP
        return None

    def take(self) -> list[tuple[str, str]]:
        """What was read since the last time: (stream, text)."""
        pending, self.pending = self.pending, []
        return pending

    @property
    def last(self) -> str:
        """The last that the worker printed, on both streams."""
        return "".join(self._tail)[-self._keep :]
