"""Chunks of 1 MiB need memory again and again: the C library is told to keep it meanwhile.

glibc gives memory of this size back to the system as soon as it is freed, and the system clears the same
pages once more for the next chunk: a third of the time that an array takes over gRPC
(docs/decisions/heap.md).
"""

from __future__ import annotations

import ctypes
import os
import sys

__all__ = ["keep"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # <malloc.h>
_CHUNKS = 4 << 20
"""Allocations below this size come from the heap."""
_KEPT = 64 << 20
"""Bytes at the end of the heap that are kept when they are free."""
_OWN = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
"""Where the user has said what is to be kept, it stays so."""

_done = False


def keep() -> None:
    """Has the C library keep up to 64 MiB of freed memory. Does something once, and on glibc only."""
    global _done
    if _done:
        return
    _done = True
    if not sys.platform.startswith("linux") or any(name in os.environ for name in _OWN):
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MMAP_THRESHOLD, _CHUNKS)
        library.mallopt(_TRIM_THRESHOLD, _KEPT)
