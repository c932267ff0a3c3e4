"""Private folders that end with the process that made them, even when it is killed.

The maker holds a lock on the folder, which ends with it. Whoever makes the first folder in a place removes
those that nobody holds any more.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path

__all__ = ["PrivateFolder", "sweep"]

_swept: set[str] = set()


class PrivateFolder:
    """A folder that only this user may enter.

    Args:
        prefix: how its name begins; names what is left over from others, too. The number of the process
            follows, so that one sees whose it is.
        place: the folder in which it is made; the usual one for temporary files if ``None``.

    Attributes:
        path: where it is.
    """

    def __init__(self, prefix: str, place: str | None = None) -> None:
        self._pid = os.getpid()
        place = place or tempfile.gettempdir()
        if place + prefix not in _swept:
            sweep(prefix, place)
        while True:
            self.path = tempfile.mkdtemp(prefix=f"{prefix}{self._pid}-", dir=place)
            self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if os.path.isdir(self.path):
                return
            os.close(self._lock)  # swept away by another process before it was locked

    def close(self) -> None:
        """Removes it with what is in it; not in a forked child, whose parent has it. Idempotent."""
        if self._lock >= 0 and os.getpid() == self._pid:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


def sweep(prefix: str, place: str | None = None) -> None:
    """Removes folders of this user whose makers are gone. Arguments as for :class:`PrivateFolder`."""
    place = place or tempfile.gettempdir()
    _swept.add(place + prefix)
    for found in Path(place).glob(prefix + "*"):
        try:
            state = found.lstat()
            if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid():
                continue
            fd = os.open(found, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(found, ignore_errors=True)
        except OSError:
            pass  # in use
        finally:
            os.close(fd)
