"""The file in which a download is kept until it is whole, and what it may replace."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from arcuate.errors import InvalidArgument

__all__ = ["begun", "locked", "may_be_replaced"]


def may_be_replaced(path: Path) -> None:
    """Refuses a device, a pipe and standard output: what is written is put into the place of what is there.

    Raises:
        InvalidArgument: it is one.
    """
    handed = path.is_symlink() and os.readlink(path).startswith("/proc/")
    if str(path) == "-" or handed or (path.exists() and not path.is_file() and not path.is_dir()):
        raise InvalidArgument(
            f"{str(path)!r} is no file: nothing is written to standard output, a pipe or a device"
        )


@contextlib.contextmanager
def locked(service: str, part: Path, target: Path, buffering: int = -1) -> Iterator[IO[bytes]]:
    """Opens it for one download: two that write the same one would give a mixture of both.

    Raises:
        InvalidArgument: another download writes it, or it cannot take the place of what is there.
        OSError: it cannot be written.
    """
    may_be_replaced(target)
    file = _opened(service, part, buffering)
    lock = os.dup(file.fileno())
    try:
        with file:
            yield file
    finally:
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_UN)  # else a child that was forked meanwhile keeps it
        os.close(lock)


def _opened(service: str, part: Path, buffering: int) -> IO[bytes]:
    while True:
        file: IO[bytes] = part.open("ab", buffering)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise InvalidArgument(
                f"{service}: another download writes {str(part)!r}; wait for it, or choose another name"
            ) from None
        except OSError:
            return file  # a file system without locks
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), part.stat()):
                return file
        file.close()  # the other one has just finished and put it into its place


def begun(service: str, file: IO[bytes], part: Path, mark: Path, target: Path) -> int:
    """Bytes that earlier downloads left in it. Who may not read what it will replace may not read it.

    Raises:
        InvalidArgument: no download began it: there is no mark beside it.
    """
    there = os.fstat(file.fileno()).st_size
    if there and not mark.exists():
        raise InvalidArgument(
            f"{service}: no download began the file {str(part)!r}, which would be lost: until it is whole, "
            f"{target.name!r} has that name; move it, or choose another name"
        )
    with contextlib.suppress(OSError):
        os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode) | stat.S_IWUSR)
    return there
