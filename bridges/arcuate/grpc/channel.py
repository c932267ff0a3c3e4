"""The connection to the hub behind plain calls: answers go to whoever asked."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from arcuate.client import messages
from arcuate.errors import (
    ConnectionLost,
    InvalidArgument,
    SessionClosed,
    Unsupported,
    from_mapping,
    to_mapping,
)
from arcuate.hub import Connection, Credentials, Hub, Principal
from arcuate.values.nodes import Nodes

__all__ = ["Channel"]

Event = Callable[[Nodes], Awaitable[None]]


class Channel:
    """One connection, for a session that plain calls use, or for one call without a session.

    Args:
        hub: the hub.
        credentials: what is known of the client.
        loop: the loop that serves it.

    Attributes:
        connection: the hub's side.
        used: when it was used last.
        running: the calls that wait for their answer.
    """

    def __init__(self, hub: Hub, credentials: Credentials, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: dict[int, asyncio.Queue[Nodes | None]] = {}
        self._seen = 0
        self._last = 0
        self.used = time.monotonic()
        self.closed = False
        self.connection = Connection(hub, self._send, transport="grpc", credentials=credentials)

    @property
    def running(self) -> list[int]:
        """The ids of the requests that wait for their answer."""
        return list(self._waiting)

    def number(self, wanted: int = 0) -> int:
        """The id of the next request: what the client wants, or a fresh one."""
        chosen = wanted or self._last + 1
        self._last = max(self._last, chosen)
        return chosen

    def _send(self, message: Nodes) -> None:
        """Takes what the hub sends, on any thread."""
        if self.closed:
            raise ConnectionLost("the client is gone")
        try:
            self._loop.call_soon_threadsafe(self._arrived, message)
        except RuntimeError:
            raise ConnectionLost("the hub has been stopped") from None

    def _arrived(self, message: Nodes) -> None:
        last = message.rows[-1]
        if last[6] == "seq":
            self._seen = max(self._seen, last[5])
        op, number = messages.head(message)
        if op == "callback":
            refusal = Unsupported(
                "a plain call cannot call back; use the stream Attach for functions as arguments"
            )
            self.connection.receive(messages.build("raise", number, to_mapping(refusal)))
            return
        queue = self._waiting.get(number)
        if queue is not None:
            queue.put_nowait(message)
        elif op == "event":
            self._acknowledge()

    def _acknowledge(self) -> None:
        self.connection.receive(messages.build("ack", 0, {"seen": self._seen}))

    async def ask(self, request: Nodes, event: Event | None = None) -> Nodes:
        """Sends a request and returns its reply.

        When the caller is cancelled, so is the request.

        Args:
            request: the message.
            event: given each event of the request, in order; the hub holds further ones back meanwhile.

        Raises:
            ArcuateError: what the hub answered instead of a reply.
        """
        number = messages.head(request)[1]
        self.used = time.monotonic()
        queue = self._queue(number)
        answered = False
        try:
            self.connection.receive(request)
            while True:
                found = await queue.get()
                if found is None:
                    raise SessionClosed("this session was closed", executed="maybe")
                op = found.rows[1][7]
                answered = op in ("reply", "error")
                if op == "error":
                    raise from_mapping(messages.fields(found))
                if answered:
                    return found
                if event is not None:
                    await event(found)
                if self._seen:
                    self._acknowledge()
        finally:
            del self._waiting[number]
            self.used = time.monotonic()
            if not answered:
                self.cancel(number)
            elif self._seen:
                self._acknowledge()

    async def follow(self, request: Nodes, sample: Event) -> None:
        """Sends a subscription and hands its samples on until the hub ends it.

        Raises:
            ArcuateError: why it was not begun, or has ended.
        """
        number = messages.head(request)[1]
        queue = self._queue(number)
        try:
            self.connection.receive(request)
            while True:
                found = await queue.get()
                if found is None:
                    raise SessionClosed("the hub has ended the subscription", executed="maybe")
                op = found.rows[1][7]
                if op == "error":
                    raise from_mapping(messages.fields(found))
                if op == "sample":
                    await sample(found)
        finally:
            del self._waiting[number]

    def _queue(self, number: int) -> asyncio.Queue[Nodes | None]:
        """Where the answers to a request arrive."""
        if number in self._waiting:
            raise InvalidArgument(f"the call {number} is under way already; use a new id for each")
        queue = self._waiting[number] = asyncio.Queue()
        return queue

    def post(self, op: str, fields: Mapping[str, Any]) -> None:
        """Sends something that is not answered."""
        self.connection.receive(messages.build(op, 0, fields))

    def cancel(self, number: int) -> None:
        """Cancels a request."""
        self.post("cancel", {"call": number})

    def become(self, principal: Principal) -> None:
        """Takes over the rights that its owner has now."""
        self.connection.recognise(principal)

    def close(self) -> None:
        """Ends it; a session that it has can be resumed for a while. Idempotent."""
        self.closed = True
        self.connection.lost()
        for queue in self._waiting.values():
            queue.put_nowait(None)
