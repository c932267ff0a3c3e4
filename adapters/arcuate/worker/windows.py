"""Segments of the host that a worker has mapped: a copy inside memory takes half the time of a read or write.

A segment is mapped when it is met again, since fresh pages are better written to. Only what is sealed against
being cut short is mapped: a file that shrinks under its mapping ends the process that touches it.
"""

from __future__ import annotations

import fcntl
import mmap
import os
from collections import OrderedDict

__all__ = ["Windows"]

_LEAST = 1 << 20
_MOST = 128 << 20
"""Bytes of the smallest and the largest segment that is mapped."""
_KEPT = 256 << 20
"""Bytes of all that are."""
_REMEMBERED = 64
_POPULATE: int = getattr(mmap, "MAP_POPULATE", 0)
_SEALS: int | None = getattr(fcntl, "F_GET_SEALS", None)
_SHRINK: int = getattr(fcntl, "F_SEAL_SHRINK", 0)

_Key = tuple[int, int]


class Windows:
    """The mappings of one worker."""

    def __init__(self) -> None:
        self._met: OrderedDict[_Key, None] = OrderedDict()
        self._kept: OrderedDict[_Key, mmap.mmap] = OrderedDict()

    def find(self, fd: int, size: int) -> memoryview | None:
        """The first ``size`` bytes of a segment, if it is worth mapping, or mapped already."""
        if size < _LEAST or _SEALS is None:
            return None
        state = os.fstat(fd)
        key = (state.st_dev, state.st_ino)  # a descriptor's number is used again, a file's is not
        area = self._kept.get(key)
        if area is not None:
            self._kept.move_to_end(key)
            return memoryview(area)[:size] if size <= len(area) else None
        if key not in self._met:
            self._met[key] = None
            if len(self._met) > _REMEMBERED:
                self._met.popitem(last=False)
            return None
        if not size <= state.st_size <= _MOST or state.st_blocks * 512 < state.st_size:
            return None
        try:
            if not fcntl.fcntl(fd, _SEALS) & _SHRINK:
                return None
            area = mmap.mmap(fd, state.st_size, flags=mmap.MAP_SHARED | _POPULATE)
        except OSError:
            return None  # a file of another file system, or one that is open for reading only
        self._kept[key] = area
        while sum(map(len, self._kept.values())) > _KEPT:
            self._kept.popitem(last=False)
        return memoryview(area)[:size]
