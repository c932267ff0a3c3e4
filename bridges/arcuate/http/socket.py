"""The whole bus over a WebSocket: frames as binary messages, or JSON objects as texts for browsers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import ArcuateError, ConnectionLost, InvalidArgument, ProtocolError, to_mapping
from arcuate.http.codec import dumps, from_json, loads, to_json
from arcuate.hub import Connection
from arcuate.values import frames
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub import Credentials, Hub

__all__ = ["PROTOCOLS", "serve"]

PROTOCOLS = ("arcuate.frames.v1", "arcuate.json.v1")
_HELLO_SECONDS = 10.0
_POLICY, _TRY_LATER = 1008, 1013


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
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[Nodes | None] = asyncio.Queue()
    gone = False

    def put(message: Nodes | None) -> None:
        if gone:
            raise ConnectionLost("the WebSocket is closed")
        try:
            loop.call_soon_threadsafe(queue.put_nowait, message)
        except RuntimeError:
            raise ConnectionLost("the HTTP bridge has been stopped") from None

    def end() -> None:
        try:
            put(None)
        except ConnectionLost:
            pass

    connection = Connection(hub, put, transport="http", credentials=credentials, end=end)
    text = protocol == PROTOCOLS[1]
    writer = asyncio.ensure_future(_write(queue, send, text))
    hello = loop.call_later(_HELLO_SECONDS, lambda: end() if connection.principal is None else None)
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
                put(messages.build("error", 0, to_mapping(error)))
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
        gone = True
        try:
            await asyncio.wait_for(writer, 5.0)
        except (asyncio.TimeoutError, asyncio.CancelledError, RuntimeError, OSError):
            pass


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


async def _write(queue: asyncio.Queue[Nodes | None], send: Any, text: bool) -> None:
    """Sends what the hub has for the client."""
    while True:
        message = await queue.get()
        if message is None:
            await send({"type": "websocket.close", "code": 1000})
            return
        if text:
            await send({"type": "websocket.send", "text": dumps(to_json(message)).decode()})
        else:
            parts = frames.dump(message)
            whole = bytes(parts[0]) if len(parts) == 1 else b"".join(parts)
            await send({"type": "websocket.send", "bytes": whole})
