"""A value as a tree of nodes: what ``protos/frames.md`` says of it, and nothing of the library that holds it.

Formats are written from nodes and read into them, so that what numpy, pandas, xarray, pyarrow and scipy hold
takes one way only, and comes back as it would from R or Octave.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from arcuate.values import codes, decode, encode
from arcuate.values.check import check
from arcuate.values.nodes import Cursor, Nodes
from arcuate.values.nodes import step as step
from arcuate.values.texts import join, split

__all__ = ["Node", "array_node", "plain_node", "step"]

_STORED = {codes.D_DATETIME: "<i8", codes.D_DURATION: "<i8", codes.D_DATE: "<i4", codes.D_BOOL: "?"}
_ORDER = codes.ARRAY_MASK | codes.ARRAY_FORTRAN


@dataclass(slots=True)
class Node:
    """One node with what is below it.

    Attributes:
        kind, dtype, flags, unit, value, text: as in a row of :mod:`arcuate.values.nodes`.
        numbers: its numbers in the pool.
        buffers: its buffers.
        children: keys and nodes; the keys of a list are empty.
    """

    kind: int
    dtype: int = 0
    flags: int = 0
    unit: int = 0
    value: int = 0
    text: str = ""
    numbers: tuple[int, ...] = ()
    buffers: list[Any] = field(default_factory=list)
    children: list[tuple[str, Node]] = field(default_factory=list)

    @classmethod
    def of(cls, value: Any) -> Node:
        """The node of a Python value.

        Raises:
            ConversionError: it is no value of the model; the error ends with the path.
        """
        cursor = Cursor(encode(value))
        _, found = _read(cursor)
        cursor.finish()
        return found

    def python(self) -> Any:
        """The Python value.

        Raises:
            ProtocolError: the node is malformed: it came from a damaged file.
        """
        nodes = Nodes()
        self._write(nodes, "")
        check(nodes)
        return decode(nodes)

    def __getitem__(self, key: str) -> Node:
        for name, node in self.children:
            if name == key:
                return node
        raise KeyError(key)

    @property
    def kind_name(self) -> str:
        """The name of its kind."""
        return codes.KIND_NAMES[self.kind]

    @property
    def dtype_name(self) -> str:
        """The name of its dtype."""
        return codes.DTYPE_NAMES[self.dtype]

    @property
    def unit_name(self) -> str:
        """Numpy's name of its unit."""
        return codes.UNIT_NAMES[self.unit]

    @property
    def hints(self) -> int:
        """The flags of an array that say nothing of its layout."""
        return self.flags & ~_ORDER

    def values(self) -> NDArray[Any]:
        """The elements of an array, row-major: counts for times, bools, numbers, objects for texts."""
        shape = self.numbers
        order: Any = "F" if self.flags & codes.ARRAY_FORTRAN else "C"
        if self.dtype == codes.D_TEXT:
            texts = np.empty(prod(shape), object)
            texts[:] = split(memoryview(self.buffers[0]), prod(shape))
            return texts.reshape(shape, order=order)
        dtype = _STORED.get(self.dtype) or "<" + self.dtype_name
        return np.frombuffer(self.buffers[0], dtype).reshape(shape, order=order)

    def mask(self) -> NDArray[np.bool_] | None:
        """Where elements of an array are missing, row-major; ``None`` if none is."""
        if not self.flags & codes.ARRAY_MASK:
            return None
        order: Any = "F" if self.flags & codes.ARRAY_FORTRAN else "C"
        gone = np.frombuffer(self.buffers[1], bool).reshape(self.numbers, order=order)
        return gone if gone.any() else None

    def texts(self) -> list[str]:
        """The items of a list of texts, as dims and names are."""
        return [node.text for _, node in self.children]

    def walk(self) -> Iterator[Node]:
        """The node and all below it."""
        yield self
        for _, below in self.children:
            yield from below.walk()

    def _write(self, nodes: Nodes, key: str) -> None:
        count = len(self.numbers) if self.kind == codes.ARRAY else len(self.children)
        row = (self.kind, self.dtype, self.flags, self.unit, count, self.value, key, self.text)
        nodes.rows.append(row)
        nodes.pool.extend([len(self.numbers)] if self._shaped() else [])
        nodes.pool.extend(self.numbers)
        nodes.buffers.extend(self.buffers)
        for name, below in self.children:
            below._write(nodes, name)

    def _shaped(self) -> bool:
        return self.kind == codes.LIST and bool(self.flags & codes.LIST_SHAPED)


def array_node(
    dtype: int,
    values: NDArray[Any],
    gone: NDArray[np.bool_] | None = None,
    *,
    hints: int = 0,
    unit: int = 0,
    zone: str = "",
) -> Node:
    """The node of an array.

    Args:
        dtype: its code.
        values: as :meth:`Node.values` gives them.
        gone: where they are missing.
        hints: flags.
        unit: code of the unit of times.
        zone: zone of datetimes.
    """
    if dtype == codes.D_TEXT:
        items = [str(text) for text in values.reshape(-1)]
        if gone is not None:
            items = ["" if hidden else text for text, hidden in zip(items, gone.reshape(-1), strict=True)]
        data: Any = join(items)
    else:
        wanted = np.dtype(_STORED.get(dtype) or "<" + codes.DTYPE_NAMES[dtype])
        data = _bytes(np.ascontiguousarray(values, wanted))
    buffers = [data]
    if gone is not None:
        buffers.append(_bytes(np.ascontiguousarray(gone, bool)))
        hints |= codes.ARRAY_MASK
    return Node(codes.ARRAY, dtype, hints, unit, 0, zone, tuple(values.shape), buffers)


def _bytes(values: Any) -> memoryview:
    return memoryview(values.reshape(-1).view("u1"))


def plain_node(kind: int, children: Sequence[tuple[str, Node]] = (), **fields: Any) -> Node:
    """A node with children."""
    return Node(kind, children=list(children), **fields)


def _read(cursor: Cursor) -> tuple[str, Node]:
    kind, dtype, flags, unit, count, value, key, text = cursor.next()
    node = Node(kind, dtype, flags, unit, value, text)
    if kind == codes.ARRAY:
        node.numbers = tuple(cursor.numbers(count))
        node.buffers = [cursor.buffer() for _ in range(2 if flags & codes.ARRAY_MASK else 1)]
        return key, node
    if kind in (codes.COMPLEX, codes.SPARSE):
        node.numbers = tuple(cursor.numbers(2))
        node.buffers = [cursor.buffer() for _ in range(3 if kind == codes.SPARSE else 0)]
    elif kind == codes.BYTES:
        node.buffers = [cursor.buffer()]
    elif kind == codes.LIST and flags & codes.LIST_SHAPED:
        node.numbers = tuple(cursor.numbers(cursor.numbers(1)[0]))
    if count:
        cursor.enter(count)
        node.children = [_read(cursor) for _ in range(count)]
        cursor.leave()
    return key, node
