"""The bridge: uvicorn in a thread of its own, with its own loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Iterable
from typing import Any

import uvicorn

from arcuate.errors import InvalidArgument, Unavailable
from arcuate.http.app import Application
from arcuate.http.guard import Guard
from arcuate.http.protocol import HttpConnection
from arcuate.http.router import Router
from arcuate.http.tls import Certificates
from arcuate.http.wsprotocol import WebSocketConnection
from arcuate.hub import Hub

__all__ = ["HttpBridge"]

log = logging.getLogger(__name__)

STUCK = 60.0
"""Seconds in which a client must take something of what is sent to it."""
_PING_SECONDS = 20.0
"""A WebSocket is asked for a sign of life so often, and has as long to give it."""
_TICK = 1.0
_PAUSE = 0.1
"""What uvicorn wants between two looks at its clock."""
_BACKLOG = 512


class HttpBridge:
    """A hub over HTTP/1.1.

    Args:
        hub: the hub.
        addresses: ``host:port`` each; port 0 lets the system choose.
        tls: has ``certificate``, ``key`` and ``client_ca``, as attributes or keys; ``None``: without TLS.
        hosts: names under which the hub is reached, beside ``localhost`` and addresses; ``*``: any.
        origins: origins of web pages that may use it.
        inside: it is there for code in interpreters, and takes delegated tokens only.

    Attributes:
        endpoints: where it listens, such as ``http://127.0.0.1:43211``.
        name: what it is called in messages.
        idle: seconds that a connection on which no session lives may be idle.
        patience: seconds that a new one has until its first request.
    """

    name = "http"
    idle = 75.0
    patience = 10.0

    def __init__(
        self,
        hub: Hub,
        addresses: Iterable[str] = ("127.0.0.1:0",),
        tls: Any = None,
        *,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        inside: bool = False,
    ) -> None:
        self.hub = hub
        self.endpoints: list[str] = []
        self.application: Router | None = None
        self._addresses = list(addresses)
        self._tls = None if tls is None else Certificates(tls)
        self._guard = Guard(hosts, origins, inside)
        self._sockets: list[socket.socket] = []
        self._server: _Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._failed: BaseException | None = None

    def start(self) -> None:
        """Listens; requests are answered from then on.

        Raises:
            Unavailable: an address cannot be listened on.
        """
        try:
            for address in self._addresses:
                self._sockets.append(_listen(address))
        except BaseException:
            self._close_sockets()
            raise
        scheme = "https" if self._tls is not None else "http"
        for one in self._sockets:
            host, port = one.getsockname()[:2]
            self.endpoints.append(
                f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
            )
        ready = threading.Event()
        self._thread = threading.Thread(
            target=self._main, args=(ready,), name=f"arcuate-{self.name}", daemon=True
        )
        self._thread.start()
        ready.wait(30.0)
        if self._failed is not None:
            self._close_sockets()
            raise Unavailable(
                f"the {self.name} bridge could not be started: {self._failed}"
            ) from self._failed

    def _main(self, ready: threading.Event) -> None:
        loop = _new_loop()
        self._loop = loop
        try:
            loop.run_until_complete(self._serve(loop, ready))
        except BaseException as error:
            self._failed = error
            if ready.is_set():
                log.exception("the %s bridge failed", self.name)
        finally:
            ready.set()
            try:
                loop.run_until_complete(loop.shutdown_default_executor())
            finally:
                loop.close()

    def make(self, loop: asyncio.AbstractEventLoop, guard: Guard) -> Router:
        """The application that answers requests."""
        return Application(self.hub, loop, guard)

    async def _serve(self, loop: asyncio.AbstractEventLoop, ready: threading.Event) -> None:
        self.application = self.make(loop, self._guard)
        limits = self.hub.config.limits

        class Limited(HttpConnection):
            most = limits.connections
            patience = self.patience

        logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())
        config = uvicorn.Config(
            self.application,
            http=Limited,
            ws=WebSocketConnection,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,  # they would let a client say where it comes from
            server_header=False,
            timeout_keep_alive=int(self.idle),
            ws_max_size=min(limits.message, (1 << 31) - 1),
            ws_per_message_deflate=False,
            ws_ping_interval=_PING_SECONDS,
            ws_ping_timeout=_PING_SECONDS,
            backlog=_BACKLOG,
        )
        config.load()
        if self._tls is not None:
            config.ssl = self._tls.context
        self._server = _Server(config, ready, abrupt=self._guard.inside)
        ticker = asyncio.ensure_future(self._tick())
        try:
            await self._server.serve(self._sockets)
        finally:
            ticker.cancel()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            if self.application is not None:
                self.application.tick()
            if self._tls is not None:
                self._tls.refresh()

    def reload(self) -> None:
        """Reads the certificate anew; connections that come from now on see it."""
        if self._tls is not None:
            self._tls.refresh(force=True)

    def stop(self, grace: float = 2.0) -> None:
        """Ends all connections within so many seconds. Idempotent."""
        server, loop, thread = self._server, self._loop, self._thread
        self._thread = None
        if server is None or loop is None or thread is None:
            self._close_sockets()
            return

        def end() -> None:
            if self.application is not None:
                self.application.close()
            server.config.timeout_graceful_shutdown = max(1, round(grace))
            server.should_exit = True
            server.over.set()

        def force() -> None:
            server.force_exit = True
            for connection in list(server.server_state.connections):
                if connection.transport is not None:
                    connection.transport.abort()

        try:
            loop.call_soon_threadsafe(end)
            loop.call_soon_threadsafe(loop.call_later, max(0.0, grace), force)
        except RuntimeError:
            pass
        thread.join(grace + 5.0)
        self._close_sockets()

    def _close_sockets(self) -> None:
        for one in self._sockets:
            one.close()
        self._sockets = []


class _Server(uvicorn.Server):
    """Says when it listens, leaves signals alone, and ends when it is told to.

    Args:
        config: its configuration.
        ready: set when it listens.
        abrupt: at the end its connections are cut: their clients end with the hub.

    Attributes:
        over: set to end it, beside ``should_exit``.
    """

    def __init__(self, config: uvicorn.Config, ready: threading.Event, *, abrupt: bool) -> None:
        super().__init__(config)
        self.over = asyncio.Event()
        self._ready = ready
        self._abrupt = abrupt

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.over.wait(), _PAUSE)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if not self._abrupt:
            await super().shutdown(sockets=sockets)
            return
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        if self.server_state.tasks:
            await asyncio.wait(list(self.server_state.tasks), timeout=1.0)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._ready.set()


def _listen(address: str) -> socket.socket:
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    if not host or not port.isdigit():
        raise InvalidArgument(f"{address!r} is no address to listen on; write host:port")
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        found = socket.socket(family, kind, protocol)
    except OSError as error:
        raise Unavailable(f"cannot listen on {address}: {error}") from None
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a listener's options are its children's
        for name, value in (
            ("TCP_KEEPIDLE", 30),
            ("TCP_KEEPINTVL", 10),
            ("TCP_KEEPCNT", 4),
            ("TCP_USER_TIMEOUT", round(STUCK * 1000)),  # also where it answers and has no room
        ):
            if hasattr(socket, name):
                found.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if family == socket.AF_INET6:
            found.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        found.bind(where)
        found.listen(_BACKLOG)
        found.setblocking(False)
    except OSError as error:
        found.close()
        raise Unavailable(f"cannot listen on {address}: {error}") from None
    return found


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop
