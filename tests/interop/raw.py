"""Calls that carry the bytes of vectors as they are, past Python's own conversions of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from arcuate.client import Session, messages
from arcuate.client.transport import Call
from arcuate.matrix import render
from arcuate.values import codes, frames
from arcuate.values.nodes import Nodes

__all__ = ["call", "evaluate"]


def call(session: Session, name: str, frame: bytes | Sequence[bytes]) -> dict[str, Any]:
    """The rendering of what a function there returns for the value in a frame, or for a list of several."""
    own: Any = session
    own._number += 1
    message = messages.build("call", own._number, {"name": name}, 1)
    message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, 1, 0, "args", ""))
    if isinstance(frame, bytes):
        _append(message, frame)
    else:
        message.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, len(frame), 0, "", ""))
        for one in frame:
            _append(message, one)
    return _exchange(own, message)


def _exchange(own: Any, message: Nodes) -> dict[str, Any]:
    reply = own._transport.exchange(message, Call(own._number, None, lambda event: None, own._serve))
    head = next(number for number, row in enumerate(reply.rows) if row[6] == "value")
    rows = [(*reply.rows[head][:6], "", reply.rows[head][7]), *reply.rows[head + 1 :]]
    return render(frames.to_bytes(Nodes(rows, reply.pool, reply.buffers)), "frame")


def _append(message: Nodes, frame: bytes) -> None:
    nodes = frames.load(frame)
    message.rows += nodes.rows
    message.pool += nodes.pool
    message.buffers += nodes.buffers


def evaluate(session: Session, code: str) -> dict[str, Any]:
    """The rendering of the value of an expression there."""
    own: Any = session
    own._number += 1
    return _exchange(own, messages.build("eval", own._number, {"code": code}))
