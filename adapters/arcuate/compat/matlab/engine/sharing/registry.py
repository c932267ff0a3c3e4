"""The names of shared engines: sockets in a folder that only this user may enter.

A socket whose owner is gone refuses connections; whoever meets one removes it. A lock on the folder keeps two
processes from naming and removing at the same time.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from arcuate.compat.matlab.engine.errors import EngineError

__all__ = ["dial", "folder", "forget", "listen", "names", "nudge", "peer", "taken"]

NAME = re.compile(r"[A-Za-z]\w{0,62}", re.ASCII)
_LONGEST = 100
"""Bytes of a path that a socket may have on every system."""
_BACKLOG = 16


def folder() -> Path:
    """The folder of the sockets, made if need be.

    Raises:
        EngineError: somebody else could enter it, or has made it.
    """
    place = os.environ.get("XDG_RUNTIME_DIR", "")
    path = Path(place if os.path.isdir(place) else tempfile.gettempdir()) / f"arcuate-matlab-{os.getuid()}"
    try:
        with contextlib.suppress(FileExistsError):
            path.mkdir(mode=0o700)
        state = path.lstat()
    except OSError as error:
        raise EngineError(f"the folder of shared engines, {path}, cannot be made: {error.strerror}") from None
    if not stat.S_ISDIR(state.st_mode) or state.st_uid != os.getuid() or state.st_mode & 0o077:
        raise EngineError(
            f"shared engines need a folder that only you may enter, but {path} is not: it must be a folder "
            "of yours "
            "with mode 0700; remove it, or set XDG_RUNTIME_DIR to a folder of yours"
        )
    return path


def names() -> tuple[str, ...]:
    """The names of the engines that are shared now, the oldest first."""
    found = []
    for path in folder().iterdir():
        if NAME.fullmatch(path.name) and _alive(path):
            with contextlib.suppress(FileNotFoundError):
                found.append((path.lstat().st_mtime_ns, path.name))
    return tuple(name for _, name in sorted(found))


def taken(name: str) -> bool:
    """Whether an engine is shared under this name."""
    return _alive(folder() / name)


def listen(name: str) -> socket.socket:
    """A socket that takes connections under this name.

    Raises:
        EngineError: it cannot be a name, or is taken.
    """
    if not NAME.fullmatch(name):
        raise EngineError(
            f"{name!r} cannot be the name of an engine; a name has up to 63 letters, digits and _, a letter "
            "first"
        )
    path = folder() / name
    if len(os.fsencode(path)) > _LONGEST:
        raise EngineError(
            f"the path of the socket, {path}, is longer than {_LONGEST} bytes; choose a shorter name, or set "
            "XDG_RUNTIME_DIR to a shorter path"
        )
    with _locked(path.parent):
        if _dead(path):
            path.unlink(missing_ok=True)
        if path.exists():
            raise EngineError(f"an engine named {name!r} is shared already; choose another name")
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            server.bind(os.fspath(path))
            server.listen(_BACKLOG)
        except BaseException:
            server.close()
            raise
    return server


def dial(name: str) -> socket.socket:
    """A connection to the engine of this name.

    Raises:
        EngineError: there is none.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not NAME.fullmatch(name):
            raise FileNotFoundError
        connection.connect(os.fspath(folder() / name))
        if peer(connection) != os.getuid():
            raise PermissionError
    except OSError:
        connection.close()
        known = ", ".join(names()) or "none"
        raise EngineError(
            f"no engine is shared under the name {name!r}; there are: {known}. Share one in its own process "
            "with "
            "eng.matlab.engine.shareEngine(name, nargout=0)"
        ) from None
    except BaseException:
        connection.close()
        raise
    return connection


def forget(name: str, server: socket.socket) -> None:
    """Closes a socket and removes its name. Idempotent."""
    path = folder() / name
    with _locked(path.parent):
        if server.fileno() >= 0:
            server.close()
            path.unlink(missing_ok=True)


def nudge(name: str) -> None:
    """Connects once and says nothing."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
        knock.connect(os.fspath(folder() / name))


def peer(connection: socket.socket) -> int:
    """The user id at the other end of a connection."""
    if hasattr(socket, "SO_PEERCRED"):
        size = struct.calcsize("3i")
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
        return int(uid)
    return os.getuid()  # only this user may enter the folder


def _alive(path: Path) -> bool:
    """Whether somebody listens there; a socket whose owner is gone is removed."""
    if not _dead(path):
        return path.exists()
    with _locked(path.parent):
        if _dead(path):  # still, and nobody can have taken the name anew
            path.unlink(missing_ok=True)
            return False
    return True


def _dead(path: Path) -> bool:
    """Whether there is a socket with nobody behind it."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # a full queue is a sign of life
        try:
            probe.connect(os.fspath(path))
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
    return False


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
