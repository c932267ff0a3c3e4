"""What packed bytes become, found out without the memory for it, so that bombs are refused beforehand."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

__all__ = ["PACKERS", "arrow_claims", "becomes_more"]

PACKERS = {"zlib": 1100, "gzip": 1100, "bz2": 2_000_000, "lzma": 10_000}
"""What does not say the size of what it packs, and how much smaller than that it may be."""
_SAFE = 1 << 30
"""What cannot become more than this is not looked at."""
_PIECE = 1 << 20


def becomes_more(size: int, read: Callable[[], bytes], how: str, most: int) -> bool:
    """Whether packed bytes become more than ``most``; what is damaged is left to its reader.

    Args:
        size: how many there are.
        read: gives them.
        how: one of :data:`PACKERS`.
        most: bytes.
    """
    if size * PACKERS[how] <= max(most, _SAFE):
        return False
    total = 0
    try:
        for more in _sizes(read(), how):
            total += more
            if total > most:
                return True
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        pass
    return False


def _sizes(packed: bytes, how: str) -> Iterator[int]:
    if how == "zlib":
        unpacking = zlib.decompressobj()
        for at in range(0, len(packed), _PIECE):  # what is left over is copied each time
            piece = packed[at : at + _PIECE]
            while piece and not unpacking.eof:
                yield len(unpacking.decompress(piece, _PIECE))
                piece = unpacking.unconsumed_tail
        return
    opened: Any = {"gzip": gzip.GzipFile, "bz2": bz2.BZ2File, "lzma": lzma.LZMAFile}[how]
    source = io.BytesIO(packed)
    with opened(fileobj=source) if how == "gzip" else opened(source) as file:
        while piece := file.read(_PIECE):
            yield len(piece)


# ------------------------------------------------------------------ Arrow


def arrow_claims(path: Path, *, stream: bool) -> Iterator[int]:
    """How many bytes each batch or dictionary of an Arrow file says to become, where its buffers are packed.

    Args:
        path: the file, which Arrow found to be one.
        stream: whether it is a stream, without a list of its batches at the end.
    """
    with path.open("rb") as file:
        if stream:
            at: int | None = 0
            while at is not None:
                claim, at = _message(file, at)
                yield claim
            return
        file.seek(-10, os.SEEK_END)
        length = struct.unpack("<i", file.read(4))[0]
        file.seek(-10 - length, os.SEEK_END)
        footer = file.read(length)
        for number in (2, 3):
            listed = _field(footer, _at(footer, 0), number)
            if listed is not None:
                first = _at(footer, listed)
                for at in range(_number(footer, first, "I")):
                    yield _message(file, _number(footer, first + 4 + 24 * at, "q"))[0]


def _message(file: BinaryIO, at: int) -> tuple[int, int | None]:
    """What a message says to become, and where the next one is."""
    file.seek(at)
    head = file.read(8)
    marked = head[:4] == b"\xff\xff\xff\xff"
    start = at + (8 if marked else 4)
    length = int.from_bytes(head[4:] if marked else head[:4], "little")
    file.seek(start)
    data = file.read(length)
    if not length or len(data) < length:
        return 0, None  # the end, or cut short
    root = _at(data, 0)
    size, kind, batch = (_field(data, root, number) for number in (3, 1, 2))
    body, long = start + length, 0 if size is None else _number(data, size, "q")
    after = body + long if long >= 0 else None
    if batch is None or kind is None or data[kind] not in (2, 3):
        return 0, after
    batch = _at(data, batch)
    if data[kind] == 2:  # a dictionary has a batch in it
        inner = _field(data, batch, 1)
        batch = batch if inner is None else _at(data, inner)
    listed = _field(data, batch, 2)
    if _field(data, batch, 3) is None or listed is None:
        return 0, after  # not packed
    first, total = _at(data, listed), 0
    for number in range(_number(data, first, "I")):
        place, length = struct.unpack_from("<qq", data, first + 4 + 16 * number)
        if length >= 8:
            file.seek(body + place)
            total += max(length, int.from_bytes(file.read(8), "little", signed=True))
    return total, after


def _number(data: bytes, at: int, kind: str) -> int:
    return cast("int", struct.unpack_from(f"<{kind}", data, at)[0])


def _at(data: bytes, place: int) -> int:
    """Where an offset at a place of a flatbuffer leads."""
    return place + _number(data, place, "I")


def _field(data: bytes, table: int, number: int) -> int | None:
    """Where a field of a table is; ``None``: it is left out."""
    fields = table - _number(data, table, "i")
    if 6 + 2 * number > _number(data, fields, "H"):
        return None
    offset = _number(data, fields + 4 + 2 * number, "H")
    return table + offset if offset else None
