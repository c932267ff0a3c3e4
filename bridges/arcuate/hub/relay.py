"""Messages on their way through the hub: read at the top level only, so that no value is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from arcuate.client import messages
from arcuate.errors import ArcuateError, ProtocolError, to_mapping
from arcuate.values import codes
from arcuate.values.nodes import Nodes, Row, signed

__all__ = [
    "CONTROLS", "Request", "error_message", "event_message", "numbered", "parent_of", "raise_message", "read",
    "reply_message", "sized", "traced", "unnumbered", "with_call", "with_id",
]  # fmt: skip

CONTROLS = frozenset(("deadline", "parent", "seen", "environment", "trace"))
"""Fields that are for the hub and not for the worker."""
_MAX_ID = 1 << 53


class Request:
    """A message with what the hub needs of it.

    Attributes:
        message: the message, without the controls.
        op: what it asks.
        id: its number, chosen by the client.
        controls: the hub's own fields.
        places: for each other field the index of its row in ``message.rows``.
        peer: who sent it; free for the connection.
        span: its trace, while it is traced.
        resolved: the function that the hub made of a name without package, or ``""``.
        lent: the objects of other sessions in it.
        outer: the call of another interpreter whose code made it.
        via: the interpreters whose code calls, the outermost first.
    """

    __slots__ = (
        "arrived", "controls", "end", "id", "lent", "message", "op", "outer", "peer", "places", "resolved",
        "span", "via",
    )  # fmt: skip

    def __init__(
        self, message: Nodes, op: str, number: int, controls: dict[str, Any], places: dict[str, int]
    ) -> None:
        self.message = message
        self.op = op
        self.id = number
        self.controls = controls
        self.places = places
        self.end: float | None = None
        self.arrived = 0.0
        self.peer: Any = None
        self.span: Any = None
        self.resolved = ""
        self.lent: Sequence[Any] = ()
        self.outer: Any = None
        self.via: Sequence[str] = ()

    def row(self, key: str) -> Row | None:
        """The row of a field, or ``None``."""
        at = self.places.get(key)
        return None if at is None else self.message.rows[at]

    def text(self, key: str) -> str | None:
        """A field that is a text; ``None`` where it is absent or something else."""
        row = self.row(key)
        return row[7] if row is not None and row[0] == codes.TEXT else None

    def handle(self, key: str) -> str | None:
        """The id of a field that is a handle."""
        row = self.row(key)
        return row[7] if row is not None and row[0] == codes.HANDLE else None

    @property
    def name(self) -> str:
        """What it is about, for logs: a name, the head of some code, or ``""``; never a value."""
        return self.text("name") or ("" if self.handle("target") is None else "<handle>")

    @property
    def nbytes(self) -> int:
        """Bytes of its data."""
        return sized(self.message)


def read(message: Nodes) -> Request:
    """Reads the top level of a message and takes the controls out of it.

    Raises:
        ProtocolError: it is no message.
    """
    rows = message.rows
    root = rows[0]
    if root[0] != codes.MAPPING:
        raise ProtocolError("malformed message: its root is no mapping")
    op, number = "", -1
    controls: dict[str, Any] = {}
    places: dict[str, int] = {}
    taken: list[int] = []
    at = 1
    for _ in range(root[4]):
        row = rows[at]
        key, kind = row[6], row[0]
        if key == "op" and kind == codes.TEXT:
            op = row[7]
        elif key == "id" and kind == codes.INT:
            number = signed(row[5])
        elif key in CONTROLS:
            if kind == codes.INT:
                controls[key] = signed(row[5])
            elif kind == codes.TEXT:
                controls[key] = row[7]
            else:
                raise ProtocolError(f"malformed message: the field {key!r} must be an int or a text")
            taken.append(at)
        else:
            places[key] = at - len(taken)
        below = 1
        while below:
            row = rows[at]
            below += (0 if row[0] == codes.ARRAY else row[4]) - 1
            at += 1
    if not op:
        raise ProtocolError("malformed message: it has no 'op'")
    if not 0 <= number <= _MAX_ID:
        raise ProtocolError(f"malformed message: {op!r} needs an 'id' of 0 to 2**53, not {number}")
    if taken:
        for index in reversed(taken):
            del rows[index]
        rows[0] = (*root[:4], root[4] - len(taken), *root[5:])
    for key in ("deadline", "parent", "seen"):
        value = controls.get(key, 0)
        if not isinstance(value, int) or value < 0:
            raise ProtocolError(f"malformed message: {key!r} must be an int of 0 or more, not {value!r}")
    for key in ("environment", "trace"):
        if not isinstance(controls.get(key, ""), str):
            raise ProtocolError(f"malformed message: {key!r} must be a text")
    return Request(message, op, number, controls, places)


def with_id(message: Nodes, number: int) -> Nodes:
    """The message with another id. Rows are shared where they are the same."""
    rows = message.rows.copy()
    rows[2] = (codes.INT, 0, 0, 0, 0, number, "id", "")
    return Nodes(rows, message.pool, message.buffers)


def numbered(message: Nodes, sequence: int) -> Nodes:
    """The message with its place in the order of sending as the last field."""
    rows = message.rows.copy()
    root = rows[0]
    rows[0] = (*root[:4], root[4] + 1, *root[5:])
    rows.append((codes.INT, 0, 0, 0, 0, sequence, "seq", ""))
    return Nodes(rows, message.pool, message.buffers)


def traced(message: Nodes, trace: str) -> None:
    """Adds the trace that a request belongs to, as its last field: other fields keep their places."""
    root = message.rows[0]
    message.rows[0] = (*root[:4], root[4] + 1, *root[5:])
    message.rows.append((codes.TEXT, 0, 0, 0, 0, 0, "trace", trace))


def unnumbered(message: Nodes) -> Nodes:
    """A message of :func:`numbered` as it was before: changed in place."""
    rows = message.rows
    root = rows[0]
    rows[0] = (*root[:4], root[4] - 1, *root[5:])
    rows.pop()
    return message


def sized(message: Nodes) -> int:
    """Bytes of a message's data."""
    if not message.buffers:
        return 0
    return sum(len(one) if isinstance(one, bytes) else one.nbytes for one in message.buffers)


def error_message(number: int, error: ArcuateError) -> Nodes:
    """The ``error`` that answers a request."""
    return messages.build("error", number, to_mapping(error))


def reply_message(number: int, value: Any) -> Nodes:
    """The ``reply`` that answers a request, with a value of the hub's own: null, numbers, texts, mappings."""
    return messages.build("reply", number, {"value": value})


def event_message(number: int, fields: Mapping[str, Any]) -> Nodes:
    """An ``event`` of a call."""
    plain = {key: value for key, value in fields.items() if key not in ("op", "id", "seq")}
    return messages.build("event", number, plain)


def raise_message(number: int, error: ArcuateError) -> Nodes:
    """The ``raise`` that answers a callback."""
    return messages.build("raise", number, to_mapping(error))


def with_call(message: Nodes, number: int) -> Nodes:
    """A callback with the call that it belongs to: changed in place."""
    root = message.rows[0]
    message.rows[0] = (*root[:4], root[4] + 1, *root[5:])
    message.rows.insert(3, (codes.INT, 0, 0, 0, 0, number, "call", ""))
    return message


def parent_of(item: Request | Nodes) -> int | None:
    """The callback that something belongs to."""
    if isinstance(item, Request):
        return item.controls.get("parent")
    return messages.head(item)[1]
