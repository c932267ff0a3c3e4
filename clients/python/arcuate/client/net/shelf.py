"""Large buffers beside the messages: files in a folder that two processes of one user have in common.

``protos/zeromq.md`` says how they are named and given back. A side writes to files that it made itself,
through descriptors it has held since, and reads those of the other with ``pread``. Neither maps a file: one
that is cut short under a mapping would end the process that has mapped it, one that is cut short under a
``pread`` gives fewer bytes, which is noticed. Nothing is looked at before it was copied.
"""

from __future__ import annotations

import os
import shutil
import stat
import struct
import sys
import threading
import time
from collections.abc import Callable

from arcuate.client.net.parts import PLACED, Part, pack
from arcuate.errors import ArcuateError, PermissionDenied, ProtocolError
from arcuate.values.nodes import Buffer, Nodes

__all__ = ["BYTES", "FEATURE", "FILES", "POSSIBLE", "Lent", "Shelf", "outside", "settle"]

FEATURE = "segments"
"""How ``hello`` calls it."""
POSSIBLE = sys.platform == "linux"
FILES = 64
"""Files of one side that may be in use at once; further buffers travel with the message."""
BYTES = 1 << 30
"""Bytes of them, but for one that is larger on its own."""
IDLE_BYTES = 256 << 20
"""Bytes of files that are kept for the next large buffer: fresh pages cost more than the copy."""
_PLACE = 1 << 63
"""Set in the place of a buffer that is in a file; the rest is the file's number."""
_NUMBERS = 1 << 32
_CHUNK = 1 << 30
_PAGE = 4096
_PLAIN = sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_CLOEXEC"))  # Windows has none of them
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _PLAIN
_MAKE = os.O_RDWR | os.O_CREAT | os.O_EXCL | _PLAIN


class _File:
    """A file of ours."""

    __slots__ = ("fd", "number", "sent", "since", "size")

    def __init__(self, number: int, fd: int, size: int) -> None:
        self.number = number
        self.fd = fd
        self.size = size
        self.sent = False
        self.since = 0.0


class Lent:
    """A buffer of the other side that still lies in its file; it can be copied out once.

    Attributes:
        nbytes: its length.
    """

    __slots__ = ("_number", "_shelf", "nbytes")

    def __init__(self, shelf: Shelf, number: int, length: int) -> None:
        self._shelf: Shelf | None = shelf
        self._number = number
        self.nbytes = length

    def copy_into(self, target: memoryview) -> None:
        """Copies it and gives the file back.

        Raises:
            ProtocolError: the other side has changed the file since.
        """
        shelf, self._shelf = self._shelf, None
        if shelf is None:
            raise ProtocolError("a segment can be read once only")
        try:
            shelf.read(self._number, target)
        finally:
            shelf.give_back(self._number)

    def descriptor(self) -> tuple[int, Callable[[int], None]]:
        """Opens the file for a reader who only copies from it; and what is called before it is closed.

        Raises:
            ProtocolError: the other side has changed the file since.
        """
        shelf, self._shelf = self._shelf, None
        if shelf is None:
            raise ProtocolError("a segment can be read once only")
        number, length = self._number, self.nbytes
        try:
            fd = shelf.open(number, length)
        except BaseException:
            shelf.give_back(number)
            raise

        def done(fd: int) -> None:
            shelf.watch(number, length, fd)
            shelf.give_back(number)

        return fd, done

    def __del__(self) -> None:
        shelf = self._shelf
        if shelf is not None:
            shelf.give_back(self._number)


