"""What the hub sends, as the body of an HTTP answer: frames, lines of JSON, or one JSON object.

An answer is begun when its first message is there. If that is the reply, status and length are those of the
reply; otherwise the status is 200 and the messages follow one another as they come.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import SessionClosed, Unavailable
from arcuate.http.channel import Channel, Reader
from arcuate.http.codec import dumps, to_json
from arcuate.http.request import FRAMES, JSON, NDJSON, Disconnected, Incoming
from arcuate.http.status import status_of
from arcuate.values import frames
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Watch", "poll", "reply", "stream"]

_BEGIN = 10.0
"""Seconds after which an answer is begun though there is nothing to say yet: proxies give up otherwise."""
_BEAT = 15.0
"""Seconds after which an answer that has begun says that it is still there."""
_PIECE = 1 << 20
_MOST = 1000
"""Messages of one poll."""


def _parts(message: Nodes, kind: str) -> list[memoryview]:
    if kind == FRAMES:
        return frames.dump(message)
    return [memoryview(dumps(to_json(message)) + b"\n")]


def _alive(kind: str) -> bytes:
    """A message that says nothing: the reply to a request that nobody made."""
    if kind == NDJSON:
        return b"\n"
    return frames.to_bytes(messages.build("event", 0, {"type": "alive"}))


class Watch:
    """Notices that the TCP connection of a request is lost."""

    def __init__(self, incoming: Incoming, reader: Reader) -> None:
        self._lost = False
        self._incoming = incoming
        self._reader = reader

    def _gone(self) -> None:
        self._lost = True
        self._reader.end()

    def lost(self) -> bool:
        """Whether it was."""
        return self._lost

    def __enter__(self) -> Watch:
        protocol = self._incoming.protocol
        if protocol is not None:
            protocol.watchers.add(self._gone)
            if protocol.transport.is_closing():
                self._gone()
        return self

    def __exit__(self, *_: object) -> None:
        if self._incoming.protocol is not None:
            self._incoming.protocol.watchers.discard(self._gone)


async def stream(
    incoming: Incoming,
    channel: Channel,
    reader: Reader,
    last: Callable[[str, int], bool],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    heads: Callable[[Nodes], dict[str, str]] | None = None,
    sent: Callable[[Nodes], None] | None = None,
    at_once: bool = False,
) -> None:
    """Streams messages to a client until one for which ``last(op, id)`` holds has been sent.

    Args:
        incoming: the request.
        channel: where the messages come from.
        reader: gives them.
        last: which message is the last.
        status: the status code if all is well.
        headers: header fields of the answer.
        heads: further ones, from the reply.
        sent: told of each message that was written.
        at_once: begin the answer before there is a message.
    """
    kind = NDJSON if incoming.wants == NDJSON else FRAMES
    fields = dict(headers or {})
    with Watch(incoming, reader) as watch:
        begun = at_once
        if at_once:
            await incoming.start(status, kind, fields)
        while True:
            message = await reader.next(_BEAT if begun else _BEGIN)
            if watch.lost():
                channel.broken(reader)
                raise Disconnected
            if message is None:
                if reader.closed:
                    break
                if not begun:
                    begun = True
                    await incoming.start(status, kind, fields)
                await incoming.write(_alive(kind))
                continue
            op, number = messages.head(message)
            final = last(op, number)
            parts = _parts(message, kind)
            if final and op != "error" and heads is not None:
                fields |= heads(message)  # which also takes note of it: where the answer has begun, too
            if final and not begun:
                if op == "error":
                    said = messages.fields(message)
                    status = status_of(str(said.get("code")), str(said.get("setting", "")))
                await incoming.answer_parts(status, kind, parts, fields)
            else:
                if not begun:
                    begun = True
                    await incoming.start(status, kind, fields)
                await _write(incoming, parts)
                if final:
                    await incoming.write(b"", False)
            if watch.lost():
                channel.broken(reader)
                raise Disconnected
            channel.handed(message)
            if sent is not None:
                sent(message)
            if final:
                channel.done(reader)
                return
        channel.done(reader)
        if not begun:
            raise Unavailable("the connection to the hub has ended", executed="maybe")
        await incoming.write(b"", False)


async def _write(incoming: Incoming, parts: list[memoryview]) -> None:
    """Sends a message as pieces of a chunked body; small parts go together."""
    if sum(map(len, parts)) <= _PIECE:
        await incoming.write(b"".join(parts) if len(parts) > 1 else bytes(parts[0]))
        return
    for part in parts:
        for at in range(0, len(part), _PIECE):
            await incoming.write(part[at : at + _PIECE])


async def reply(incoming: Incoming, channel: Channel, reader: Reader) -> tuple[dict[str, Any], list[Any]]:
    """Waits for the reply to a request, as a JSON object, and what came before it."""
    events: list[Any] = []
    with Watch(incoming, reader) as watch:
        while True:
            message = await reader.next(3600.0)
            if watch.lost():
                channel.broken(reader)
                raise Disconnected
            if message is None:
                if reader.closed:
                    channel.done(reader)
                    raise SessionClosed("the connection to the hub has ended", executed="maybe")
                continue
            found = to_json(message)
            channel.handed(message)
            found.pop("seq", None)
            if found.get("op") in ("reply", "error") and found.get("id") == reader.call:
                channel.done(reader)
                return found, events
            if found.get("op") == "event":
                found.pop("id", None), found.pop("op", None)
                events.append(found)


async def poll(incoming: Incoming, channel: Channel, reader: Reader, wait: float) -> None:
    """Answers with what there is; waits for the first message if there is nothing yet."""
    kind = incoming.wants
    found: list[Nodes] = []
    size = 0
    with Watch(incoming, reader) as watch:
        end = time.monotonic() + wait
        while len(found) < _MOST and size < _PIECE:
            message = await reader.next(end - time.monotonic() if not found else 0)
            if watch.lost():
                channel.broken(reader)
                raise Disconnected
            if message is None:
                break
            found.append(message)
            size += sum(len(one) if isinstance(one, bytes) else one.nbytes for one in message.buffers)
        if kind == FRAMES:
            parts = [part for message in found for part in frames.dump(message)]
            if not parts:
                await incoming.answer(204, "", b"")
            else:
                await incoming.answer_parts(200, FRAMES, parts)
        elif kind == NDJSON:
            await incoming.answer(200, NDJSON, b"".join(dumps(to_json(one)) + b"\n" for one in found))
        else:
            await incoming.answer(200, JSON, dumps({"messages": [to_json(one) for one in found]}))
        if watch.lost():
            channel.broken(reader)
            return
        for message in found:
            channel.handed(message)
        channel.done(reader)
