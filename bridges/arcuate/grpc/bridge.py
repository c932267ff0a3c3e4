"""The bridge: a server of gRPC for asyncio, and what it takes to start and to stop it."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as health_aio
from grpc_reflection.v1alpha.reflection import SERVICE_NAME as REFLECTION
from grpc_reflection.v1alpha.reflection import enable_server_reflection

from arcuate.client.net.chunks import CHUNK
from arcuate.errors import InvalidArgument, Unavailable
from arcuate.grpc import loop
from arcuate.grpc.attach import Stream
from arcuate.grpc.gate import Authentication, Limiter, Tracing
from arcuate.grpc.plain import Plain
from arcuate.grpc.sessions import Sessions
from arcuate.grpc.tls import Certificates
from arcuate.hub import Hub

__all__ = ["GrpcBridge"]

log = logging.getLogger(__name__)

STUCK = 60.0
"""Seconds in which a client must take something of what waits for it."""
_SWEEP = 2.0
_PATIENCE = 3
"""A sign of life may take so many times the seconds after which it is asked for."""
_READERS = 4
_INT_MAX = (1 << 31) - 1


class GrpcBridge:
    """A gRPC server in front of a hub.

    Args:
        hub: the hub.
        addresses: ``"host:port"`` (port 0: any).
        tls: has ``certificate``, ``key`` and ``client_ca``, as attributes or keys; ``None``: without TLS.
        keepalive: seconds after which a connection that is quiet is asked for a sign of life; one that gives
            none within three times as many is dead.

    Attributes:
        endpoints: where clients find it, in the order of the addresses.
        counts: what went wrong: ``garbage`` (streams that could not be read), ``truncated``, ``silent``,
            ``slow``, ``connections``.
    """

    def __init__(
        self,
        hub: Hub,
        addresses: Sequence[str] = ("127.0.0.1:0",),
        tls: Any = None,
        *,
        keepalive: float = 20.0,
    ) -> None:
        self.hub = hub
        self.endpoints: list[str] = []
        self.counts: Counter[str] = Counter()
        self._addresses = [_split(address) for address in addresses]
        self._tls = None if tls is None else Certificates(tls)
        self._keepalive = keepalive
        self._server: grpc.aio.Server | None = None
        self._streams: set[Stream] = set()
        self._readers = ThreadPoolExecutor(_READERS, thread_name_prefix="arcuate-grpc-read")
        self._sweeper: asyncio.Task[None] | None = None
        self._stopped = False

    # -------------------------------------------------------------------- life

    def start(self) -> None:
        """Binds the ports; calls are answered from then on.

        Raises:
            Unavailable: an address cannot be listened on.
        """
        if self._server is not None:
            raise InvalidArgument("this bridge has been started already; make another")
        loop.run(self._start())

    async def _start(self) -> None:
        server = self._server = grpc.aio.server(
            interceptors=(Authentication(self.hub), Limiter(self.hub), Tracing()), options=self._options()
        )
        self._sessions = Sessions(self.hub, asyncio.get_running_loop())
        handlers = Plain(self.hub, self._sessions).handlers()
        handlers["SessionService"]["Attach"] = grpc.stream_stream_rpc_method_handler(self._attach)
        server.add_generic_rpc_handlers(
            [
                grpc.method_handlers_generic_handler(f"arcuate.v1.{service}", methods)
                for service, methods in handlers.items()
            ]
        )
        names = [f"arcuate.v1.{service}" for service in handlers]
        self._health = health_aio.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        enable_server_reflection([*names, health.SERVICE_NAME, REFLECTION], server)
        for name in ("", *names):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)
        scheme = "grpc" if self._tls is None else "grpcs"
        try:
            for host, port in self._addresses:
                _probe(host, port)
                address = f"{host}:{port}"
                try:
                    if self._tls is None:
                        found = server.add_insecure_port(address)
                    else:
                        found = server.add_secure_port(address, self._tls.credentials())
                except RuntimeError as error:
                    raise _taken(address, error) from None
                self.endpoints.append(f"{scheme}://{host}:{found}")
            await server.start()
        except BaseException:
            await server.stop(None)
            raise
        self._sweeper = asyncio.create_task(self._sweep())

    def _options(self) -> list[tuple[str, Any]]:
        milliseconds = int(self._keepalive * 1000)
        message = self.hub.config.limits.message
        return [
            # Twice the hub's own limit: what is beyond that is refused by a message that names the setting,
            # and only what is far beyond by gRPC itself, before it is in memory.
            ("grpc.max_receive_message_length", min(2 * message + 2 * CHUNK, _INT_MAX)),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
            ("grpc.keepalive_time_ms", milliseconds),
            ("grpc.keepalive_timeout_ms", milliseconds),
            # an answer may wait behind megabytes on a slow line; gRPC goes by this, not by the time above
            ("grpc.http2.ping_timeout_ms", _PATIENCE * milliseconds),
            ("grpc.keepalive_permit_without_calls", 1),
            ("grpc.http2.max_pings_without_data", 0),
            ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
            ("grpc.server_handshake_timeout_ms", 20_000),
            ("grpc.max_connection_idle_ms", 600_000),
            ("grpc.http2.lookahead_bytes", 4 << 20),
            ("grpc.http2.max_frame_size", 4 << 20),
        ]

    def stop(self, grace: float = 1.0) -> None:
        """Ends all connections; what was sent has so many seconds to arrive. Idempotent."""
        if self._stopped:
            return
        self._stopped = True
        if self._server is not None:
            loop.run(self._stop(grace), grace + 10.0)
        self._readers.shutdown(wait=False, cancel_futures=True)

    async def _stop(self, grace: float) -> None:
        assert self._server is not None
        if self._sweeper is not None:
            self._sweeper.cancel()
        await self._health.enter_graceful_shutdown()
        for stream in list(self._streams):
            stream.end()
        await self._server.stop(grace)
        self._sessions.close()

    def reload(self) -> None:
        """Reads the certificates again at the next connection, which otherwise happens when they changed."""
        if self._tls is not None:
            self._tls.reload()

    def count(self, what: str) -> None:
        """Counts something that went wrong."""
        self.counts[what] += 1
        log.info("grpc: %s (%d so far)", what, self.counts[what])

    # ------------------------------------------------------------------ streams

    async def _attach(self, _: Any, context: Any) -> None:
        most = self.hub.config.limits.connections
        if len(self._streams) >= most:
            self.count("connections")
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"{most} clients are connected, as many as this hub serves (setting 'connections')",
            )
        await context.send_initial_metadata(())
        stream = Stream(self.hub, context, asyncio.get_running_loop(), self._readers, self.count)
        self._streams.add(stream)
        try:
            await stream.serve()
        finally:
            self._streams.discard(stream)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            now = time.monotonic()
            self._sessions.sweep(now)
            for stream in list(self._streams):
                if stream.stuck and now - stream.stuck >= STUCK:
                    stream.give_up()


def _split(address: str) -> tuple[str, int]:
    host, colon, port = address.removeprefix("grpc://").rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidArgument(f"{address!r} is no address to listen on; write host:port")
    return host, int(port)


def _probe(host: str, port: int) -> None:
    """Refuses an address that is taken or not ours: gRPC itself only says that it failed."""
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        raise _taken(f"{host}:{port}", error) from None


def _taken(address: str, error: Exception) -> Unavailable:
    return Unavailable(
        f"cannot listen on {address}: {error}; choose another address (port 0 lets the system choose)"
    )
