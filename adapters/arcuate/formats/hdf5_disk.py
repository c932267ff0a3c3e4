"""Writes HDF5 to a disk that may become full: HDF5 itself would end the process when it frees such a file."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

from arcuate.formats.format import library

__all__ = ["Disk", "created", "kept"]

T = TypeVar("T")
_SMALL = 1 << 16
"""The most bytes of what HDF5 may read again to end well: its own structures, not elements of arrays."""
_PAGE = 4096


class Disk:
    """A file for HDF5 to write, which never fails for HDF5: the first error is kept, for :meth:`check`.

    What comes after the error is not written. Structures of the file are in memory then, for HDF5 to read.

    Attributes:
        error: what went wrong first.
    """

    def __init__(self, path: Path) -> None:
        self.error: BaseException | None = None
        self._path = path
        self._at = self._size = 0
        self._waits = False
        self._pages: dict[int, bytearray] = {}
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)

    def check(self) -> None:
        """Raises what went wrong, if something did."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        """Closes the file; nothing is written by that."""
        self.error = self.error or ValueError("the file is closed")  # HDF5 writes nothing more, anywhere
        os.close(self._fd)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Goes to a place, as files do."""
        self._at = offset + (self._at if whence == os.SEEK_CUR else self._size if whence else 0)
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def read(self, size: int) -> bytes:
        """So many bytes."""
        found = bytearray(size)
        self.readinto(found)
        return bytes(found)

    def readinto(self, buffer: Any) -> int:
        """Fills a buffer; with zeros where nothing was written."""
        view = memoryview(buffer).cast("B")
        try:
            self._fetch(view, self._at)
        except BaseException as error:
            self._keep(error)
        if self._pages:
            end = self._at + len(view)
            for number in range(self._at // _PAGE, -(-end // _PAGE)):
                page = self._pages.get(number)
                if page is not None:
                    first, last = max(self._at, number * _PAGE), min(end, (number + 1) * _PAGE)
                    view[first - self._at : last - self._at] = page[first % _PAGE :][: last - first]
        self._at += len(view)
        return len(view)

    def write(self, data: Any) -> int:
        """Writes all of it, or keeps the error."""
        view = memoryview(data).cast("B")
        start, length = self._at, len(view)
        self._at += length
        self._size = max(self._size, self._at)
        done = 0
        try:
            while done < length and self.error is None:
                done += os.pwrite(self._fd, view[done:], start + done)
        except BaseException as error:  # HDF5 ends the process for any that it is told of
            self._keep(error)
        if done < length <= _SMALL:
            with contextlib.suppress(OSError):  # for which there is the first one
                self._remember(view, start)
        return length

    def truncate(self, size: int | None = None) -> int:
        """Makes the file so long."""
        length = self._size = self._at if size is None else size
        try:
            if self.error is None:
                os.ftruncate(self._fd, length)
        except BaseException as error:
            self._keep(error)
        return length

    def flush(self) -> None:
        """Nothing is held back."""

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """What a signal raises, as Ctrl-C does, is kept too, for :meth:`check`.

        HDF5 would end the process where it is stopped in the midst of a file.
        """
        if threading.current_thread() is not threading.main_thread():
            yield  # signals are not dealt with here
            return
        ours: dict[signal.Signals, tuple[Any, Any]] = {}
        for number in signal.Signals:
            before = signal.getsignal(number)
            if callable(before):
                ours[number] = (before, self._handler(before))
        try:
            for number, (_, handler) in ours.items():
                signal.signal(number, handler)
            yield
        finally:
            for number, (before, handler) in ours.items():
                if signal.getsignal(number) is handler:
                    signal.signal(number, before)

    def waiting(self, found: Iterator[T]) -> Iterator[T]:
        """The same things; while one waits for the next a signal is not kept but raised, as elsewhere."""
        while True:
            self.check()
            try:
                self._waits = True
                one = next(found)
            except StopIteration:
                return
            finally:
                self._waits = False
            yield one

    def _handler(self, before: Any) -> Callable[[int, FrameType | None], None]:
        def handler(number: int, frame: FrameType | None) -> None:
            try:
                before(number, frame)
            except BaseException as error:
                if self._waits:
                    raise
                self._keep(error)

        return handler

    def _keep(self, error: BaseException) -> None:
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(self._path)
        self.error = self.error or error

    def _fetch(self, view: memoryview, at: int) -> None:
        done = 0
        while done < len(view):
            got = os.preadv(self._fd, [view[done:]], at + done)
            if not got:
                view[done:] = bytes(len(view) - done)
                return
            done += got

    def _remember(self, view: memoryview, start: int) -> None:
        end = start + len(view)
        for number in range(start // _PAGE, -(-end // _PAGE)):
            page = self._pages.get(number)
            if page is None:
                page = self._pages[number] = bytearray(_PAGE)
                self._fetch(memoryview(page), number * _PAGE)
            first, last = max(start, number * _PAGE), min(end, (number + 1) * _PAGE)
            page[first % _PAGE : first % _PAGE + last - first] = view[first - start : last - start]


def _end(disk: Disk) -> None:
    """Closes what is still open of a file: HDF5 would do so when Python is not there any more."""
    h5py = library("h5py")
    for one in h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_FILE):
        with contextlib.suppress(ValueError, RuntimeError):  # of another thread, closed in between
            if h5py.h5f.get_name(one) == repr(disk).encode():
                h5py.File(one).close()


@contextlib.contextmanager
def kept(path: Path) -> Iterator[Disk]:
    """A file that a library of HDF5 writes; what went wrong with the disk is raised when it has ended.

    Args:
        path: where.

    Raises:
        OSError: the disk is full, or the file longer than it may be.
    """
    disk = Disk(path)
    try:
        with disk.signals():
            try:
                yield disk
            except BaseException:
                _end(disk)
                raise
        disk.check()
    except Exception as error:
        if disk.error is not None and disk.error is not error:
            raise disk.error from error  # what HDF5 found missing is missing because of it
        raise
    finally:
        disk.close()


@contextlib.contextmanager
def created(path: Path, **options: Any) -> Iterator[tuple[Any, Callable[[], None]]]:
    """A new file of h5py.

    Args:
        path: where.
        **options: of ``h5py.File``.

    Yields:
        the file, and what raises what went wrong until now: to be called after each large part.

    Raises:
        OSError: as :func:`kept`.
    """
    with kept(path) as disk, library("h5py").File(disk, "w", **options) as file:
        yield file, disk.check
