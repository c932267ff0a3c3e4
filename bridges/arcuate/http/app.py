"""The ASGI application: the routes of the HTTP bridge."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from arcuate.errors import NameNotFound
from arcuate.http import socket as websocket
from arcuate.http.bus import Bus
from arcuate.http.guard import Guard
from arcuate.http.openapi import description
from arcuate.http.plain import Plain
from arcuate.http.request import Incoming, Receive, Scope, Send
from arcuate.http.resources import Resources
from arcuate.http.router import Router, route
from arcuate.http.status import HttpError
from arcuate.http.topics import Topics
from arcuate.values.limits import Limits

if TYPE_CHECKING:
    from arcuate.hub import Hub

__all__ = ["Application"]

log = logging.getLogger(__name__)


class Application(Router):
    """A hub as an ASGI application.

    Args:
        hub: the hub.
        loop: the loop that runs it.
        guard: who may speak.
    """

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, guard: Guard) -> None:
        super().__init__(hub, guard)
        self.hello = "/v1/hello"
        self.resources = Resources(hub, loop)
        own = hub.config.limits
        limits = Limits(message=own.message, array=own.array, nodes=own.nodes, text=own.text, depth=own.depth)
        bus = Bus(self.resources, limits)
        plain = Plain(self.resources, bus)
        topics = Topics(self.resources, bus)
        session = "/v1/sessions/{session}"
        environment = "/v1/environments/{environment}"
        self.open = {
            "/healthz": self._health,
            "/readyz": self._ready,
            "/openapi.json": self._description,
        }
        self.routes = [
            route("/metrics", GET=self.metrics),
            route("/v1/hello", GET=bus.hello, POST=bus.hello),
            route("/v1/messages", GET=bus.output, POST=bus.loose),
            route("/v1/environments", GET=plain.environments),
            route(environment + "/call/{function:path}", POST=plain.call),
            route(environment + "/eval", POST=plain.eval),
            route(environment + "/run", POST=plain.run),
            route(environment + "/names", GET=plain.names),
            route(environment + "/describe/{name:path}", GET=plain.describe),
            route("/v1/sessions", POST=bus.open),
            route(session, DELETE=plain.close),
            route(session + "/resume", POST=bus.resume),
            route(session + "/messages", POST=bus.session),
            route(session + "/output", GET=bus.session_output),
            route(session + "/call/{function:path}", POST=plain.session_call),
            route(session + "/eval", POST=plain.session_eval),
            route(session + "/run", POST=plain.session_run),
            route(session + "/restart", POST=plain.restart),
            route(session + "/variables", GET=plain.variables),
            route(session + "/variables/{name:path}", GET=plain.get, PUT=plain.set, DELETE=plain.delete),
            route(session + "/calls/{call:int}/cancel", POST=plain.cancel),
            route(session + "/callbacks/{callback:int}", POST=plain.callback),
            route("/v1/topics", GET=topics.list),
            route("/v1/topics/{topic:path}/samples", GET=topics.samples),
            route("/v1/topics/{topic:path}", POST=topics.publish),
        ]

    def tick(self) -> None:
        """Lets go of what nobody uses any more; called each second."""
        self.resources.tick()

    def close(self) -> None:
        """Ends what is kept, after what is under way has been handed out."""
        self.resources.close()

    def missing(self, path: str) -> HttpError:
        return HttpError(404, NameNotFound(f"there is no {path[:200]!r} here; see /openapi.json"))

    # ---------------------------------------------------------- about the hub

    async def _health(self, incoming: Incoming) -> None:
        await incoming.answer_json(200, {"status": "ok"})

    async def _ready(self, incoming: Incoming) -> None:
        if self.hub.draining:
            await incoming.answer_json(503, {"status": "draining"}, {"retry-after": "1"})
        else:
            await incoming.answer_json(200, {"status": "ready"})

    async def _description(self, incoming: Incoming) -> None:
        await incoming.answer_json(200, description())

    # ------------------------------------------------------------- WebSocket

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        incoming = Incoming({**scope, "method": "GET"}, receive, send)
        try:
            self.guard.check(incoming.headers)
            if scope["path"] != "/v1/socket":
                raise HttpError(404, NameNotFound("the WebSocket is at /v1/socket"))
            secure = scope.get("scheme") == "wss"
            credentials = self.guard.credentials(scope, incoming.token, secure)
        except HttpError as error:
            log.info("a WebSocket was refused: %s", error)
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": str(error)[:100]})
            return
        await websocket.serve(self.hub, scope, receive, send, credentials)
