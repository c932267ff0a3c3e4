"""Rows to Protocol Buffers and back: the messages of ``protos/arcuate/v1/value.proto``.

One message level is one level of the value. Everything that arrives is checked by
:func:`arcuate.values.check.check`. Nothing here recurses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError, EncodeError

from arcuate.errors import ConversionError, LimitExceeded, ProtocolError, Unsupported
from arcuate.v1.value_pb2 import Value
from arcuate.values import codes
from arcuate.values.check import check
from arcuate.values.limits import Limits
from arcuate.values.nodes import Cursor, Nodes, Row, float_bits, signed, step, to_float

__all__ = ["MAX_MESSAGE", "dump", "from_message", "load", "to_message"]

MAX_MESSAGE = (1 << 31) - 1
"""Protocol Buffers end at 2 GiB; larger values travel as frames."""

_DEFAULT = Limits()
_U64 = (1 << 64) - 1
_KEYED = frozenset(
    (
        codes.MAPPING,
        codes.LABELLED,
        codes.DATASET,
        codes.TABLE,
        codes.CATEGORICAL,
        codes.FUNCTION,
        codes.HANDLE,
    )
)
_COUNTED = frozenset((codes.DATETIME, codes.DATE, codes.DURATION))
_SIZED = frozenset((codes.TABLE, codes.SPARSE))

# Field numbers of the message.
_KIND, _DTYPE, _FLAGS, _UNIT, _BOOLEAN, _INTEGER, _UNSIGNED, _REAL, _IMAGINARY, _TEXT = range(1, 11)
_ITEMS, _KEYS, _SHAPE, _DATA, _MASK, _SIZE, _FORMAT, _INDICES, _INDPTR = range(11, 20)

_COMMON = frozenset((_KIND, _DTYPE, _FLAGS, _UNIT, _TEXT))
_PARTS = _COMMON | {_ITEMS, _KEYS}
_FIELDS = {
    codes.BOOL: _COMMON | {_BOOLEAN},
    codes.INT: _COMMON | {_INTEGER, _UNSIGNED},
    codes.FLOAT: _COMMON | {_REAL},
    codes.COMPLEX: _COMMON | {_REAL, _IMAGINARY},
    codes.BYTES: _COMMON | {_DATA},
    codes.LIST: _COMMON | {_ITEMS, _SHAPE},
    codes.ARRAY: _COMMON | {_SHAPE, _DATA, _MASK},
    codes.TABLE: _PARTS | {_SIZE},
    codes.SPARSE: _COMMON | {_SHAPE, _DATA, _SIZE, _FORMAT, _INDICES, _INDPTR},
    **dict.fromkeys(_COUNTED, _COMMON | {_INTEGER}),
    **dict.fromkeys(_KEYED - {codes.TABLE}, _PARTS),
}
"""The fields that each kind may have; the other kinds have the common ones."""


def dump(nodes: Nodes) -> bytes:
    """The message of a value as bytes.

    Raises:
        ConversionError: it nests too deep, or a text is none (a lone surrogate).
        LimitExceeded: it does not fit into a message of Protocol Buffers.
    """
    try:
        return to_message(nodes).SerializeToString(deterministic=True)
    except (EncodeError, ValueError) as error:  # which of them depends on protobuf's back end
        raise _too_large(f"this value ({error})") from None


def to_message(nodes: Nodes, target: Value | None = None) -> Value:
    """The message of a value.

    Args:
        nodes: the value.
        target: the message to fill, such as a field of an enclosing message; a new one by default.
    """
    size = sum(len(buffer) if isinstance(buffer, bytes) else buffer.nbytes for buffer in nodes.buffers)
    if size > MAX_MESSAGE:
        raise _too_large(f"a value with {size:,} bytes of data")
    cursor = Cursor(nodes)
    root = Value() if target is None else target
    try:
        left = _fill(root, cursor.next(), cursor)
        open_nodes: list[tuple[Value, int]] = []
        if left:
            cursor.enter(left)
            open_nodes.append((root, left))
        while open_nodes:
            message, left = open_nodes.pop()
            if not left:
                cursor.leave()
                continue
            open_nodes.append((message, left - 1))
            row = cursor.next()
            if message.kind != codes.LIST + 1:
                message.keys.append(row[6])
            child = message.items.add()
            count = _fill(child, row, cursor)
            if count:
                cursor.enter(count)
                open_nodes.append((child, count))
    except (UnicodeEncodeError, ValueError) as error:
        if "surrogate" not in str(error).lower() and not isinstance(error, UnicodeEncodeError):
            raise
        raise ConversionError(
            "a text holds a lone surrogate, which is no character and has no UTF-8 form; "
            "replace it, or send the bytes (text.encode(..., 'surrogateescape'))"
        ) from None
    cursor.finish()
    return root


def _fill(message: Any, row: Row, cursor: Cursor) -> int:
    """Writes a row, its numbers and its buffers into a message; returns how many children follow."""
    kind, dtype, flags, unit, count, value, _, text = row
    message.kind = kind + 1
    if dtype:
        message.dtype = dtype
    if flags:
        message.flags = flags
    if text:
        message.text = text
    if kind == codes.SPARSE:
        message.format = unit + 1
        message.size = value
        message.shape.extend(cursor.numbers(2))
        message.data = bytes(cursor.buffer())
        message.indices = bytes(cursor.buffer())
        message.indptr = bytes(cursor.buffer())
        return 0
    if unit:
        message.unit = unit
    if kind == codes.ARRAY:
        message.shape.extend(cursor.numbers(count))
        message.data = bytes(cursor.buffer())
        if flags & codes.ARRAY_MASK:
            message.mask = bytes(cursor.buffer())
        return 0
    if kind == codes.FLOAT:
        message.real = to_float(value)
    elif kind == codes.INT:
        if dtype == codes.D_U8 or flags & codes.INT_UNSIGNED:
            message.unsigned = value
        else:
            message.integer = signed(value)
    elif kind == codes.BOOL:
        message.boolean = bool(value)
    elif kind == codes.COMPLEX:
        real, imaginary = cursor.numbers(2)
        message.real, message.imaginary = to_float(real), to_float(imaginary)
    elif kind in _COUNTED:
        message.integer = signed(value)
    elif kind == codes.BYTES:
        message.data = bytes(cursor.buffer())
    elif kind == codes.TABLE:
        message.size = value
    elif kind == codes.LIST and flags & codes.LIST_SHAPED:
        message.shape.extend(cursor.numbers(cursor.numbers(1)[0]))
    return count


def load(data: bytes, *, limits: Limits = _DEFAULT) -> Nodes:
    """The value in a serialised message, checked.

    Protocol Buffers are parsed before anything in them can be counted, and an empty message of two bytes
    takes more than a hundred in memory: ``limits.message`` should be chosen with that in mind.

    Raises:
        ProtocolError: the message is malformed.
        LimitExceeded: it is larger than the limits allow.
        ConversionError: it nests too deep.
        Unsupported: it holds a kind that this side does not know; the message ends with its path.
    """
    if len(data) > limits.message:
        raise LimitExceeded(
            f"a message of {len(data):,} bytes exceeds the limit of {limits.message:,} bytes; "
            f"raise the setting 'message'",
            setting="message",
        )
    message = Value()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise ProtocolError(
            f"malformed message: {len(data)} bytes are no arcuate.v1.Value, or nest deeper than "
            f"Protocol Buffers can ({error})"
        ) from None
    return from_message(message, limits=limits)


def from_message(message: Value, *, limits: Limits = _DEFAULT) -> Nodes:
    """The value in a message, checked; raises what :func:`load` raises."""
    nodes = Nodes()
    rows, max_depth, text_left = nodes.rows, limits.depth + codes.MESSAGE_DEPTH, limits.text
    pending: list[tuple[Value, str, int, tuple[object, ...]]] = [(message, "", 0, ())]
    while pending:
        one, key, depth, path = pending.pop()
        if depth > max_depth:
            raise ConversionError(
                f"the value nests deeper than {limits.depth} levels; "
                f"flatten it, or send the parts one by one",
                path=_path(path),
            )
        row = _row(one, key, nodes, path)
        rows.append(row)
        text_left -= len(key) + len(row[7])
        if text_left < 0:
            raise LimitExceeded(
                f"a message has more than {limits.text:,} bytes of text; raise the setting 'text'",
                setting="text",
            )
        count = len(one.items)
        if not count:
            continue
        if len(rows) + len(pending) + count > limits.nodes:
            raise LimitExceeded(
                f"a message has more than {limits.nodes:,} values; raise the setting 'nodes'",
                setting="nodes",
            )
        keys: Sequence[str] = one.keys
        for i in range(count - 1, -1, -1):
            name = keys[i] if keys else ""
            pending.append((one.items[i], name, depth + 1, (path, name if keys else i)))
    check(nodes, limits)
    return nodes


def _row(message: Value, key: str, nodes: Nodes, path: tuple[object, ...]) -> Row:
    """Reads a message without its items; appends its numbers and buffers."""
    kind = message.kind - 1
    if not 0 <= kind < len(codes.KIND_NAMES):
        if kind < 0:
            raise ProtocolError(f"malformed message: a value has no kind - at {_path(path)}")
        raise Unsupported(
            f"this side does not know the kind {kind + 1} of value; it knows 1 to {len(codes.KIND_NAMES)}; "
            f"update it, or send another kind - at {_path(path)}"
        )
    allowed = _FIELDS.get(kind, _COMMON)
    for field, _ in message.ListFields():
        if field.number not in allowed:
            raise ProtocolError(
                f"malformed message: a value of kind {codes.KIND_NAMES[kind]} has the field {field.name!r} "
                f"- at {_path(path)}"
            )
    count = len(message.items)
    if len(message.keys) != (count if kind in _KEYED else 0):
        raise ProtocolError(
            f"malformed message: a {codes.KIND_NAMES[kind]} has {count} items and {len(message.keys)} keys "
            f"- at {_path(path)}"
        )
    dtype, flags, unit, value = int(message.dtype), message.flags & 0xFF, int(message.unit), 0
    if not 0 <= dtype < 256 or not 0 <= unit < 256:
        raise ProtocolError(f"malformed message: dtype {dtype}, unit {unit} - at {_path(path)}")
    if kind == codes.FLOAT:
        value = float_bits(message.real)
    elif kind == codes.INT:
        wide = dtype == codes.D_U8 or flags & codes.INT_UNSIGNED
        if message.integer if wide else message.unsigned:
            raise ProtocolError(f"malformed message: an int in the wrong field - at {_path(path)}")
        value = message.unsigned if wide else message.integer & _U64
    elif kind == codes.BOOL:
        value = int(message.boolean)
    elif kind in _COUNTED:
        value = message.integer & _U64
    elif kind in _SIZED:
        value = message.size
    if kind == codes.ARRAY:
        count = len(message.shape)
        nodes.pool += message.shape
        nodes.buffers.append(message.data)
        if flags & codes.ARRAY_MASK:
            nodes.buffers.append(message.mask)
        elif message.mask:
            raise ProtocolError(f"malformed message: a mask without ARRAY_FLAG_MASK - at {_path(path)}")
    elif kind == codes.COMPLEX:
        nodes.pool += (float_bits(message.real), float_bits(message.imaginary))
    elif kind == codes.BYTES:
        nodes.buffers.append(message.data)
    elif kind == codes.LIST and flags & codes.LIST_SHAPED:
        nodes.pool.append(len(message.shape))
        nodes.pool += message.shape
    elif kind == codes.SPARSE:
        if len(message.shape) != 2 or unit or not 1 <= message.format <= 3:
            raise ProtocolError(
                f"malformed message: a sparse matrix with {len(message.shape)} dimensions "
                f"in format {message.format} - at {_path(path)}"
            )
        unit = message.format - 1
        nodes.pool += message.shape
        nodes.buffers += (message.data, message.indices, message.indptr)
    elif message.shape:
        raise ProtocolError(
            f"malformed message: a list with a shape needs LIST_FLAG_SHAPED - at {_path(path)}"
        )
    return kind, dtype, flags, unit, count, value, key, message.text


def _path(path: tuple[object, ...]) -> str:
    """The text of a linked list of steps."""
    steps: list[str] = []
    while path:
        path, last = path  # type: ignore[assignment]
        steps.append(step(last) if isinstance(last, str) else f"[{last}]")
    return "$" + "".join(reversed(steps))


def _too_large(what: str) -> LimitExceeded:
    return LimitExceeded(
        f"{what} does not fit into a message of Protocol Buffers ({MAX_MESSAGE:,} bytes); "
        f"send it as frames, or in parts",
        setting="message",
    )
