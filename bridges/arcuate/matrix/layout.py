"""One tree of numbers, written as a frame and as a message of Protocol Buffers.

Written from ``protos/frames.md`` and ``protos/arcuate/v1/value.proto``, and sharing nothing with the codecs
of :mod:`arcuate.values`: what those write is judged by it. It checks nothing: malformed values can be made
too.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from arcuate.v1.value_pb2 import Value

__all__ = ["DTYPES", "KINDS", "UNITS", "Node", "flatten", "frame", "message", "seal"]

KINDS = (
    *("null", "bool", "int", "float", "complex", "text", "bytes", "missing", "list", "mapping", "array"),
    *("labelled", "dataset", "table", "categorical", "datetime", "date", "duration", "sparse", "function"),
    "handle",
)
"""Section 3 of frames.md, in the order of the codes."""
DTYPES = (
    *("none", "bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"),
    *("text", "datetime", "date", "duration"),
)
"""Section 4."""
UNITS = ("", "s", "ms", "us", "ns", "min", "h", "day", "week", "month", "year", "ps", "fs", "as")
"""Section 5."""

_KEYED = {KINDS.index(name) for name in ("mapping", "labelled", "dataset", "table", "categorical")} | {
    KINDS.index(name) for name in ("function", "handle")
}
_BOOL, _INT, _FLOAT, _COMPLEX = 1, 2, 3, 4
_BYTES, _LIST, _ARRAY, _TABLE, _SPARSE = 6, 8, 10, 13, 18
_TIMES = {KINDS.index(name) for name in ("datetime", "date", "duration")}
_U8, _UNSIGNED, _SHAPED = 9, 1, 4


@dataclass
class Node:
    """One node of section 3 with its pool numbers, its buffers and its children.

    Attributes:
        kind: code of section 3.
        dtype: code of section 4.
        flags: bits of section 3.
        unit: code of section 5, or the storage format of a sparse matrix.
        value: the u64 of the node.
        text: UTF-8.
        count: children or dimensions, where that is not the number of ``items``.
        pool: numbers of the pool.
        buffers: data, mask, indices.
        items: key and node.
    """

    kind: int
    dtype: int = 0
    flags: int = 0
    unit: int = 0
    value: int = 0
    text: bytes = b""
    count: int | None = None
    pool: list[int] = field(default_factory=list)
    buffers: list[bytes] = field(default_factory=list)
    items: list[tuple[bytes, Node]] = field(default_factory=list)


def flatten(root: Node) -> Iterator[tuple[bytes, Node]]:
    """Yield the nodes in pre-order, each with its key."""
    open_nodes = [(b"", root)]
    while open_nodes:
        key, node = open_nodes.pop()
        yield key, node
        open_nodes += reversed(node.items)


def frame(root: Node) -> bytes:
    """Return the frame, section 1, with its checksum and every buffer inline."""
    rows = list(flatten(root))
    nodes = [node for _, node in rows]
    pool = [number for node in nodes for number in node.pool]
    buffers = [buffer for node in nodes for buffer in node.buffers]
    counts = [len(node.items) if node.count is None else node.count for node in nodes]
    text = b"".join(key + node.text for key, node in rows)

    wide = [*(node.value for node in nodes), *pool, *map(len, buffers), *(0 for _ in buffers)]
    narrow = [*counts, *(len(key) for key, _ in rows), *(len(node.text) for node in nodes)]
    bytewise = [
        *(node.kind for node in nodes),
        *(node.dtype for node in nodes),
        *(node.flags for node in nodes),
        *(node.unit for node in nodes),
    ]
    tables = struct.pack(f"<{len(wide)}Q", *wide) + struct.pack(f"<{len(narrow)}I", *narrow)
    tables = _padded(bytes(64) + tables + bytes(bytewise) + text)[64:]
    data = b"".join(map(_padded, buffers))
    head = 64 + len(tables)
    sizes = struct.pack("<QIIQQQ", head + len(data), len(nodes), len(buffers), len(pool), len(text), head)
    header = b"ARCU" + struct.pack("<HH", 1, 0) + sizes + struct.pack("<IIQ", 1, 0, 0)
    return seal(header + tables + data)


def seal(data: bytes) -> bytes:
    """Return a frame with the checksum of section 2 in its place."""
    (head,) = struct.unpack_from("<Q", data, 40)
    checksum = zlib.adler32(data[:52] + data[56:head])
    return data[:52] + struct.pack("<I", checksum) + data[56:]


def _padded(data: bytes) -> bytes:
    """Add zero bytes up to the next multiple of 64."""
    return data + bytes(-len(data) % 64)


def message(root: Node) -> Value:
    """Return the message of value.proto."""
    made = Value()
    _fill(made, root)
    return made


def _fill(made: Value, node: Node) -> None:
    numbers = {"kind": node.kind + 1, "dtype": node.dtype, "flags": node.flags}
    if node.kind == _SPARSE:
        numbers["format"] = node.unit + 1
    else:
        numbers["unit"] = node.unit
    for name, number in numbers.items():  # the stubs want members of the enums
        setattr(made, name, number)
    made.text = node.text.decode()
    signed = node.value - (1 << 64) if node.value >> 63 else node.value
    if node.kind == _BOOL:
        made.boolean = bool(node.value)
    elif node.kind == _INT and (node.dtype == _U8 or node.flags & _UNSIGNED):
        made.unsigned = node.value
    elif node.kind == _INT or node.kind in _TIMES:
        made.integer = signed
    elif node.kind == _FLOAT:
        made.real = _real(node.value)
    elif node.kind == _COMPLEX:
        made.real, made.imaginary = map(_real, node.pool)
    elif node.kind == _LIST and node.flags & _SHAPED:
        made.shape.extend(node.pool[1:])  # the first is the number of dimensions
    elif node.kind in (_ARRAY, _SPARSE):
        made.shape.extend(node.pool)
    if node.kind in (_TABLE, _SPARSE):
        made.size = node.value
    fields = ("data", "indices", "indptr") if node.kind == _SPARSE else ("data", "mask")
    for name, buffer in zip(fields, node.buffers, strict=False):
        setattr(made, name, buffer)
    for key, item in node.items:
        if node.kind in _KEYED:
            made.keys.append(key.decode())
        _fill(made.items.add(), item)


def _real(bits: int) -> float:
    number: float = struct.unpack("<d", struct.pack("<Q", bits))[0]
    return number