class Shelf:
    """One side of a folder.

    Args:
        path: the folder.
        own: the letter of this side: ``h`` the hub, ``c`` the client.
        spoilt: told of an error of the other side that was noticed late, when a buffer was copied.
        ended: called once, when it is closed and nothing of it is used any more.

    Raises:
        OSError: there is no such folder here.
        PermissionDenied: it is not a private folder of this user.
    """

    def __init__(
        self,
        path: str,
        own: str,
        *,
        spoilt: Callable[[ArcuateError], None] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> None:
        self.path = path
        self._own, self._other = own, "c" if own == "h" else "h"
        self._spoilt, self._ended = spoilt, ended
        self._lock = threading.RLock()  # a buffer that is collected gives its file back, at any time
        self._next = 1
        self._idle: list[_File] = []
        self._busy: dict[int, _File] = {}
        self._lent: dict[int, int] = {}
        self._closed = False
        self._folder = os.open(path, _READ | os.O_DIRECTORY)
        found = os.fstat(self._folder)
        if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
            os.close(self._folder)
            raise PermissionDenied(
                f"the folder {path!r} has mode {stat.S_IMODE(found.st_mode):04o} and belongs to user "
                f"{found.st_uid}; segments go through a folder of this user that is closed to others only"
            )

    # ----------------------------------------------------------------- writing

    def pack(self, message: Nodes) -> list[Part]:
        """The parts of a message whose large buffers are in files, as far as there is room."""
        used: list[_File] = []

        def place(buffer: Buffer, size: int) -> int:
            file = self._take(size)
            if file is None:
                return 0
            used.append(file)
            self._fill(file, buffer)
            return _PLACE | file.number

        done = False
        try:
            parts = pack(message, place)
            done = True
        finally:
            with self._lock:
                for file in used:
                    file.sent = True
                    if self._closed or not done:
                        self._drop(file)
                self._end()
        return parts

    def _take(self, size: int) -> _File | None:
        """A file of at least so many bytes; ``None`` where there is no room."""
        with self._lock:
            if self._closed:
                return None
            self._collect()
            size = -(-size // _PAGE) * _PAGE
            left = BYTES - sum(file.size for file in self._busy.values()) if self._busy else sys.maxsize
            fits = [file for file in self._idle if size <= file.size <= min(4 * size + (1 << 20), left)]
            if fits:
                best = min(fits, key=lambda file: file.size)
                self._idle.remove(best)
            elif size > left or (made := self._make(size)) is None:
                return None
            else:
                best = made
            best.sent = False
            self._busy[best.number] = best
            return best

    def _make(self, size: int) -> _File | None:
        while self._idle and len(self._busy) + len(self._idle) >= FILES:
            self._drop(self._idle.pop(0))
        if len(self._busy) >= FILES or self._next >= _NUMBERS:
            return None
        number = self._next
        self._next += 1
        try:
            fd = os.open(f"{self._own}{number}", _MAKE, 0o600, dir_fd=self._folder)
        except OSError:
            return None
        file = _File(number, fd, size)
        try:
            os.posix_fallocate(fd, 0, size)  # no room is said now, and not by a signal later
        except OSError:
            self._drop(file)
            return None
        return file

    def _fill(self, file: _File, buffer: Buffer) -> None:
        if isinstance(buffer, (bytes, memoryview)):
            view = memoryview(buffer)
        else:
            view = memoryview(bytearray(buffer.nbytes))
            buffer.copy_into(view)
        view = view if view.format == "B" and view.ndim == 1 else view.cast("B")
        at = 0
        while at < len(view):
            at += os.pwrite(file.fd, view[at : at + _CHUNK], at)

    def _collect(self) -> None:
        """Takes back what the other side has copied, and forgets what it has removed."""
        for file in list(self._busy.values()):
            if not file.sent:
                continue
            name = f"{self._own}{file.number}"
            try:
                os.rename(f"{name}.free", name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
            except FileNotFoundError:
                try:
                    os.stat(name, dir_fd=self._folder, follow_symlinks=False)
                except OSError:
                    self._drop(file)
            except OSError:
                self._drop(file)
            else:
                del self._busy[file.number]
                file.since = time.monotonic()
                self._idle.append(file)
        while sum(file.size for file in self._idle) > IDLE_BYTES:
            self._drop(self._idle.pop(0))

    def _drop(self, file: _File) -> None:
        self._busy.pop(file.number, None)
        os.close(file.fd)
        if self._closed and self._ended is None:
            return  # the hub may still read it, and removes it with the folder
        for name in (f"{self._own}{file.number}", f"{self._own}{file.number}.free"):
            try:
                os.unlink(name, dir_fd=self._folder)
            except OSError:
                pass  # the other side has removed it, or put something else there

    def tidy(self, before: float) -> None:
        """Removes files that have not been used since."""
        with self._lock:
            if not self._closed:
                self._collect()
                for file in [file for file in self._idle if file.since < before]:
                    self._idle.remove(file)
                    self._drop(file)

    # ----------------------------------------------------------------- reading

    def fetch(self, place: int, length: int) -> Buffer:
        """A buffer of the other side, copied.

        Raises:
            ProtocolError: there is no such buffer.
        """
        number = _number(place)
        os.close(self._open(number, length))  # before there is memory for it
        target = _fresh(length)
        self.read(number, target)
        self._free(number)
        return target

    def lend(self, place: int, length: int) -> Lent:
        """A buffer of the other side, to be copied later.

        Raises:
            ProtocolError: there is no such buffer, or there are too many of them.
        """
        number = _number(place)
        with self._lock:
            if number in self._lent:
                raise ProtocolError(f"malformed message: the segment {number} is in use")
            if len(self._lent) >= FILES or (self._lent and length + sum(self._lent.values()) > BYTES):
                raise ProtocolError(
                    f"malformed message: more than {FILES} segments, or {BYTES:,} bytes of them, are in use"
                )
            os.close(self._open(number, length))
            self._lent[number] = length
        return Lent(self, number, length)

    def read(self, number: int, target: memoryview) -> None:
        """Copies the first bytes of a file of the other side."""
        fd = self.open(number, len(target))
        try:
            at = 0
            while at < len(target):
                got = os.preadv(fd, [target[at : at + _CHUNK]], at)
                if not got:
                    raise self._complain(ProtocolError(f"the segment {number} was cut short"))
                at += got
        finally:
            os.close(fd)

    def open(self, number: int, length: int) -> int:
        """A descriptor of a file that was found to be right before."""
        try:
            return self._open(number, length)
        except ProtocolError as error:
            raise self._complain(error) from None

    def watch(self, number: int, length: int, fd: int) -> None:
        """Looks whether a file still was long enough after it was read."""
        if os.fstat(fd).st_size < length:
            self._complain(ProtocolError(f"the segment {number} was cut short"))

    def _complain(self, error: ProtocolError) -> ProtocolError:
        if self._spoilt is not None:
            self._spoilt(error)
        return error

    def _open(self, number: int, length: int) -> int:
        """A descriptor of a file of the other side, which is what it should be."""
        try:
            with self._lock:
                if self._folder < 0:
                    raise ProtocolError(f"the segment {number} is gone with its connection")
                fd = os.open(f"{self._other}{number}", _READ, dir_fd=self._folder)
        except OSError as error:
            raise ProtocolError(
                f"malformed message: the segment {number} cannot be opened: {error.strerror}"
            ) from None
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid != os.geteuid():
            wrong = "is no plain file of this user with one name"
        elif stat.S_IMODE(found.st_mode) & 0o077:
            wrong = f"has mode {stat.S_IMODE(found.st_mode):04o}, which is open to others"
        elif found.st_size < length or length < PLACED:
            wrong = f"has {found.st_size} bytes; {length} were announced, and {PLACED} is the least"
        else:
            return fd
        os.close(fd)
        raise ProtocolError(f"malformed message: the segment {number} {wrong}")

    def _free(self, number: int) -> None:
        name = f"{self._other}{number}"
        try:
            os.rename(name, f"{name}.free", src_dir_fd=self._folder, dst_dir_fd=self._folder)
        except OSError:
            pass  # its maker has removed it

    def give_back(self, number: int) -> None:
        """Nothing needs a buffer any more that was lent."""
        with self._lock:
            if self._lent.pop(number, None) is None or self._folder < 0:
                return
            self._free(number)
            self._end()

    # --------------------------------------------------------------------- end

    def close(self, *, now: bool = False) -> None:
        """Ends it. Buffers that were lent can still be copied, unless it must end ``now``. Idempotent."""
        with self._lock:
            self._closed = True
            if now:
                self._lent.clear()
            for file in [*self._idle, *self._busy.values()]:
                if file.sent:  # the others are written to now, and nobody else may get their descriptors
                    self._drop(file)
            self._idle.clear()
            self._end()

    @property
    def over(self) -> bool:
        """Whether it is closed and nothing of it is used any more."""
        return self._folder < 0

    def _end(self) -> None:
        if self._closed and not self._lent and not self._busy and self._folder >= 0:
            if self._ended is not None:
                self._ended()
            else:
                self._inherit()
            os.close(self._folder)
            self._folder = -1

    def _inherit(self) -> None:
        """Removes the folder of a hub that was killed: one that lives holds a lock on it."""
        import fcntl

        try:
            fcntl.flock(self._folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.stat(self.path).st_ino == os.fstat(self._folder).st_ino:
                shutil.rmtree(self.path, ignore_errors=True)
        except OSError:
            pass  # it lives, or has removed it


def outside(frame: Part) -> int:
    """How many bytes of a message are said to be in files."""
    m = int.from_bytes(frame[20:24], "little")
    if not m:
        return 0
    at = 64 + 8 * (int.from_bytes(frame[16:20], "little") + int.from_bytes(frame[24:32], "little"))
    if at + 16 * m > len(frame):
        return 0
    words = struct.unpack_from(f"<{2 * m}Q", frame, at)
    return sum(length for length, place in zip(words[:m], words[m:], strict=True) if place & _PLACE)


def settle(message: Nodes) -> None:
    """Copies what was lent, so that it can be kept, and read more than once."""
    buffers = message.buffers
    for at, buffer in enumerate(buffers):
        if isinstance(buffer, Lent):
            target = _fresh(buffer.nbytes)
            buffer.copy_into(target)
            buffers[at] = target


def _fresh(length: int) -> memoryview:
    numpy = sys.modules.get("numpy")  # does not clear what is written to at once
    return memoryview(bytearray(length) if numpy is None else numpy.empty(length, numpy.uint8))


def _number(place: int) -> int:
    number = place ^ _PLACE
    if not 0 < number < _NUMBERS:
        raise ProtocolError(f"malformed message: a segment has the number {number}; they begin with 1")
    return number
