"""The ASGI application: who may speak, which route it is, and how errors look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from starlette.routing import Match, Route

from arcuate.errors import ArcuateError, ConnectionLost, NameNotFound, ProtocolError
from arcuate.http import socket
from arcuate.http.bus import Bus
from arcuate.http.guard import Guard
from arcuate.http.openapi import description
from arcuate.http.plain import Plain
from arcuate.http.request import Disconnected, Incoming, Receive, Scope, Send
from arcuate.http.resources import Resources
from arcuate.http.status import HttpError
from arcuate.http.topics import Topics
from arcuate.values.limits import Limits

if TYPE_CHECKING:
    from arcuate.hub import Hub

__all__ = ["Application"]

log = logging.getLogger(__name__)

Handler = Callable[[Incoming], Awaitable[None]]


class Application:
    """A hub as an ASGI application.

    Args:
        hub: the hub.
        loop: the loop that runs it.
        guard: who may speak.
    """

    def __init__(self, hub: Hub, loop: asyncio.AbstractEventLoop, guard: Guard) -> None:
        self.hub = hub
        self.guard = guard
        self.resources = Resources(hub, loop)
        own = hub.config.limits
        limits = Limits(message=own.message, array=own.array, nodes=own.nodes, text=own.text, depth=own.depth)
        bus = Bus(self.resources, limits)
        plain = Plain(self.resources, bus)
        topics = Topics(self.resources, bus)
        session = "/v1/sessions/{session}"
        environment = "/v1/environments/{environment}"
        self._open = {
            "/healthz": self._health,
            "/readyz": self._ready,
            "/openapi.json": self._description,
        }
        self._routes = [
            _route("/metrics", GET=self._metrics),
            _route("/v1/hello", GET=bus.hello, POST=bus.hello),
            _route("/v1/messages", GET=bus.output, POST=bus.loose),
            _route("/v1/environments", GET=plain.environments),
            _route(environment + "/call/{function:path}", POST=plain.call),
            _route(environment + "/eval", POST=plain.eval),
            _route(environment + "/run", POST=plain.run),
            _route(environment + "/names", GET=plain.names),
            _route(environment + "/describe/{name:path}", GET=plain.describe),
            _route("/v1/sessions", POST=bus.open),
            _route(session, DELETE=plain.close),
            _route(session + "/resume", POST=bus.resume),
            _route(session + "/messages", POST=bus.session),
            _route(session + "/output", GET=bus.session_output),
            _route(session + "/call/{function:path}", POST=plain.session_call),
            _route(session + "/eval", POST=plain.session_eval),
            _route(session + "/run", POST=plain.session_run),
            _route(session + "/restart", POST=plain.restart),
            _route(session + "/variables", GET=plain.variables),
            _route(session + "/variables/{name:path}", GET=plain.get, PUT=plain.set, DELETE=plain.delete),
            _route(session + "/calls/{call:int}/cancel", POST=plain.cancel),
            _route(session + "/callbacks/{callback:int}", POST=plain.callback),
            _route("/v1/topics", GET=topics.list),
            _route("/v1/topics/{topic:path}/samples", GET=topics.samples),
            _route("/v1/topics/{topic:path}", POST=topics.publish),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "websocket":
            await self._socket(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        incoming = Incoming(scope, receive, send)
        try:
            await self._serve(incoming)
        except Disconnected:
            if incoming.reading:
                self._refused(incoming, ConnectionLost("the client left in the middle of its request"))
        except Exception as error:
            if not isinstance(error, (ArcuateError, HttpError)):
                log.exception("a request failed: %s %s", scope["method"], scope["path"])
            cause = error.error if isinstance(error, HttpError) else error
            if isinstance(cause, ArcuateError):
                self._refused(incoming, cause)
            if incoming.started:
                raise Broken from None  # the server cuts the connection: the client sees that it is not whole
            await incoming.fail(error)

    def _refused(self, incoming: Incoming, error: ArcuateError) -> None:
        """Has a request written down that never reached the hub's own connections."""
        client = incoming.scope.get("client") or ("", "")
        self.hub.guard.refused(getattr(incoming, "principal", None), f"{client[0]}:{client[1]}", error, None)

    async def _serve(self, incoming: Incoming) -> None:
        scope = incoming.scope
        origin = self.guard.check(incoming.headers)
        if origin is not None:
            scope["arcuate.headers"] = [
                (b"access-control-allow-origin", origin.encode("latin-1")),
                (b"access-control-expose-headers", b"location, arcuate-request, retry-after"),
                (b"vary", b"origin"),
            ]
            if incoming.method == "OPTIONS":
                await incoming.answer(204, "", b"", _PREFLIGHT)
                return
        try:
            unquote_to_bytes(scope.get("raw_path") or b"").decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolError("the path is not UTF-8; names are, percent-encoded") from None
        open_ = self._open.get(scope["path"])
        if open_ is not None:
            if incoming.method not in ("GET", "HEAD"):
                raise _not_allowed(incoming.method, ["GET"])
            await open_(incoming)
            return
        secure = scope.get("scheme") in ("https", "wss")
        incoming.credentials = self.guard.credentials(scope, incoming.token, secure)
        handlers = self._find(scope)
        hello = scope["path"] == "/v1/hello" and incoming.method == "POST"
        if not hello:  # which says who it is in its own message, or in the head
            incoming.principal = self.hub.authenticate(incoming.credentials)
        if handlers is None:
            raise HttpError(404, NameNotFound(f"there is no {scope['path'][:200]!r} here; see /openapi.json"))
        handler = handlers.get("GET" if incoming.method == "HEAD" else incoming.method)
        if handler is None:
            raise _not_allowed(incoming.method, handlers)
        await handler(incoming)

    def _find(self, scope: Scope) -> dict[str, Handler] | None:
        """The handlers of a path, by method; puts the parts of the path into ``scope``."""
        for route, handlers in self._routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope["path_params"] = found["path_params"]
                return handlers
        return None

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

    async def _metrics(self, incoming: Incoming) -> None:
        text: Any = getattr(self.hub, "metrics_text", None)
        found = text() if callable(text) else None
        if found is None:
            raise HttpError(404, NameNotFound("metrics are off; the operator can set telemetry.metrics"))
        if isinstance(found, str):
            found = found.encode()
        await incoming.answer(200, "text/plain; version=0.0.4; charset=utf-8", found)

    # ------------------------------------------------------------- WebSocket

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
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
        await socket.serve(self.hub, scope, receive, send, credentials)


class Broken(Exception):
    """An answer that had begun cannot go on."""


_PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-allow-headers": "authorization, content-type, accept, prefer, arcuate-secret, "
    "arcuate-channel, arcuate-request, arcuate-lease",
    "access-control-max-age": "600",
}


def _route(path: str, **handlers: Handler) -> tuple[Route, dict[str, Handler]]:
    return Route(path, _nothing, methods=None), handlers


class _Nothing:
    """Stands where Starlette wants an endpoint."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Is not called."""


_nothing: Any = _Nothing()


def _not_allowed(method: str, allowed: Iterable[str]) -> HttpError:
    listed = ", ".join(sorted(allowed))
    error = ProtocolError(f"{method} is not allowed here; allowed: {listed}")
    return HttpError(405, error, {"allow": listed})
