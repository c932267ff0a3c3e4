"""The walk of :mod:`arcuate.values.check` over rows: where it stands, what is left, how it complains."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from arcuate.errors import ConversionError, LimitExceeded, ProtocolError, Unsupported
from arcuate.values import codes
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes, Row
from arcuate.values.paths import row_path

__all__ = ["Checker", "Part", "Walk"]

_SIZE_MAX = (1 << 63) - 1


class Part(NamedTuple):
    """What an enclosing value has to know about a value inside it.

    Attributes:
        at: number of its row.
        row: the row.
        shape: of an array or categorical, of a list; empty for every other kind.
        texts: the elements of a list of texts, with ``None`` for null; ``None`` for every other value.
        items: the parts of a mapping by key.
        parts: the elements of a list of arrays and categoricals only; ``None`` for every other value.
    """

    at: int
    row: Row
    shape: tuple[int, ...] = ()
    texts: tuple[str | None, ...] | None = None
    items: dict[str, Part] | None = None
    parts: tuple[Part, ...] | None = None


Checker = Callable[["Walk", int, Row, int], Part]
"""Checks one kind: given the walk, the number of the row, the row and its depth."""


class Walk:
    """One pass over untrusted rows.

    Attributes:
        nodes: the value.
        at: the number of the next row.
        taken: how many buffers have been taken.
    """

    __slots__ = ("_checkers", "_limits", "_max_depth", "_pool", "at", "nodes", "rows", "taken")

    def __init__(self, nodes: Nodes, limits: Limits, levels: int, checkers: Sequence[Checker]) -> None:
        self.nodes = nodes
        self.rows = nodes.rows
        self.at = 0
        self._pool = 0
        self.taken = 0
        self._limits = limits
        self._max_depth = min(limits.depth, codes.MAX_DEPTH) + levels
        self._checkers = checkers

    def value(self, depth: int) -> Part:
        """Checks the next value with all that is inside it."""
        at = self.at
        if at >= len(self.rows):
            raise ProtocolError(f"malformed value: {len(self.rows)} nodes, but the counts ask for more")
        row = self.rows[at]
        self.at = at + 1
        if row[0] >= len(self._checkers):
            raise Unsupported(
                f"this side does not know the kind {row[0]} of value; it knows 0 to "
                f"{len(self._checkers) - 1}; update it, or send another kind - at {row_path(self.rows, at)}"
            )
        return self._checkers[row[0]](self, at, row, depth)

    def enter(self, at: int, count: int, depth: int) -> int:
        """Goes down to the ``count`` children of the row ``at``; returns their depth."""
        if count > len(self.rows) - self.at:
            left = len(self.rows) - self.at
            raise self.bad(at, f"{count} children announced, but only {left} nodes follow")
        if depth >= self._max_depth:
            raise ConversionError(
                f"the value nests deeper than {min(self._limits.depth, codes.MAX_DEPTH)} levels; "
                f"flatten it, or send the parts one by one",
                path=row_path(self.rows, at),
            )
        return depth + 1

    def children(self, at: int, depth: int, keys: tuple[str, ...]) -> list[Part]:
        """Checks children that have to carry exactly these keys."""
        count = self.rows[at][4]
        if count != len(keys):
            raise self.bad(at, f"{count} children instead of {len(keys)}: {', '.join(keys)}")
        depth = self.enter(at, count, depth)
        parts = []
        for key in keys:
            part = self.value(depth)
            if part.row[6] != key:
                raise self.bad(part.at, f"the key is {part.row[6]!r} where {key!r} belongs")
            parts.append(part)
        return parts

    def numbers(self, at: int, count: int) -> Sequence[int]:
        """The next ``count`` numbers of the pool."""
        start, self._pool = self._pool, self._pool + count
        if self._pool > len(self.nodes.pool):
            raise self.bad(at, f"the pool holds {len(self.nodes.pool)} numbers, {self._pool} are asked for")
        return self.nodes.pool[start : self._pool]

    def shape(self, at: int, ndim: int, itemsize: int) -> tuple[tuple[int, ...], int]:
        """The next shape and its number of elements."""
        if ndim > codes.MAX_NDIM:
            raise ConversionError(
                f"an array of {ndim} dimensions; {codes.MAX_NDIM} are the most; reshape it",
                path=row_path(self.rows, at),
            )
        shape = tuple(self.numbers(at, ndim))
        size = bound = 1
        for extent in shape:
            size *= extent
            bound *= extent or 1
        if bound * (itemsize or 1) > _SIZE_MAX:
            raise self.bad(at, f"the shape {shape} is larger than any memory")
        return shape, size

    def buffer(self, at: int, size: int | None = None, what: str = "data") -> memoryview:
        """The next buffer, which has to be of this size."""
        self.skip(at, size, what)
        return self.view(self.taken - 1)

    def skip(self, at: int, size: int | None = None, what: str = "data") -> None:
        """Checks the size of the next buffer, whose content may be anything: nothing is laid out."""
        if self.taken >= len(self.nodes.buffers):
            raise self.bad(at, f"there are {len(self.nodes.buffers)} buffers, but the nodes ask for more")
        buffer = self.nodes.buffers[self.taken]
        length = len(buffer) if isinstance(buffer, bytes) else buffer.nbytes
        if length > self._limits.array:
            raise LimitExceeded(
                f"an array of {length:,} bytes exceeds the limit of {self._limits.array:,} bytes; "
                f"raise the setting 'array'",
                setting="array",
            )
        if size is not None and length != size:
            raise self.bad(at, f"{length} bytes of {what} instead of {size}")
        self.taken += 1

    def view(self, number: int) -> memoryview:
        """The bytes of a buffer. One that had to be laid out is kept so: what is used is what was checked."""
        buffer = self.nodes.buffers[number]
        if isinstance(buffer, (bytes, memoryview)):
            view = memoryview(buffer)
            return view if view.format == "B" and view.ndim == 1 else view.cast("B")
        target = memoryview(bytearray(buffer.nbytes))
        buffer.copy_into(target)
        self.nodes.buffers[number] = target
        return target

    def finish(self) -> None:
        """Checks that everything was used."""
        left = (
            len(self.rows) - self.at,
            len(self.nodes.pool) - self._pool,
            len(self.nodes.buffers) - self.taken,
        )
        if any(left):
            raise ProtocolError(
                f"malformed value: {left[0]} nodes, {left[1]} pool numbers and {left[2]} buffers are left"
            )

    def bad(self, at: int, text: str) -> ProtocolError:
        """The error for something malformed at a row."""
        kind = self.rows[at][0]
        name = codes.KIND_NAMES[kind] if kind < len(codes.KIND_NAMES) else f"kind {kind}"
        return ProtocolError(f"malformed {name}: {text} - at {row_path(self.rows, at)}")
