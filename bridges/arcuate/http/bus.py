"""Messages of the bus as HTTP requests: one message per body, its answer in the response or in the output."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import InvalidArgument, ProtocolError
from arcuate.http.answers import poll, reply, stream
from arcuate.http.channel import Channel
from arcuate.http.codec import from_json, loads
from arcuate.http.request import FRAMES, JSON, NDJSON, Incoming, wrong_type
from arcuate.http.resources import Resources
from arcuate.http.status import status_of
from arcuate.hub import Connection
from arcuate.values import frames
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcuate.values.limits import Limits

__all__ = ["SILENT", "Bus"]

SILENT = frozenset(("return", "raise", "cancel", "release", "ack", "credit"))
"""Messages without an answer."""
_WAIT = 60.0
_MANY = 2000


class Bus:
    """The routes that carry messages.

    Args:
        resources: the channels.
        limits: what is accepted.
    """

    def __init__(self, resources: Resources, limits: Limits) -> None:
        self.resources = resources
        self.hub = resources.hub
        self.limits = limits

    # ---------------------------------------------------------------- messages

    def limits_of(self, incoming: Incoming) -> Limits:
        """What is accepted of a client: a token may have lower limits than the hub."""
        principal = getattr(incoming, "principal", None)  # not known yet where it says hello
        return self.hub.limits_for(principal) if principal is not None and principal.limits else self.limits

    async def read(self, incoming: Incoming, op: str = "", defaults: dict[str, Any] | None = None) -> Nodes:
        """The message in a body: a frame, or its fields as JSON.

        Args:
            incoming: the request.
            op: what the route is for; a body may leave it out in JSON.
            defaults: fields that a JSON body may leave out.
        """
        limits = self.limits_of(incoming)
        if incoming.content_type == FRAMES:
            data = await incoming.body(limits.message + frames.HEADER_SIZE)
            if int.from_bytes(data[16:20], "little") > _MANY:
                message = await asyncio.to_thread(frames.load, data, limits=limits)
            else:
                message = frames.load(data, limits=limits)
        elif incoming.content_type == JSON:
            data = await incoming.body(limits.message)
            message = (
                await asyncio.to_thread(self._of_json, data, op, defaults)
                if len(data) > 1 << 16
                else self._of_json(data, op, defaults)
            )
        else:
            raise wrong_type(incoming.content_type, FRAMES, JSON)
        found, number = messages.head(message)
        if op and found != op:
            raise ProtocolError(f"this route takes the message {op!r}, not {found[:40]!r}")
        if not found or not 0 <= number <= 1 << 53:
            raise ProtocolError("the message has no 'op' and 'id' in the first two places")
        return message

    def _of_json(self, data: Any, op: str, defaults: dict[str, Any] | None) -> Nodes:
        found = loads(data)
        if not isinstance(found, dict):
            raise InvalidArgument("the body must be a JSON object: the fields of a message")
        fields = {**(defaults or {}), **found}
        said: Any = fields.pop("op", op)
        if not isinstance(said, str) or not said:
            raise InvalidArgument("'op' is missing: the text that says what the message asks")
        number = fields.pop("id", 0 if said in SILENT else None)
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= 1 << 53:
            raise InvalidArgument("'id' is missing: an integer of 1 to 2**53, new for each request")
        return from_json(said, number, fields)

    async def deliver(self, incoming: Incoming, channel: Channel, message: Nodes) -> None:
        """Hands a message to the hub and answers the request by what it is."""
        op, number = messages.head(message)
        if op in ("hello", "open", "resume"):
            raise ProtocolError(f"{op!r} has a route of its own")
        if op in SILENT:
            await channel.receive(message, _size(message))
            await incoming.answer(204, "", b"")
        elif incoming.asynchronous:
            await channel.receive(message, _size(message))
            await incoming.answer(202, "", b"", {"preference-applied": "respond-async"})
        else:
            await self.exchange(incoming, channel, message, op, number)

    async def exchange(
        self,
        incoming: Incoming,
        channel: Channel,
        message: Nodes,
        op: str,
        number: int,
        *,
        status: int = 200,
        heads: Callable[[Nodes], dict[str, str]] | None = None,
    ) -> None:
        """Hands a request to the hub and answers with all that comes, up to its reply."""
        subscribe = op == "subscribe"
        single = incoming.wants == JSON and not subscribe
        if subscribe and incoming.wants == JSON:
            incoming.headers["accept"] = NDJSON
        reader = channel.read(number, only=single)
        await channel.receive(message, _size(message))
        if op == "unsubscribe":
            channel.end(int(messages.fields(message).get("subscription", 0)))
        del message
        if single:
            found, events = await reply(incoming, channel, reader)
            await answer_json(incoming, found, events, status, heads)
            return

        def last(said: str, of: int) -> bool:
            if said == "error":
                return of in (number, 0)
            return said == "reply" and of == number and not subscribe

        await stream(incoming, channel, reader, last, status=status, heads=heads)

    # ------------------------------------------------------------------ routes

    async def hello(self, incoming: Incoming) -> None:
        """GET and POST /v1/hello."""
        said: list[Nodes] = []
        connection = Connection(self.hub, said.append, transport="http", credentials=incoming.credentials)
        try:
            if incoming.method == "GET":
                connection.recognise(incoming.principal)
                message = messages.build("hello", 0, connection.hello())
            else:
                given = await self.read(incoming, "hello", {"id": 0})
                connection.receive(given)
                message = said[0]
        finally:
            connection.lost()
        fields = messages.fields(message)
        status = 200 if messages.head(message)[0] == "hello" else status_of(str(fields.get("code")))
        if incoming.wants == FRAMES:
            await incoming.answer(status, FRAMES, frames.to_bytes(message))
        elif status == 200:
            await incoming.answer_json(200, {key: value for key, value in fields.items() if key != "id"})
        else:
            await answer_json(incoming, {**fields, "op": "error"}, [])

    async def loose(self, incoming: Incoming) -> None:
        """POST /v1/messages: outside sessions."""
        message = await self.read(incoming)
        channel, lasting = self.resources.loose(incoming)
        try:
            if incoming.asynchronous and not lasting:
                raise InvalidArgument("respond-async needs an Arcuate-Channel, whose output has the reply")
            await self.deliver(incoming, channel, message)
        finally:
            if not lasting:
                channel.close()
                channel.lost()

    async def output(self, incoming: Incoming) -> None:
        """GET /v1/messages: the output of a channel without a session."""
        channel, lasting = self.resources.loose(incoming)
        if not lasting:
            channel.close()
            channel.lost()
            raise InvalidArgument("there is no output without an Arcuate-Channel")
        await poll(incoming, channel, channel.read(), incoming.number("wait", 0.0, _WAIT))

    async def open(self, incoming: Incoming) -> None:
        """POST /v1/sessions."""
        message = await self.read(incoming, "open", {"id": 1})
        await self._begin(incoming, message, 201)

    async def resume(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/resume."""
        defaults = {
            "id": 1,
            "session": incoming.path("session"),
            "secret": incoming.headers.get("arcuate-secret", ""),
        }
        message = await self.read(incoming, "resume", defaults)
        await self._begin(incoming, message, 200)

    async def _begin(self, incoming: Incoming, message: Nodes, status: int) -> None:
        channel = self.resources.fresh(incoming)

        def heads(_: Nodes | None = None) -> dict[str, str]:
            self.resources.adopt(channel)
            session = channel.session
            return {} if session is None else {"location": f"/v1/sessions/{session.id}"}

        op, number = messages.head(message)
        try:
            await self.exchange(incoming, channel, message, op, number, status=status, heads=heads)
        finally:
            if channel.session is None or channel.session.id not in self.resources.sessions:
                channel.close()
                channel.lost()

    async def session(self, incoming: Incoming) -> None:
        """POST /v1/sessions/{session}/messages."""
        self.resources.session(incoming)  # refuses strangers before their bodies are read
        message = await self.read(incoming)
        await self.deliver(incoming, self.resources.session(incoming), message)

    async def session_output(self, incoming: Incoming) -> None:
        """GET /v1/sessions/{session}/output: what the session has sent."""
        wait = incoming.number("wait", 0.0, _WAIT)
        after = incoming.number("after", -1.0, float(1 << 53))
        channel = self.resources.session(incoming)
        if after >= 0:
            channel.again(int(after))
            await asyncio.sleep(0)  # what is sent again comes by way of the loop
        reader = channel.read()
        if incoming.query.get("follow") in ("1", "true"):
            if incoming.wants == JSON:
                incoming.headers["accept"] = NDJSON
            await stream(incoming, channel, reader, _connection_ends, at_once=True)
        else:
            await poll(incoming, channel, reader, wait)


def _connection_ends(op: str, number: int) -> bool:
    return op == "error" and number == 0


def _size(message: Nodes) -> int:
    return sum(len(one) if isinstance(one, bytes) else one.nbytes for one in message.buffers)


async def answer_json(
    incoming: Incoming,
    found: dict[str, Any],
    events: list[Any],
    status: int = 200,
    heads: Callable[[Any], dict[str, str]] | None = None,
) -> None:
    """One JSON object for a reply or an error, with the events that came before it."""
    op = found.pop("op", "")
    found.pop("id", None)
    more = {"events": events} if events else {}
    if op == "error":
        code = status_of(str(found.get("code")), str(found.get("setting", "")))
        await incoming.answer_json(code, {"error": found, **more})
        return
    headers = heads(None) if heads is not None else None
    await incoming.answer_json(status, {**found, **more}, headers)
