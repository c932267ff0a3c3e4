"""What applications of HTTP bridges share: who may speak, which route it is, how errors are answered."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from starlette.routing import Match, Route

from arcuate.errors import ArcuateError, ConnectionLost, NameNotFound, ProtocolError
from arcuate.http.guard import Guard
from arcuate.http.request import Disconnected, Incoming, Receive, Scope, Send
from arcuate.http.status import HttpError

if TYPE_CHECKING:
    from arcuate.hub import Hub

__all__ = ["PREFLIGHT", "Broken", "Handler", "Router", "not_allowed", "route"]

log = logging.getLogger(__name__)

Handler = Callable[[Incoming], Awaitable[None]]


class Router:
    """An ASGI application that answers requests by their paths.

    Args:
        hub: the hub.
        guard: who may speak.

    Attributes:
        open: handlers of paths that anybody may read.
        routes: handlers of the others, by method.
        hello: the path whose POST says by itself who the client is; ``""``: there is none.
    """

    def __init__(self, hub: Hub, guard: Guard) -> None:
        self.hub = hub
        self.guard = guard
        self.open: dict[str, Handler] = {}
        self.hello = ""
        self.routes: list[tuple[Route, dict[str, Handler]]] = []

    def tick(self) -> None:
        """Lets go of what nobody uses any more; called each second."""

    def close(self) -> None:
        """Ends what is kept, after what is under way has been handed out."""

    def missing(self, path: str) -> HttpError:
        """The refusal of a path without a route."""
        return HttpError(404, NameNotFound(f"there is no {path[:200]!r} here"))

    async def socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a WebSocket: not at all."""
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "there is no WebSocket here"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "websocket":
            await self.socket(scope, receive, send)
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
            await self.fail(incoming, error)

    async def fail(self, incoming: Incoming, error: Exception) -> None:
        """Answers with an error."""
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
                await incoming.answer(204, "", b"", PREFLIGHT)
                return
        try:
            unquote_to_bytes(scope.get("raw_path") or b"").decode("utf-8")
        except UnicodeDecodeError:
            raise ProtocolError("the path is not UTF-8; names are, percent-encoded") from None
        open_ = self.open.get(scope["path"])
        if open_ is not None:
            if incoming.method not in ("GET", "HEAD"):
                raise not_allowed(incoming.method, ["GET"])
            await open_(incoming)
            return
        secure = scope.get("scheme") in ("https", "wss")
        incoming.credentials = self.guard.credentials(scope, incoming.token, secure)
        handlers = self._find(scope)
        hello = scope["path"] == self.hello and incoming.method == "POST"
        if not hello:  # which says who it is in its own message, or in the head
            incoming.principal = self.hub.authenticate(incoming.credentials)
            if (protocol := scope.get("arcuate.protocol")) is not None:
                protocol.known = True
        if handlers is None:
            raise self.missing(scope["path"])
        handler = handlers.get("GET" if incoming.method == "HEAD" else incoming.method)
        if handler is None:
            raise not_allowed(incoming.method, handlers)
        await handler(incoming)

    def _find(self, scope: Scope) -> dict[str, Handler] | None:
        """The handlers of a path, by method; puts the parts of the path into ``scope``."""
        for route, handlers in self.routes:
            match, found = route.matches(scope)
            if match is Match.FULL:
                scope["path_params"] = found["path_params"]
                return handlers
        return None

    async def metrics(self, incoming: Incoming) -> None:
        """The hub's figures for Prometheus."""
        text: Any = getattr(self.hub, "metrics_text", None)
        found = text() if callable(text) else None
        if found is None:
            raise HttpError(404, NameNotFound("metrics are off; the operator can set telemetry.metrics"))
        if isinstance(found, str):
            found = found.encode()
        await incoming.answer(200, "text/plain; version=0.0.4; charset=utf-8", found)


class Broken(Exception):
    """An answer that had begun cannot go on."""


PREFLIGHT = {
    "access-control-allow-methods": "GET, POST, PUT, DELETE",
    "access-control-allow-headers": "authorization, content-type, accept, prefer, arcuate-secret, "
    "arcuate-channel, arcuate-request, arcuate-lease",
    "access-control-max-age": "600",
}


def route(path: str, **handlers: Handler) -> tuple[Route, dict[str, Handler]]:
    """A route with its handlers by method."""
    return Route(path, _nothing, methods=None), handlers


class _Nothing:
    """Stands where Starlette wants an endpoint."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Is not called."""


_nothing: Any = _Nothing()


def not_allowed(method: str, allowed: Iterable[str]) -> HttpError:
    """The refusal of a method that a path does not have."""
    listed = ", ".join(sorted(allowed))
    error = ProtocolError(f"{method} is not allowed here; allowed: {listed}")
    return HttpError(405, error, {"allow": listed})
