"""Plain numbers between buffers and R's memory, with the scan for missing values both ways.

R marks a missing double by a NaN whose low word is 1954, a missing integer or logical by -2^31. Data is
moved in chunks that stay in the processor's cache, so that the scan costs little beside the copy. numpy is
imported when the first array of more than a few elements passes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from arcuate.errors import ConversionError
from arcuate.r.areas import Areas
from arcuate.r.rapi import ffi
from arcuate.values.nodes import Buffer

__all__ = [
    "CHUNK",
    "Source",
    "Target",
    "complex_missing",
    "double_missing",
    "int_missing",
    "normalise_doubles",
    "numpy",
]

CHUNK = 1 << 19
"""Bytes that go through ``read`` or ``write`` at once."""
_BLOCK = 1 << 20
"""Bytes that are copied at once inside memory. From about this size on the C library writes around the cache,
which spares reading what is overwritten: smaller blocks take twice as long."""
NA_BITS = 0x7FF00000000007A2
NAN_BITS = 0x7FF8000000000000
NA_INT = -(1 << 31)
_FEW = 48
_np: Any = None
_AREAS = Areas()


def numpy() -> Any:
    """numpy, imported at first use."""
    global _np
    if _np is None:
        import numpy as module

        _np = module
    return _np


class Placed:
    """A buffer that lies in a shared segment already."""

    __slots__ = ("nbytes", "ref")

    def __init__(self, ref: int, nbytes: int) -> None:
        self.ref = ref
        self.nbytes = nbytes

    def copy_into(self, target: memoryview) -> None:
        """Never called: the frame refers to the segment."""
        raise NotImplementedError


class Target:
    """Where outgoing data goes: inline bytes, or a segment from the host when it is large.

    Args:
        threshold: bytes from which a segment is used.
        alloc: asks the host for a segment: size to (ref, path).
    """

    __slots__ = ("alloc", "threshold")

    def __init__(self, threshold: int, alloc: Callable[[int], tuple[int, str]]) -> None:
        self.threshold = threshold
        self.alloc = alloc

    def give(self, data: Buffer) -> Buffer:
        """A buffer of bytes, moved to a segment when it is large."""
        view = memoryview(data) if not isinstance(data, Placed) else None  # type: ignore[arg-type]
        if view is None or view.nbytes < self.threshold:
            return data
        return self.write(view, None)

    def copy(self, pointer: Any, size: int) -> Buffer:
        """``size`` bytes of R's memory."""
        if size < self.threshold:
            return bytes(ffi.buffer(pointer, size)[:]) if size else b""
        return self.write(memoryview(ffi.buffer(pointer, size)), None)

    def write(self, view: memoryview, odd: Callable[[memoryview], bool] | None) -> Buffer:
        """Writes a view to a segment; ``odd`` sees each piece while it is in the cache."""
        ref, path = self.alloc(view.nbytes)
        size = view.nbytes
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            area = _AREAS.find(path, fd) if size >= _BLOCK else None
            if area is not None and len(area) >= size:
                with memoryview(area) as target:
                    _copy(view, target, odd, None)
                return Placed(ref, size)
            at = 0
            while at < size:
                piece = view[at : at + CHUNK]
                if odd is not None:
                    odd(piece)
                done = 0
                while done < len(piece):
                    done += os.pwrite(fd, piece[done:], at + done)
                at += len(piece)
        finally:
            os.close(fd)
        return Placed(ref, size)


def _copy(
    source: memoryview,
    target: memoryview,
    odd: Callable[[memoryview], bool] | None,
    mend: Callable[[memoryview], None] | None,
) -> None:
    """Copies ``source`` to the start of ``target``, block by block after ``odd`` has looked at each.

    The block is still in the cache when it is copied, so that memory is read once.
    """
    np = numpy()
    given = np.frombuffer(source, np.uint8)
    taken = np.frombuffer(target, np.uint8)
    size = len(given)
    for at in range(0, size, _BLOCK):
        end = min(at + _BLOCK, size)
        found = odd is not None and odd(source[at:end])
        np.copyto(taken[at:end], given[at:end])
        if found and mend is not None:
            mend(target[at:end])


def double_missing(target: Target, pointer: Any, n: int) -> tuple[Buffer, Buffer | None]:
    """The data of a double vector and the mask of its NA, if there is one."""
    size = 8 * n
    if n <= _FEW:
        data = bytes(ffi.buffer(pointer, size)[:])
        if n == 0:
            return b"", None
        total = sum(memoryview(data).cast("d"))
        if total == total:
            return data, None
    np = numpy()
    view = np.frombuffer(ffi.buffer(pointer, size), np.float64)
    if size < target.threshold:
        mask = _na_mask(np, view)
        if mask is None:
            return view.tobytes(), None
        clean = view.copy()
        clean[mask] = 0.0
        return clean.tobytes(), mask.tobytes()
    found = False

    def odd(piece: memoryview) -> bool:
        nonlocal found
        found = found or _has_nan(np, piece)
        return found

    with np.errstate(all="ignore"):
        placed = target.write(memoryview(ffi.buffer(pointer, size)), odd)
    if not found:
        return placed, None
    mask = _na_mask(np, view)
    if mask is None:
        return placed, None
    clean = view.copy()
    clean[mask] = 0.0
    return target.write(memoryview(clean).cast("B"), None), target.give(
        memoryview(mask.view(np.uint8)).cast("B")
    )


