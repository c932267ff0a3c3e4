"""The whole bus over a WebSocket: frames as binary messages, or JSON objects as texts for browsers."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from arcuate.errors import ArcuateError, ConnectionLost, InvalidArgument, ProtocolError
from arcuate.http.codec import dumps, from_json, loads, to_json
from arcuate.hub import Connection
from arcuate.hub.relay import sized
from arcuate.values import frames
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub import Credentials, Hub

__all__ = ["PROTOCOLS", "serve"]

log = logging.getLogger(__name__)

BACKLOG = 10_000
"""Messages that may wait for a client that does not read."""
BACKLOG_BYTES = 1 << 28
"""Bytes of them; one message alone may have more."""
PROTOCOLS = ("arcuate.frames.v1", "arcuate.json.v1")
_HELLO_SECONDS = 10.0
_LAST_SECONDS = 5.0
"""So long a client has to take what was said to it last."""


class _Outgoing:
    """What waits to be sent. A client that does not read is cut off before too much does.

    Args:
        loop: the loop that sends.
        protocol: the connection.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: Any) -> None:
        self._loop = loop
        self._protocol = protocol
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Nodes | None, int]] = deque()
        self._bytes = 0
        self._stirred = asyncio.Event()
        self._gone = False

    def put(self, message: Nodes | None) -> None:
        """Takes a message, or the end, from any thread.

        Raises:
            ConnectionLost: the client is gone, or does not read.
        """
        size = 0 if message is None else _memory(message)
        with self._lock:
            if self._gone:
                raise ConnectionLost("the WebSocket is closed")
            self._waiting.append((message, size))
            self._bytes += size
            many = len(self._waiting)
            full = many > BACKLOG or (many > 1 and self._bytes > BACKLOG_BYTES)
        try:
            self._loop.call_soon_threadsafe(self.give_up if full else self._stirred.set)
        except RuntimeError:
            raise ConnectionLost("the HTTP bridge has been stopped") from None
        if full:
            self.close()
            raise ConnectionLost("the client does not read what it is sent")

    async def take(self) -> Nodes | None:
        """The next message; ``None`` at the end."""
        while not self._waiting:
            self._stirred.clear()
            await self._stirred.wait()
        with self._lock:
            message, size = self._waiting.popleft()
            self._bytes -= size
        return message

    def close(self) -> None:
        """Takes nothing more."""
        with self._lock:
            self._gone = True

    def give_up(self) -> None:
        """Cuts the connection of a client that does not read."""
        log.info("a WebSocket's client does not read what it is sent")
        self._protocol.abort()


async def serve(hub: Hub, scope: Any, receive: Any, send: Any, credentials: Credentials) -> None:
    """Serves one WebSocket until it is closed.

    Args:
        hub: the hub.
        scope: of ASGI, and the next two as well.
        receive: gives what the client sends.
        send: sends to it.
        credentials: what is known of the client.
    """
    offered = [name for name in scope.get("subprotocols", ()) if name in PROTOCOLS]
    protocol = offered[0] if offered else PROTOCOLS[0]
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": offered[0] if offered else None})
    outgoing = _Outgoing(asyncio.get_running_loop(), scope["arcuate.protocol"])

    def end() -> None:
        try:
            outgoing.put(None)
        except ConnectionLost:
            pass

    connection = Connection(hub, outgoing.put, transport="http", credentials=credentials, end=end)
    text = protocol == PROTOCOLS[1]
    writer = asyncio.ensure_future(_write(outgoing, send, text))
    hello = asyncio.get_running_loop().call_later(
        _HELLO_SECONDS, lambda: end() if connection.principal is None else None
    )
    try:
        while True:
            arrived = asyncio.ensure_future(receive())
            await asyncio.wait((arrived, writer), return_when=asyncio.FIRST_COMPLETED)
            if not arrived.done():
                arrived.cancel()
                break
            event = arrived.result()
            if event["type"] != "websocket.receive":
                break
            try:
                message = _read(event, connection, text)
            except ArcuateError as error:
                connection.refuse(0, error)
                end()
                break
            if len(message.rows) > 1000 or message.buffers:
                await asyncio.to_thread(connection.receive, message)
            else:
                connection.receive(message)
    finally:
        hello.cancel()
        connection.lost()
        end()
        outgoing.close()
        try:
            await asyncio.wait_for(writer, _LAST_SECONDS)
        except (asyncio.TimeoutError, asyncio.CancelledError):
            outgoing.give_up()
        except (RuntimeError, OSError):
            pass


def _memory(message: Nodes) -> int:
    """Bytes that a message takes while it waits."""
    return sized(message) + 64 * len(message.rows) + sum(len(row[7]) for row in message.rows)


def _read(event: Any, connection: Connection, text: bool) -> Nodes:
    """The message in one WebSocket message."""
    if text:
        said = event.get("text")
        if said is None:
            raise ProtocolError(f"{PROTOCOLS[1]} takes text messages with a JSON object each")
        found = loads(said.encode("utf-8", "surrogatepass"))
        if not isinstance(found, dict):
            raise InvalidArgument("a message must be a JSON object")
        op, number = found.pop("op", ""), found.pop("id", 0)
        if not isinstance(op, str) or not isinstance(number, int) or not 0 <= number <= 1 << 53:
            raise InvalidArgument("'op' is a text and 'id' an integer")
        return from_json(op, number, found)
    data = event.get("bytes")
    if data is None:
        raise ProtocolError(f"{PROTOCOLS[0]} takes binary messages with a frame each")
    return frames.load(data, limits=connection.limits)


async def _write(outgoing: _Outgoing, send: Any, text: bool) -> None:
    """Sends what the hub has for the client."""
    while True:
        message = await outgoing.take()
        if message is None:
            await send({"type": "websocket.close", "code": 1000})
            return
        if text:
            await send({"type": "websocket.send", "text": dumps(to_json(message)).decode()})
        else:
            parts = frames.dump(message)
            whole = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
            await send({"type": "websocket.send", "bytes": whole})
