"""What storage tells: entries of a folder, and how a transfer went."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from arcuate.values.record import record

__all__ = ["Entry", "Progress", "Transfer"]

Progress = Callable[[int, "int | None"], object]
"""Is told the bytes that are there and the bytes in all, ``None`` if that is not known."""


@record(frozen=True)
class Entry:
    """A file, an object or a folder.

    Attributes:
        path: relative to the storage's address.
        size: bytes; ``None`` for a folder, and where the system does not say.
        folder: whether it is one.
        modified: when it was last changed, where the system says.
        etag: what the system calls this state of it, "" where it does not.
    """

    path: str
    size: int | None = None
    folder: bool = False
    modified: dt.datetime | None = None
    etag: str = ""


@record(frozen=True)
class Transfer:
    """How an upload or a download went.

    Attributes:
        path: what was transferred, relative to the storage's address.
        size: bytes in all.
        resumed: bytes that were there from before and not sent again.
        checked: by what it was found to be whole: ``md5``, ``crc32c``, ``crc32``, ``parts`` (the MD5 of each
            part), or only ``size``, where the system tells nothing else; ``nothing`` where not even that.
        etag: what the system calls this state of it, "" where it does not.
    """

    path: str
    size: int
    resumed: int = 0
    checked: str = "size"
    etag: str = ""
