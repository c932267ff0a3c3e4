"""Messages of the bus from and to the messages of the plain calls."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from arcuate.client import messages
from arcuate.errors import InvalidArgument
from arcuate.v1.session_pb2 import Event, Greeting, NamedValue
from arcuate.v1.value_pb2 import Value
from arcuate.values import codes, encode, protobuf
from arcuate.values.limits import Limits
from arcuate.values.nodes import Cursor, Nodes

__all__ = ["Builder", "fill_event", "fill_greeting", "items_of", "parts_of", "put_value"]


class Builder:
    """Builds a message of the bus.

    Args:
        op: what it asks.
        number: its id.
        plain: fields of text, numbers and booleans.
        limits: what is accepted of values.
    """

    def __init__(self, op: str, number: int, plain: Mapping[str, Any], limits: Limits) -> None:
        self.message = messages.build(op, number, plain)
        self._limits = limits

    def _field(self) -> None:
        rows = self.message.rows
        root = rows[0]
        rows[0] = (*root[:4], root[4] + 1, *root[5:])

    def _append(self, key: str, value: Value) -> None:
        found = protobuf.from_message(value, limits=self._limits)
        row = found.rows[0]
        found.rows[0] = (*row[:6], key, row[7])
        self.message.rows += found.rows
        self.message.pool += found.pool
        self.message.buffers += found.buffers

    def value(self, key: str, value: Value) -> Builder:
        """Adds a field that is a value."""
        self._field()
        self._append(key, value)
        return self

    def values(self, key: str, values: Iterable[Value]) -> Builder:
        """Adds a field that is a list of values."""
        listed = list(values)
        self._field()
        self.message.rows.append((codes.LIST, 0, 0, 0, len(listed), 0, key, ""))
        for value in listed:
            self._append("", value)
        return self

    def named(self, key: str, values: Iterable[NamedValue]) -> Builder:
        """Adds a field that is a mapping, where there is anything in it.

        Raises:
            InvalidArgument: a name comes twice.
        """
        listed = list(values)
        if not listed:
            return self
        names = [one.name for one in listed]
        if len(set(names)) != len(names):
            raise InvalidArgument(f"a name in {key!r} comes twice: {', '.join(names)[:200]}")
        self._field()
        self.message.rows.append((codes.MAPPING, 0, 0, 0, len(listed), 0, key, ""))
        for one in listed:
            self._append(one.name, one.value)
        return self


def parts_of(message: Nodes) -> dict[str, Nodes]:
    """The fields of a message, each as a value of its own."""
    return dict(_children(message))


def items_of(value: Nodes) -> list[Nodes]:
    """The items of a list."""
    return [found for _, found in _children(value)]


def _children(value: Nodes) -> list[tuple[str, Nodes]]:
    cursor = Cursor(value)
    count = cursor.next()[4]
    found = []
    for _ in range(count):
        begin = cursor.place
        cursor.skip()
        end = cursor.place
        rows = value.rows[begin[0] : end[0]]
        key = rows[0][6]
        rows[0] = (*rows[0][:6], "", rows[0][7])
        found.append((key, Nodes(rows, value.pool[begin[1] : end[1]], value.buffers[begin[2] : end[2]])))
    return found


def put_value(target: Value, value: Nodes | None) -> None:
    """Writes a value into a field; null where there is none."""
    if value is None:
        protobuf.to_message(encode(None), target)
    else:
        protobuf.to_message(value, target)


def fill_greeting(target: Greeting, fields: Mapping[str, Any]) -> None:
    """Writes the fields of a greeting."""
    for key in ("session", "secret", "environment", "language", "version"):
        setattr(target, key, str(fields.get(key) or ""))
    target.generation = int(fields.get("generation") or 0)
    target.pid = int(fields.get("pid") or 0)
    target.window = float(fields.get("window") or 0.0)
    for name, into in (("features", target.features), ("info", target.info)):
        for key, value in (fields.get(name) or {}).items():
            one = into.add(name=str(key))
            protobuf.to_message(encode(value), one.value)


def fill_event(target: Event, message: Nodes) -> bool:
    """Writes an ``event`` of the bus; ``False`` for one of a kind that the definitions do not have."""
    fields = messages.fields(message)
    kind = fields.get("type")
    if kind in ("stdout", "stderr"):
        getattr(target, kind).text = str(fields.get("text", ""))
    elif kind in ("warning", "message"):
        said = getattr(target, kind)
        said.text = str(fields.get("text", ""))
        said.classes.extend(str(one) for one in fields.get("class") or ())
    elif kind == "display":
        target.display.mime = str(fields.get("mime", ""))
        target.display.data = bytes(fields.get("data") or b"")
    elif kind == "progress":
        target.progress.text = str(fields.get("text") or "")
        if isinstance(fields.get("fraction"), (int, float)):
            target.progress.fraction = float(fields["fraction"])
    elif kind == "restarted":
        fill_greeting(target.restarted, fields)
    elif kind == "dropped":
        target.dropped.count = int(fields.get("count") or 0)
    else:
        return False
    return True
