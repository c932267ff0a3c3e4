"""Two named pipes between a worker and its MATLAB: the way of callbacks."""

from __future__ import annotations

import errno
import os
import select
import shutil
import tempfile
import time
from collections.abc import Callable

from arcuate.errors import ProtocolError
from arcuate.values import frames
from arcuate.values.limits import Limits

__all__ = ["Pipes"]

_PREFIX = "arcuate-matlab-"
_SLICE = 50
_READ = 1 << 16


def _clean() -> None:
    """Removes the folders of workers that were killed: nobody has their pipes open."""
    place = tempfile.gettempdir()
    for name in os.listdir(place):
        folder = os.path.join(place, name)
        try:
            state = os.lstat(folder)
            if name.startswith(_PREFIX) and state.st_uid == os.getuid() and time.time() - state.st_mtime > 60:
                os.close(os.open(os.path.join(folder, "calls"), os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno == errno.ENXIO:
                shutil.rmtree(folder, ignore_errors=True)


class Pipes:
    """A folder with the two pipes.

    Attributes:
        calls: path of the pipe that MATLAB writes to.
        answers: path of the pipe that it reads.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.calls = os.path.join(folder, "calls")
        self.answers = os.path.join(folder, "answers")
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
        _clean()
        folder = tempfile.mkdtemp(prefix=_PREFIX)
        try:
            return cls(folder)
        except OSError:
            shutil.rmtree(folder, ignore_errors=True)
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
        shutil.rmtree(self._folder, ignore_errors=True)
