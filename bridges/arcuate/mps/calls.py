"""One call of a function: its message for the hub, and what comes back."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from arcuate.client import messages
from arcuate.errors import ArcuateError, ConversionError, SessionClosed, from_mapping
from arcuate.http.answers import Watch
from arcuate.http.channel import Channel
from arcuate.http.request import Disconnected, Incoming
from arcuate.mps.archives import Archive
from arcuate.mps.inward import OPTIONS, argument
from arcuate.mps.matrix import Matrix
from arcuate.mps.outward import outputs
from arcuate.values import codes
from arcuate.values.encode import encode_into
from arcuate.values.nodes import Nodes

__all__ = ["CallFailed", "ask", "message_of", "results", "trace_of"]

_TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_LARGE = 1 << 16
"""Messages from this size on are read and written in another thread."""


class CallFailed(Exception):
    """The hub has answered with an error; it has written that down itself.

    Args:
        error: the error.
    """

    def __init__(self, error: ArcuateError) -> None:
        super().__init__(error.message)
        self.error = error


def trace_of(incoming: Incoming) -> dict[str, str]:
    """The trace that a request belongs to, from ``traceparent`` of W3C Trace Context."""
    given = incoming.headers.get("traceparent", "")
    return {"trace": given} if _TRACE.fullmatch(given) else {}


def message_of(
    op: str, number: int, archive: Archive, fields: dict[str, Any], arguments: Sequence[Matrix] | None = None
) -> Nodes:
    """A request to the hub.

    Args:
        op: ``call`` or ``describe``.
        number: its id.
        archive: where it goes.
        fields: further fields.
        arguments: of a call.

    Raises:
        ConversionError: an argument cannot travel.
    """
    plain = {**fields, "environment": archive.environment}
    nodes = messages.build(op, number, plain, int(arguments is not None))
    if arguments is not None:
        nodes.rows.append((codes.LIST, 0, codes.LIST_FORCED, 0, len(arguments), 0, "args", ""))
        for at, one in enumerate(arguments):
            try:
                encode_into(argument(one, archive.language), nodes, "", OPTIONS)
            except ConversionError as error:
                error.prepend(f"$.rhs[{at}]")
                raise
    return nodes


async def ask(channel: Channel, message: Nodes, incoming: Incoming | None = None) -> Nodes:
    """Hands a request to the hub and waits for the reply.

    Args:
        channel: the client.
        message: the request.
        incoming: where the client waits for it: when that connection ends, so does the call.

    Raises:
        CallFailed: the hub answered with an error.
        Disconnected: the client went away.
    """
    number = messages.head(message)[1]
    reader = channel.read(number, only=True)
    watching: AbstractContextManager[Any] = nullcontext() if incoming is None else Watch(incoming, reader)
    try:
        with watching as watch:
            await channel.receive(message, sum(_size(one) for one in message.buffers))
            while True:
                found = await reader.next(3600.0)
                if watch is not None and watch.lost():
                    channel.broken(reader)
                    raise Disconnected
                if found is None:
                    if reader.closed:
                        over = SessionClosed("the connection to the hub has ended", executed="maybe")
                        raise CallFailed(over)
                    continue
                channel.handed(found)
                op, answered = messages.head(found)
                if answered != number:
                    continue
                if op == "error":
                    raise CallFailed(from_mapping(messages.fields(found)))
                if op == "reply":
                    return found
    finally:
        channel.done(reader)


def _size(buffer: Any) -> int:
    return len(buffer) if isinstance(buffer, bytes) else int(buffer.nbytes)


async def results(reply: Nodes, nargout: int, language: str) -> list[Matrix]:
    """The outputs of a reply.

    Raises:
        ConversionError: one has no form in MATLAB's interface; the call was carried out.
    """
    try:
        if sum(map(_size, reply.buffers)) + len(reply.rows) < _LARGE:
            return outputs(reply, nargout, language)
        return await asyncio.to_thread(outputs, reply, nargout, language)
    except ConversionError as error:
        error.executed = "yes"
        raise CallFailed(error) from None
