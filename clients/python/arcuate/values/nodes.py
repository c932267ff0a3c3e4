"""The flat node table that both encodings share.

A value is a pre-order list of rows with two side lists, the *pool* (shapes, complex scalars) and the
*buffers*, which rows consume in order. Python objects are turned
into rows by :mod:`arcuate.values.encode` and back by :mod:`arcuate.values.decode`; rows are turned into bytes
by :mod:`arcuate.values.frames` and
:mod:`arcuate.values.protobuf`.
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Protocol, TypeAlias

from arcuate.errors import ConversionError, ProtocolError
from arcuate.values import codes

__all__ = [
    "Buffer",
    "Cursor",
    "Nodes",
    "Row",
    "Strided",
    "float_bits",
    "float_words",
    "signed",
    "step",
    "to_float",
    "word_floats",
]

Row = tuple[int, int, int, int, int, int, str, str]
"""(kind, dtype, flags, unit, count, value as u64, key, text)."""


class Strided(Protocol):
    """Data that is laid out only when it is copied to its destination."""

    @property
    def nbytes(self) -> int: ...

    def copy_into(self, target: memoryview) -> None:
        """Writes all bytes into ``target``, a writable view of exactly ``nbytes`` bytes."""


Buffer: TypeAlias = "memoryview | bytes | Strided"

_U64 = struct.Struct("<Q")
_F64 = struct.Struct("<d")


class Nodes:
    """A value as rows, pool and buffers.

    Attributes:
        rows: the nodes in pre-order.
        pool: unsigned 64-bit numbers, consumed in the order of the rows.
        buffers: data, consumed in the order of the rows; a contiguous bytes-like object or a
            :class:`Strided`.
    """

    __slots__ = ("buffers", "pool", "rows")

    def __init__(
        self,
        rows: list[Row] | None = None,
        pool: list[int] | None = None,
        buffers: list[Buffer] | None = None,
    ) -> None:
        self.rows: list[Row] = [] if rows is None else rows
        self.pool: list[int] = [] if pool is None else pool
        self.buffers: list[Buffer] = [] if buffers is None else buffers


class Cursor:
    """Walks :class:`Nodes` once, checking every step.

    Attributes:
        depth: how deep the walk is now; :meth:`enter` and :meth:`leave` keep it.
    """

    __slots__ = ("_buffer", "_nodes", "_pool", "_row", "depth", "max_depth")

    def __init__(self, nodes: Nodes, max_depth: int = codes.MAX_DEPTH + codes.MESSAGE_DEPTH) -> None:
        self._nodes = nodes
        self._row = 0
        self._pool = 0
        self._buffer = 0
        self.depth = 0
        self.max_depth = max_depth

    def next(self) -> Row:
        """The next row."""
        try:
            row = self._nodes.rows[self._row]
        except IndexError:
            raise ProtocolError(
                f"malformed value: {len(self._nodes.rows)} nodes, but the counts ask for more"
            ) from None
        self._row += 1
        return row

    @property
    def place(self) -> tuple[int, int, int]:
        """How many rows, pool numbers and buffers lie behind."""
        return self._row, self._pool, self._buffer

    def back(self, place: tuple[int, int, int], depth: int) -> None:
        """Goes back to where :attr:`place` and :attr:`depth` were these."""
        self._row, self._pool, self._buffer = place
        self.depth = depth

    def peek(self) -> Row:
        """The next row, without taking it."""
        row = self.next()
        self._row -= 1
        return row

    def ahead(self, count: int) -> list[Row]:
        """The next ``count`` rows, without taking them; fewer where the rows end."""
        return self._nodes.rows[self._row : self._row + count]

    def advance(self, count: int) -> None:
        """Takes ``count`` rows that :meth:`ahead` has shown, each of them a scalar."""
        self._row += count

    def enter(self, count: int) -> None:
        """Goes one level down into ``count`` children."""
        if count > len(self._nodes.rows) - self._row:
            raise ProtocolError(
                f"malformed value: a node announces {count} children, "
                f"but only {len(self._nodes.rows) - self._row} nodes follow"
            )
        self.depth += 1
        if self.depth > self.max_depth:
            raise ConversionError(
                f"the value nests deeper than {codes.MAX_DEPTH} levels; flatten it, or send the parts one "
                "by one"
            )

    def leave(self) -> None:
        """Comes back from a level."""
        self.depth -= 1

    def numbers(self, count: int) -> Sequence[int]:
        """The next ``count`` numbers of the pool."""
        end = self._pool + count
        if end > len(self._nodes.pool):
            raise ProtocolError(
                f"malformed value: the pool holds {len(self._nodes.pool)} numbers, {end} are asked for"
            )
        start, self._pool = self._pool, end
        return self._nodes.pool[start:end]

    def buffer(self) -> memoryview:
        """The next buffer, as a view of bytes."""
        try:
            data = self._nodes.buffers[self._buffer]
        except IndexError:
            raise ProtocolError(
                f"malformed value: {len(self._nodes.buffers)} buffers, but the nodes ask for more"
            ) from None
        self._buffer += 1
        if isinstance(data, (bytes, memoryview)):
            return memoryview(data)
        target = bytearray(data.nbytes)
        data.copy_into(memoryview(target))
        return memoryview(target)

    def drop(self) -> None:
        """Passes over the next buffer without looking at it."""
        self._buffer += 1

    def columns_with(self, flags: int, among: int) -> list[str]:
        """The keys of those children of the next node that are arrays with just these ``flags``
        ``among`` some.
        """
        rows = self._nodes.rows
        found: list[str] = []
        left = rows[self._row][4]
        at = self._row + 1
        while left and at < len(rows):
            row = rows[at]
            if row[0] == codes.ARRAY and row[2] & among == flags:
                found.append(row[6])
            below = 1
            while below and at < len(rows):
                below += (0 if rows[at][0] == codes.ARRAY else rows[at][4]) - 1
                at += 1
            left -= 1
        return found

    def finish(self) -> None:
        """Checks that everything was used."""
        left = (
            len(self._nodes.rows) - self._row,
            len(self._nodes.pool) - self._pool,
            len(self._nodes.buffers) - self._buffer,
        )
        if any(left):
            raise ProtocolError(
                f"malformed value: {left[0]} nodes, {left[1]} pool numbers and {left[2]} buffers are left "
                "over"
            )

    def skip(self) -> None:
        """Passes over one node with all its descendants."""
        left = 1
        while left:
            kind, _, flags, _, count, _, _, _ = self.next()
            left -= 1
            if kind == codes.ARRAY:
                self.numbers(count)
                self.buffer()
                if flags & codes.ARRAY_MASK:
                    self.buffer()
                continue
            if kind == codes.COMPLEX:
                self.numbers(2)
            elif kind == codes.BYTES:
                self.buffer()
            elif kind == codes.SPARSE:
                self.numbers(2)
                for _ in range(3):
                    self.buffer()
            elif kind == codes.LIST and flags & codes.LIST_SHAPED:
                self.numbers(self.numbers(1)[0])
            left += count


def float_bits(number: float) -> int:
    """The bits of a binary64 as an unsigned number."""
    bits: int = _U64.unpack(_F64.pack(number))[0]
    return bits


def float_words(numbers: Collection[float]) -> tuple[int, ...]:
    """The bits of many binary64 numbers."""
    count = len(numbers)
    return _many(count, "Q").unpack(_many(count, "d").pack(*numbers))


def word_floats(words: Collection[int]) -> tuple[float, ...]:
    """The binary64 numbers of many bits: the inverse of :func:`float_words`."""
    count = len(words)
    return _many(count, "d").unpack(_many(count, "Q").pack(*words))


@lru_cache(maxsize=256)
def _many(count: int, letter: str) -> struct.Struct:
    return struct.Struct(f"<{count}{letter}")


def to_float(bits: int) -> float:
    """The binary64 with these bits."""
    number: float = _F64.unpack(_U64.pack(bits))[0]
    return number


def signed(value: int) -> int:
    """A u64 read as two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value


def step(key: str) -> str:
    """One step of a path: ``.name``, or ``["any text"]`` for a key that is no identifier."""
    return f".{key}" if key.isidentifier() else f"[{key!r}]"
