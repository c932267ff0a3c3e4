"""Shared memory for large buffers.

A :class:`Segment` is a piece of memory that another process opens by path. On Linux it is a *memfd* of this
process, opened by the worker as ``/proc/<pid>/fd/<n>``: it has no name in
the file system, is not limited by the size of /dev/shm, and the kernel frees it when the last process that
holds it ends, however it ends. Elsewhere it is a file in a private directory.

Fresh pages cost more than the copy itself (about four times), so segments that the worker copies from are
recycled. A segment that a worker maps and keeps is given up instead. Into pages that are there already a copy
inside memory takes half the time of a write, so a large segment is mapped when it is filled again.

A memfd is sealed against changes of its size: no worker can cut off the pages that this process has mapped.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import sys
import threading
import weakref
from collections.abc import Callable

from arcuate.errors import LimitExceeded
from arcuate.values.nodes import Buffer
from arcuate.worker.folders import PrivateFolder

__all__ = ["Segment", "SegmentStore", "memory_folder"]

_CHUNK = 1 << 30
_PAGE = mmap.PAGESIZE
_LARGE = 1 << 20
_POPULATE: int = getattr(mmap, "MAP_POPULATE", 0)


class Segment:
    """One piece of shared memory.

    Attributes:
        ref: its number; the other process opens ``prefix + str(ref)``.
        size: its bytes.
        sealed: whether it keeps that size whatever the other process does.
        done: called with the descriptor before it is closed; of a file of somebody else, which is not kept.
    """

    __slots__ = ("__weakref__", "_lease", "_map", "_used", "done", "fd", "ref", "sealed", "size")

    def __init__(
        self,
        ref: int,
        fd: int,
        size: int,
        sealed: bool = False,
        done: Callable[[int], None] | None = None,
    ) -> None:
        self.ref = ref
        self.done = done
        self.sealed = sealed
        self._used = 0  # bytes at its start whose pages are there
        self.fd = fd
        self.size = size
        self._map: mmap.mmap | None = None
        self._lease: weakref.ref[object] | None = None

    def fill(self, buffer: Buffer) -> None:
        """Copies a buffer to the start of the segment."""
        if isinstance(buffer, (bytes, memoryview)):
            view = memoryview(buffer)
            numpy = sys.modules.get("numpy")  # its copies let other threads run
            if _LARGE <= len(view) <= self._used and self.sealed and numpy is not None:
                target = numpy.frombuffer(self._mapping(), numpy.uint8)
                numpy.copyto(target[: len(view)], numpy.frombuffer(view, numpy.uint8))
                return
            self._used = max(self._used, len(view))
            # write() into fresh pages spares the page faults of a mapping
            at = 0
            while at < len(view):
                at += os.pwrite(self.fd, view[at : at + _CHUNK], at)
        else:
            self._used = max(self._used, buffer.nbytes)
            buffer.copy_into(memoryview(self._mapping())[: buffer.nbytes])

    def lease(self, length: int, done: Callable[[Segment], None]) -> memoryview:
        """A view of the first ``length`` bytes; ``done`` is called when nothing uses the view any more."""
        self._used = max(self._used, length)
        exporter = (ctypes.c_ubyte * length).from_buffer(self._mapping())
        self._lease = weakref.ref(exporter, lambda _: done(self))
        return memoryview(exporter).cast("B")

    def _mapping(self) -> mmap.mmap:
        if self._map is None:
            # Pages that are there are mapped at once; a hole would be filled, which nobody asked for.
            full = self.sealed and self.size - self._used < _PAGE
            self._map = mmap.mmap(self.fd, self.size, flags=mmap.MAP_SHARED | (_POPULATE if full else 0))
        return self._map

    def close(self) -> None:
        """Gives the segment up. Views of it stay valid."""
        self._lease = None
        self._map = None  # unmapped when the last view is gone
        if self.fd >= 0:
            if self.done is not None:
                self.done(self.fd)
            os.close(self.fd)
            self.fd = -1


class SegmentStore:
    """The segments of one session.

    Args:
        limit: bytes that one segment may have.
        keep: bytes of idle segments that are kept for the next large buffer.
        files: use files although there are memfds: a confined worker cannot look into this process.
    """

    def __init__(self, limit: int, keep: int = 512 << 20, *, files: bool = False) -> None:
        self.limit = limit
        self.keep = keep
        self._lock = threading.RLock()
        self._idle: list[Segment] = []
        self._busy: dict[int, Segment] = {}
        self._closed = False
        self._pid = os.getpid()
        self._files: _Files | None = (
            None if not files and hasattr(os, "memfd_create") and sys.platform == "linux" else _Files()
        )
        self.prefix = f"/proc/{self._pid}/fd/" if self._files is None else self._files.prefix

    def take(self, size: int, *, exact: bool = False) -> Segment:
        """A segment of at least ``size`` bytes.

        Args:
            size: how many bytes are needed.
            exact: a fresh segment of exactly that size, for a worker that maps it.

        Raises:
            LimitExceeded: more than the limit of the session.
        """
        if size > self.limit:
            raise LimitExceeded(
                f"an array of {size:,} bytes exceeds this session's limit of {self.limit:,} bytes; "
                f"raise it with connect(..., limits=Limits(array=...)) or send the array in parts",
                setting="array",
            )
        with self._lock:
            if not exact:
                fits = [seg for seg in self._idle if size <= seg.size <= 4 * size + (1 << 20)]
                if fits:
                    best = min(fits, key=lambda seg: seg.size)
                    self._idle.remove(best)
                    self._busy[best.ref] = best
                    return best
                size = -(-size // _PAGE) * _PAGE
            segment = self._create(size)
            self._busy[segment.ref] = segment
            return segment

    def adopt(self, buffer: Buffer) -> Segment | None:
        """The file in which a buffer lies already, where a worker can open it as it opens a segment.

        It is only ever copied from: neither side maps what somebody else can cut short.
        """
        find = getattr(buffer, "descriptor", None)
        if find is None or self._files is not None:
            return None
        fd, done = find()
        with self._lock:
            segment = self._busy[fd] = Segment(fd, fd, os.fstat(fd).st_size, done=done)
        return segment

    def find(self, ref: int) -> Segment | None:
        """The busy segment of that number."""
        return self._busy.get(ref)

    def release(self, segment: Segment) -> None:
        """Takes a segment back for later use."""
        with self._lock:
            if self._busy.pop(segment.ref, None) is None:
                return
            if segment.done is None:
                if self._closed or os.getpid() != self._pid:
                    segment.close()
                    return
                self._idle.append(segment)
                while sum(seg.size for seg in self._idle) > self.keep:
                    self._drop(self._idle.pop(0))
                return
        segment.close()  # without the lock: its owner is told, and may have locks of its own

    def give_up(self, segment: Segment) -> None:
        """Leaves a segment to the worker that mapped it."""
        with self._lock:
            if self._busy.pop(segment.ref, None) is None:
                return
            if segment.done is None:
                self._drop(segment)
                return
        segment.close()

    def trim(self) -> None:
        """Frees the idle segments."""
        with self._lock:
            while self._idle:
                self._drop(self._idle.pop())

    def close(self) -> None:
        """Frees everything that nothing uses; views that are still held stay valid."""
        with self._lock:
            self._closed = True
            self.trim()
            busy = list(self._busy.values())
            self._busy.clear()
            for segment in busy:
                if segment.done is None:
                    self._drop(segment)
            if self._files is not None:
                self._files.close()
        for segment in busy:
            segment.close()

    def _create(self, size: int) -> Segment:
        if self._files is not None:
            return self._files.create(size)
        fd = os.memfd_create("arcuate", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        try:
            os.ftruncate(fd, size)
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        except BaseException:
            os.close(fd)
            raise
        return Segment(fd, fd, size, sealed=True)

    def _drop(self, segment: Segment) -> None:
        segment.close()
        if self._files is not None:
            self._files.remove(segment.ref)


def memory_folder() -> str | None:
    """A file system in memory with room in it, or ``None`` for the usual place of temporary files."""
    place = "/dev/shm"  # noqa: S108  (a folder of random name is made there)
    try:
        state = os.statvfs(place)
    except OSError:
        return None
    return place if os.access(place, os.W_OK) and state.f_bavail * state.f_frsize >= _CHUNK else None


class _Files:
    """Segments as files in a private directory, where there is no memfd."""

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._folder = PrivateFolder("arcuate-segments-", memory_folder())
        self.prefix = self._folder.path + os.sep
        self._next = 1

    def create(self, size: int) -> Segment:
        ref = self._next
        self._next += 1
        fd = os.open(self.prefix + str(ref), os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, size)
            else:
                os.ftruncate(fd, size)
        except BaseException:
            os.close(fd)
            self.remove(ref)
            raise
        return Segment(ref, fd, size)

    def remove(self, ref: int) -> None:
        if os.getpid() != self._pid:
            return  # a forked child: the files are the parent's
        try:
            os.unlink(self.prefix + str(ref))
        except FileNotFoundError:
            pass

    def close(self) -> None:
        self._folder.close()