def _has_nan(np: Any, piece: memoryview) -> bool:
    """Whether a NaN may be among these doubles: their sum is NaN then, and rarely so without one."""
    total = np.add.reduce(np.frombuffer(piece, np.float64))
    return bool(total != total)


def _na_mask(np: Any, view: Any) -> Any:
    bits = view.view(np.uint64)
    mask = np.isnan(view)
    if not mask.any():
        return None
    mask &= (bits & 0xFFFFFFFF) == 1954
    return mask if mask.any() else None


def int_missing(target: Target, pointer: Any, n: int, logical: bool) -> tuple[Buffer, Buffer | None]:
    """The data of an integer or logical vector (one byte each then) and the mask of its NA."""
    if n <= _FEW:
        if n == 0:
            return b"", None
        items = ffi.unpack(pointer, n)
        if NA_INT in items:
            mask = bytes(item == NA_INT for item in items)
            if logical:
                return bytes(0 if item == NA_INT else item != 0 for item in items), mask
            return b"".join(
                (0 if item == NA_INT else item).to_bytes(4, "little", signed=True) for item in items
            ), mask
        if logical:
            return bytes(map(bool, items)), None
        return bytes(ffi.buffer(pointer, 4 * n)[:]), None
    np = numpy()
    view = np.frombuffer(ffi.buffer(pointer, 4 * n), np.int32)
    if view.min() == NA_INT:
        missing = view == NA_INT
        data = (view != 0) & ~missing if logical else np.where(missing, np.int32(0), view)
        return target.give(memoryview(data).cast("B")), target.give(memoryview(missing).cast("B"))
    if logical:
        return target.give(memoryview(view != 0).cast("B")), None
    return target.copy(pointer, 4 * n), None


def complex_missing(target: Target, pointer: Any, n: int) -> tuple[Buffer, Buffer | None]:
    """The data of a complex vector and the mask of its NA."""
    if n == 0:
        return b"", None
    np = numpy()
    view = np.frombuffer(ffi.buffer(pointer, 16 * n), np.float64)
    mask = _na_mask(np, view)
    if mask is None:
        return target.copy(pointer, 16 * n), None
    either = mask.reshape(n, 2).any(axis=1)
    clean = view.reshape(n, 2).copy()
    clean[either] = 0.0
    return target.give(memoryview(clean).cast("B")), target.give(memoryview(either).cast("B"))


class Source:
    """An incoming buffer: bytes in the frame, or a segment that is read from its file.

    Attributes:
        size: its bytes.
    """

    __slots__ = ("_path", "_view", "size")

    def __init__(self, view: memoryview | None, path: str, size: int) -> None:
        self._view = view
        self._path = path
        self.size = size

    @property
    def nbytes(self) -> int:
        """The same as ``size``."""
        return self.size

    def copy_into(self, target: memoryview) -> None:
        """Copies everything."""
        self.fill(target)

    def fill(
        self,
        target: memoryview,
        odd: Callable[[memoryview], bool] | None = None,
        mend: Callable[[memoryview], None] | None = None,
    ) -> None:
        """Copies everything into writable memory.

        Args:
            target: where to.
            odd: looks at each piece, before or after it was copied.
            mend: called with those pieces of ``target`` that ``odd`` said yes to.
        """
        if self._view is not None:
            target[: self.size] = self._view
            if odd is not None and mend is not None and odd(target):
                mend(target)
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            area = _AREAS.find(self._path, fd) if self.size >= _BLOCK else None
            if area is not None and len(area) >= self.size:
                with memoryview(area) as whole, whole[: self.size] as source:
                    _copy(source, target, odd, mend)
                return
            at = 0
            while at < self.size:
                piece = target[at : min(at + CHUNK, self.size)]
                got = 0
                while got < len(piece):
                    more = os.preadv(fd, [piece[got:]], at + got)
                    if not more:
                        raise ConversionError(
                            "a shared segment is shorter than the message says; this is a defect of the "
                            "sender"
                        )
                    got += more
                if odd is not None and mend is not None and odd(piece):
                    mend(piece)
                at += len(piece)
        finally:
            os.close(fd)

    def bytes(self) -> memoryview:
        """All of it in memory."""
        if self._view is not None:
            return self._view
        data = memoryview(bytearray(self.size))
        self.fill(data)
        return data


def fill_doubles(source: Source, pointer: Any, n: int) -> None:
    """Fills a double vector; a NaN that R would take for NA is normalised."""
    if not n:
        return
    target = memoryview(ffi.buffer(pointer, 8 * n))
    if n <= _FEW:
        source.fill(target)
        total = sum(target.cast("d"))
        if total == total:
            return
        normalise_doubles(target)
        return
    np = numpy()

    with np.errstate(all="ignore"):
        source.fill(target, lambda piece: _has_nan(np, piece), normalise_doubles)


def normalise_doubles(view: memoryview) -> None:
    """Replaces NaN with R's NA payload by the usual NaN."""
    np = numpy()
    values = np.frombuffer(view, np.float64)
    odd = np.isnan(values)
    bits = values.view(np.uint64)
    odd &= (bits & 0xFFFFFFFF) == 1954
    if odd.any():
        bits[odd] = NAN_BITS
