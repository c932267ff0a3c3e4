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
        keep: characters of the last output that :attr:`last` holds.
        quiet: whole lines of stderr that are dropped. What may become such a line is held until it is known,
            or until :meth:`settle`.
    """

    def __init__(self, stdout: int, stderr: int, keep: int, quiet: Sequence[str] = ()) -> None:
        self._names = {stdout: "stdout", stderr: "stderr"}
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {fd: decoder(errors="replace") for fd in self._names}
        self._keep = keep
        self._quiet = tuple(line + "\n" for line in quiet)
        self._held = ""  # the beginning of a line that may turn out to be a quiet one
        self._fresh = True  # stderr stands at the start of a line
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
            text = self._without_quiet(text, final=not data)
        self._append(self._names[fd], text)
        return bool(data)

    def _append(self, name: str, text: str) -> None:
        if not text:
            return
        self.pending.append((name, text))
        self._tail.append(text)
        self._tail_size += len(text)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._keep:
            self._tail_size -= len(self._tail.popleft())

    def _without_quiet(self, text: str, *, final: bool) -> str:
        text, self._held = self._held + text, ""
        kept = []
        for line in text.splitlines(keepends=True):
            if self._fresh and line in self._quiet:
                continue
            if self._fresh and not final and any(quiet.startswith(line) for quiet in self._quiet):
                self._held = line  # not at its end yet, so it is the last one
                break
            self._fresh = line.endswith("\n")
            kept.append(line)
        return "".join(kept)

    def settle(self) -> None:
        """Gives out what is held: the worker says that its output is complete up to here."""
        if self._held:
            text, self._held = self._held, ""
            self._fresh = False
            self._append("stderr", text)

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
        return "".join(self._tail)[-self._keep :] if self._keep else ""
