"""Memory for large buffers that arrive, used again when nothing uses it any more.

Fresh pages are cleared by the system before they are written to, which costs more than the copy into them.
What lies idle is marked as free for the taking (``MADV_FREE``): a system that needs it takes it back.
"""

from __future__ import annotations

import ctypes
import mmap
import threading
import weakref

__all__ = ["Memory"]

_SMALLEST = 1 << 20
"""Bytes from which on a buffer has pages of its own."""
_FREE: int | None = getattr(mmap, "MADV_FREE", None)


def _limited() -> bool:
    """Whether this process may take so much memory only: what lies idle would count."""
    try:
        import resource
    except ImportError:
        return False
    return any(
        resource.getrlimit(kind)[0] != resource.RLIM_INFINITY
        for kind in (resource.RLIMIT_DATA, resource.RLIMIT_AS)
    )


class Memory:
    """Areas of memory of this process.

    Args:
        largest: bytes of the largest area that is kept.
        keep: bytes of idle areas in all.
    """

    def __init__(self, largest: int = 128 << 20, keep: int = 256 << 20) -> None:
        self._largest = largest
        self._keep = keep
        self._lock = threading.RLock()  # a buffer may be collected while the lock is held
        self._idle: list[mmap.mmap] = []
        self._leases: dict[int, weakref.ref[object]] = {}

    def take(self, length: int) -> memoryview:
        """Memory for a buffer, with any content. It comes back when no view of it is left."""
        if length < _SMALLEST or not hasattr(mmap, "MADV_HUGEPAGE"):
            return memoryview(bytearray(length))
        area = self._find(length) or self._make(length)
        exporter = (ctypes.c_ubyte * length).from_buffer(area)
        if len(area) <= self._largest:
            number = id(exporter)

            def back(_: object) -> None:
                self._leases.pop(number, None)
                self._return(area)

            self._leases[number] = weakref.ref(exporter, back)
        return memoryview(exporter).cast("B")

    def _make(self, length: int) -> mmap.mmap:
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        try:
            area = mmap.mmap(-1, length, flags=flags)
        except OSError:
            with self._lock:
                self._idle.clear()  # they may be what is in the way
            try:
                area = mmap.mmap(-1, length, flags=flags)
            except OSError as error:
                raise MemoryError(f"there is no room for a buffer of {length:,} bytes: {error}") from None
        try:
            area.madvise(mmap.MADV_HUGEPAGE)
        except OSError:
            pass  # this kernel has none
        return area

    def _find(self, length: int) -> mmap.mmap | None:
        with self._lock:
            fits = [area for area in self._idle if length <= len(area) <= 2 * length]
            if not fits:
                return None
            area = min(fits, key=len)
            self._idle.remove(area)
            return area

    def _return(self, area: mmap.mmap) -> None:
        if _limited():
            return
        if _FREE is not None:
            try:
                area.madvise(_FREE)
            except (OSError, ValueError):
                return
        with self._lock:
            self._idle.append(area)
            while sum(map(len, self._idle)) > self._keep:
                del self._idle[0]
