"""Two named pipes between a worker and its MATLAB: the way of callbacks."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from arcuate.errors import ProtocolError
from arcuate.values import frames
from arcuate.values.limits import Limits
from arcuate.worker.folders import PrivateFolder

__all__ = ["Pipes"]

_SLICE = 50
_READ = 1 << 16


class Pipes:
    """A folder with the two pipes.

    Attributes:
        calls: path of the pipe that MATLAB writes to.
        answers: path of the pipe that it reads.
    """

    def __init__(self, folder: PrivateFolder) -> None:
        self._folder = folder
        self.calls = os.path.join(folder.path, "calls")
        self.answers = os.path.join(folder.path, "answers")
        for path in (self.calls, self.answers):
            os.mkfifo(path, 0o600)
        # Open in both directions: neither end waits for the other, and none sees an end of the stream.
        self._in = os.open(self.calls, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._out = os.open(self.answers, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._data = bytearray()

    @classmethod
    def make(cls) -> Pipes | None:
        """Pipes in a private folder; ``None`` where the system has none."""
        if not hasattr(os, "mkfifo"):
            return None
        folder = PrivateFolder("arcuate-pipes-")
        try:
            return cls(folder)
        except OSError:
            folder.close()
            return None

    def read(self) -> bytes | None:
        """A whole frame that MATLAB has sent, or ``None``."""
        while True:
            if len(self._data) >= frames.HEADER_SIZE:
                total = frames.frame_size(bytes(self._data[: frames.HEADER_SIZE]), Limits())
                if len(self._data) >= total:
                    frame = bytes(self._data[:total])
                    del self._data[:total]
                    return frame
            try:
                more = os.read(self._in, _READ)
            except BlockingIOError:
                return None
            if not more:
                raise ProtocolError("the pipe of callbacks was closed")
            self._data += more

    def wait(self, alive: Callable[[], None]) -> bytes:
        """The next frame.

        Args:
            alive: called now and then; raises when nothing can come any more.
        """
        poll = select.poll()
        poll.register(self._in, select.POLLIN)
        while True:
            frame = self.read()
            if frame is not None:
                return frame
            poll.poll(_SLICE)
            alive()

    def write(self, frame: bytes | bytearray, alive: Callable[[], None]) -> None:
        """Sends a frame to MATLAB."""
        view = memoryview(frame)
        poll = select.poll()
        poll.register(self._out, select.POLLOUT)
        while view:
            try:
                view = view[os.write(self._out, view) :]
            except BlockingIOError:
                poll.poll(_SLICE)
                alive()

    def close(self) -> None:
        """Closes and removes them."""
        for fd in (self._in, self._out):
            os.close(fd)
        self._folder.close()
