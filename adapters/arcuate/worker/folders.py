"""Private folders that end with the process that made them, even when it is killed.

The maker holds a lock on the folder, which ends with it. Whoever makes the first folder in a place removes
those that nobody holds any more. What an interpreter makes by itself the host removes (:func:`remover`).
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

__all__ = ["PrivateFolder", "passing", "remover", "sweep"]

_swept: set[str] = set()
_NAMES = re.compile(r"Rtmp\w{6}|arcuate-pipes-\d+-\w{8}", re.ASCII)
"""Of R's folder, and of the one with the pipes to MATLAB."""


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
            try:
                self._lock = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # swept away by another process before it was open
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            if os.path.isdir(self.path):
                return
            os.close(self._lock)  # and before it was locked

    def close(self) -> None:
        """Removes it with what is in it; not in a forked child, whose parent has it. Idempotent."""
        if self._lock >= 0 and os.getpid() == self._pid:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = -1


@contextlib.contextmanager
def passing() -> Iterator[Path]:
    """A private folder for files that pass through, for the time of a ``with``."""
    folder = PrivateFolder("arcuate-data-")
    try:
        yield Path(folder.path)
    finally:
        folder.close()


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


def remover(path: object) -> Callable[[], None]:
    """What removes the temporary folder of a worker that was killed before it could.

    Its word is not taken for more than that: only a folder that has such a name, is this user's own and
    closed to others, and is still the one it was, is removed. No link is followed.

    Args:
        path: what the worker says now, when it has just made it.
    """
    before = _own(path)

    def remove() -> None:
        if before is not None and _own(path) == before:
            shutil.rmtree(str(path), ignore_errors=True)

    return remove


def _own(path: object) -> tuple[int, int] | None:
    """Which folder it is; ``None``: it is none, or not ours alone."""
    if not isinstance(path, str) or not os.path.isabs(path) or not _NAMES.fullmatch(os.path.basename(path)):
        return None
    try:
        state = os.lstat(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.geteuid() or state.st_mode & 0o077:
        return None
    return state.st_dev, state.st_ino
