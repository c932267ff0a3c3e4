"""Messages:

the mappings that travel between a session and a worker (``adapters/arcuate/worker/PROTOCOL.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.values import codes
from arcuate.values.decode import decode_next
from arcuate.values.encode import encode_into
from arcuate.values.nodes import Cursor, Nodes, Row
from arcuate.values.options import DecodeOptions, EncodeOptions

__all__ = ["build", "fields", "head", "items"]

_PLAIN = EncodeOptions()
_READ = DecodeOptions()


def build(op: str, number: int, plain: Mapping[str, Any] | None = None, extra: int = 0) -> Nodes:
    """The beginning of a message.

    Args:
        op: what it asks or answers.
        number: its id.
        plain: fields of text, numbers, booleans and mappings of such.
        extra: how many further fields the caller will append.
    """
    rows: list[Row] = [
        (codes.MAPPING, 0, 0, 0, 2 + extra + (len(plain) if plain else 0), 0, "", ""),
        (codes.TEXT, 0, 0, 0, 0, 0, "op", op),
        (codes.INT, 0, 0, 0, 0, number, "id", ""),
    ]
    nodes = Nodes(rows)
    if plain:
        for key, value in plain.items():
            if value.__class__ is str:
                rows.append((codes.TEXT, 0, 0, 0, 0, 0, key, value))
            elif value.__class__ is bool:
                rows.append((codes.BOOL, 0, 0, 0, 0, int(value), key, ""))
            else:
                encode_into(value, nodes, key, _PLAIN)
    return nodes


def head(nodes: Nodes) -> tuple[str, int]:
    """The ``op`` and ``id`` of a message (id -1 where it has none)."""
    rows = nodes.rows
    if rows[0][0] == codes.MAPPING and len(rows) > 1 and rows[1][6] == "op":
        if len(rows) > 2 and rows[2][6] == "id":
            return rows[1][7], rows[2][5]
        return rows[1][7], -1
    return "", -1


def fields(nodes: Nodes, options: DecodeOptions = _READ) -> dict[str, Any]:
    """All fields of a message, decoded."""
    return dict(items(nodes, options))


def items(nodes: Nodes, options: DecodeOptions = _READ) -> list[tuple[str, Any]]:
    """The fields of a message in order, decoded."""
    cursor = Cursor(nodes)
    count = cursor.next()[4]
    cursor.enter(count)
    return [decode_next(cursor, options) for _ in range(count)]
