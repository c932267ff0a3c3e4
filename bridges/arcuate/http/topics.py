"""Streams of samples over plain HTTP: publish, follow, and read what is kept."""

from __future__ import annotations

import time
from typing import Any

from arcuate.client import messages
from arcuate.errors import InvalidArgument, from_mapping
from arcuate.http.answers import poll, reply, stream
from arcuate.http.bus import Bus, answer_json
from arcuate.http.codec import JSON_BYTES, from_json
from arcuate.http.request import FRAMES, JSON, NDJSON, Incoming
from arcuate.http.resources import Resources
from arcuate.values.nodes import Nodes

__all__ = ["Topics"]

_BUFFER = 100
_WINDOW = 32


class Topics:
    """The routes of streams."""

    def __init__(self, resources: Resources, bus: Bus) -> None:
        self.resources = resources
        self.bus = bus

    async def list(self, incoming: Incoming) -> None:
        """GET /v1/topics."""
        await self._ask(incoming, messages.build("topics", 1), "topics")

    async def publish(self, incoming: Incoming) -> None:
        """POST /v1/topics/{topic}: ``{"value": ...}``, or the message as a frame."""
        topic = incoming.path("topic")
        if incoming.content_type == FRAMES:
            message = await self.bus.read(incoming, "publish")
            if messages.fields(_head(message)).get("topic") != topic:
                raise InvalidArgument("the topic in the message is not that of the address")
        else:
            body = await incoming.json(min(self.bus.limits_of(incoming).message, JSON_BYTES))
            if "value" not in body:
                raise InvalidArgument("'value' is missing")
            fields: dict[str, Any] = {
                key: body[key] for key in ("publisher", "number", "deadline") if key in body
            }
            message = from_json("publish", 1, {"topic": topic, **fields, "value": body["value"]})
        await self._ask(incoming, message, "sequence")

    async def _ask(self, incoming: Incoming, message: Nodes, key: str) -> None:
        channel = self.resources.fresh(incoming)
        try:
            if incoming.wants == FRAMES:
                op, number = messages.head(message)
                await self.bus.exchange(incoming, channel, message, op, number)
                return
            number = messages.head(message)[1]
            reader = channel.read(number, only=True)
            await channel.receive(message, JSON_BYTES if message.buffers else 0)
            found, events = await reply(incoming, channel, reader)
            if "value" in found:
                found[key] = found.pop("value")
            await answer_json(incoming, found, events)
        finally:
            channel.close()
            channel.lost()

    async def samples(self, incoming: Incoming) -> None:
        """GET /v1/topics/{topic}/samples: followed, or what there is (``wait``)."""
        query = incoming.query
        buffer = int(incoming.number("buffer", _BUFFER, 1e6)) or 1
        window = min(buffer, _WINDOW)
        fields: dict[str, Any] = {
            "topic": incoming.path("topic"),
            "policy": query.get("policy", "drop"),
            "buffer": buffer,
            "credit": window,
        }
        for key in ("from", "epoch"):
            if key in query:
                fields[key] = int(incoming.number(key, 0, float(1 << 53)))
        channel = self.resources.fresh(incoming)
        try:
            reader = channel.read(1)
            await channel.receive(messages.build("subscribe", 1, fields))
            if "wait" in query:
                await self._wait(incoming, channel, reader)
                return
            taken = 0

            def sent(message: Nodes) -> None:
                nonlocal taken
                if messages.head(message)[0] != "sample":
                    return
                taken += 1
                if 2 * taken >= window:
                    credit = messages.build("credit", 0, {"subscription": 1, "count": taken})
                    taken = 0
                    channel.connection.receive(credit)

            if incoming.wants == JSON:
                incoming.headers["accept"] = NDJSON
            await stream(incoming, channel, reader, lambda op, of: op == "error" and of in (0, 1), sent=sent)
        finally:
            channel.close()
            channel.lost()

    async def _wait(self, incoming: Incoming, channel: Any, reader: Any) -> None:
        """Answers with the samples that there are, or the first that comes."""
        wait = incoming.number("wait", 0.0, 60.0)
        end = time.monotonic() + wait
        first = await reader.next(10.0)
        if first is not None and messages.head(first)[0] == "error":
            raise from_mapping(messages.fields(first))
        ahead = await reader.next(max(0.05, end - time.monotonic()))
        for one in (ahead, first):
            if one is not None:
                reader.queue.appendleft(one)
        await poll(incoming, channel, reader, 0.0)


def _head(message: Nodes) -> Nodes:
    """The fields before the value."""
    rows = []
    for row in message.rows[1:]:
        if row[6] == "value":
            break
        rows.append(row)
    root = message.rows[0]
    return Nodes([(*root[:4], len(rows), *root[5:]), *rows], [], [])
