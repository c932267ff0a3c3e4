"""Shared segments that the host uses again and again, kept mapped.

A copy inside memory takes half the time of one through ``read`` and ``write``, but only when the pages are
mapped already. A segment is therefore mapped when it is met the second time, and stays mapped as long as the
host keeps it and there is room.
"""

from __future__ import annotations

import mmap
import os
import sys

__all__ = ["Areas"]

_ROOM = 256 << 20
_SEEN = 16
_POPULATE: int = getattr(mmap, "MAP_POPULATE", 0)

_Ident = tuple[int, int]


class Areas:
    """The mapped segments of a session.

    Args:
        room: bytes that may be mapped in all.
    """

    def __init__(self, room: int = _ROOM) -> None:
        self._room = room if sys.platform == "linux" and _POPULATE else 0
        self._seen: dict[str, _Ident] = {}
        self._mapped: dict[str, tuple[_Ident, mmap.mmap]] = {}

    def find(self, path: str, fd: int) -> mmap.mmap | None:
        """The mapping of an open segment, if it is worth one.

        Args:
            path: how the segment is called.
            fd: it, open for reading and writing. The host may have given the path to another segment since,
                so this is what counts.
        """
        about = os.fstat(fd)
        ident = (about.st_dev, about.st_ino)
        known = self._mapped.pop(path, None)
        if known is not None and known[0] == ident and len(known[1]) == about.st_size:
            self._mapped[path] = known  # the one used last stands last
            return known[1]
        if self._seen.get(path) != ident:
            if len(self._seen) >= _SEEN:
                del self._seen[next(iter(self._seen))]
            self._seen[path] = ident
            return None
        # Only a segment that is full: to populate a hole would take memory that nobody asked for.
        if about.st_size > self._room or about.st_blocks * 512 < about.st_size:
            return None
        self._give_back(about.st_size)
        area = mmap.mmap(fd, about.st_size, flags=mmap.MAP_SHARED | _POPULATE)
        self._mapped[path] = (ident, area)
        return area

    def _give_back(self, size: int) -> None:
        """Unmaps what the host has given up, and what was used least recently until there is room."""
        for path, (ident, _) in list(self._mapped.items()):
            try:
                about = os.stat(path)
                alive = (about.st_dev, about.st_ino) == ident
            except OSError:
                alive = False
            if not alive:
                del self._mapped[path]
        while self._mapped and sum(len(area) for _, area in self._mapped.values()) + size > self._room:
            del self._mapped[next(iter(self._mapped))]
