"""The link to a hub over gRPC: the stream ``Attach`` of ``protos/arcuate/v1/session.proto``.

gRPC's own threads read and write. One thread of the link takes what arrives, puts messages together, and
hands them to whoever waits; what is sent waits in a queue of views, so that sending never blocks.
"""

from __future__ import annotations

import os
import queue
import re
import threading
import time
from collections.abc import Mapping
from typing import Any

os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # it would speak at each fork

import grpc

from arcuate.client.net import chunks
from arcuate.client.net.link import Link
from arcuate.client.net.target import Target
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    ConnectionLost,
    InternalError,
    InvalidArgument,
    LimitExceeded,
    PermissionDenied,
    ProtocolError,
    Unavailable,
)
from arcuate.values.check import check
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["ATTACH", "GrpcLink", "open_link"]

ATTACH = "/arcuate.v1.SessionService/Attach"
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.max_receive_message_length", -1),  # pieces are small; what they add up to is counted here
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # a connection of its own, so that a new one is a new one
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 60_000),  # for answers that wait behind megabytes on a slow line
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.enable_retries", 0),  # sending again is decided above, by ids
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.primary_user_agent", "arcuate-python"),
    ("grpc.http2.lookahead_bytes", 4 << 20),
    ("grpc.http2.max_frame_size", 4 << 20),  # 16 KiB otherwise: 64 frames to a chunk
]
_REFUSALS: dict[grpc.StatusCode, type[ArcuateError]] = {
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationFailed,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDenied,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitExceeded,
    grpc.StatusCode.INTERNAL: InternalError,
}
_FILES = ("ca", "certificate", "key")
_READY = object()
_REFUSED = object()
_CLOSE_SECONDS = 2.0

_kept: list[Any] = []
"""Channels of a parent process: in a forked child nothing of them may be touched, not even to free it."""


class GrpcLink(Link):
    """One stream, on a channel of its own.

    Args:
        target: where the hub is.
        limits: what is accepted.
        token: goes into the metadata, for interceptors and proxies on the way.
        tls: PEM texts by name, or ``None`` for a connection without encryption.
    """

    name = "grpc"

    def __init__(
        self, target: Target, limits: Limits, token: str | None = None, tls: Mapping[str, bytes] | None = None
    ) -> None:
        self.limits = limits
        self._target = target
        self._token = token
        self._tls = tls
        self._owner = os.getpid()
        self._channel: grpc.Channel | None = None
        self._call: Any = None
        self._outgoing: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._incoming: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._lost: ArcuateError | None = None
        self._reader: threading.Thread | None = None

    # ------------------------------------------------------------------ life

    def connect(self, timeout: float) -> None:
        self._drop()
        end = time.monotonic() + timeout
        outgoing = self._outgoing = queue.SimpleQueue()
        incoming = self._incoming = queue.SimpleQueue()
        self._channel = self._open()
        attach: Any = self._channel.stream_stream(ATTACH, request_serializer=_serialize)
        metadata = [("authorization", f"Bearer {self._token}")] if self._token else None
        self._call = attach(iter(outgoing.get, None), metadata=metadata)
        self._reader = threading.Thread(
            target=_read,
            args=(self._call, incoming, self.limits, self._where),
            name="arcuate-grpc-link",
            daemon=True,
        )
        self._reader.start()
        while True:
            try:
                item = incoming.get(timeout=max(0.0, end - time.monotonic()))
            except queue.Empty:
                self._drop()
                raise ConnectionLost(
                    f"{self._where} did not answer within {timeout:g} s", executed="no"
                ) from None
            if item is _READY:
                return
            if isinstance(item, ArcuateError):
                self._drop()
                item.executed = "no"
                raise item

    def _open(self) -> grpc.Channel:
        address = self._target.address
        if self._tls is None:
            return grpc.insecure_channel(address, options=_OPTIONS)
        tls = self._tls
        credentials = grpc.ssl_channel_credentials(tls.get("ca"), tls.get("key"), tls.get("certificate"))
        return grpc.secure_channel(address, credentials, options=_OPTIONS)

    @property
    def _where(self) -> str:
        return f"{self._target.scheme}://{self._target.address}"

    def _drop(self) -> None:
        channel, self._channel = self._channel, None
        call, self._call = self._call, None
        reader, self._reader = self._reader, None
        self._lost, self.refused = None, False
        if os.getpid() != self._owner:
            _kept.append((channel, call))
            return
        self._outgoing.put(None)  # ends the thread of gRPC that waits for it
        if call is not None:
            call.cancel()
        if channel is not None:
            # With a hub that takes nothing, gRPC waits until what was sent counts as lost: 20 s.
            last = threading.Thread(target=channel.close, name="arcuate-grpc-close", daemon=True)
            last.start()
            last.join(_CLOSE_SECONDS)
        if reader is not None and reader is not threading.current_thread():
            reader.join(_CLOSE_SECONDS)

    def close(self) -> None:
        self._drop()

    # -------------------------------------------------------------- messages

    def send(self, message: Nodes) -> None:
        if self._call is None:
            raise ConnectionLost("the connection is closed", executed="no")
        if self._lost is not None:
            raise self._lost
        first, rest = chunks.pack(message)
        put = self._outgoing.put
        put(first)
        for view in rest:
            put(view)

    def receive(self, timeout: float | None) -> Nodes | None:
        if self._call is None:
            raise ConnectionLost("the connection is closed", executed="no")
        if self._lost is not None and self._incoming.empty():
            raise self._lost
        try:
            item = self._incoming.get(timeout=timeout)
        except queue.Empty:
            return None
        if item is _REFUSED:
            self.refused = True
            item = self._incoming.get()
        if isinstance(item, ArcuateError):
            self._lost = item
            raise item
        found: Nodes | None = item
        return found

    def wake(self) -> None:
        self._incoming.put(None)


def _serialize(item: Any) -> bytes:
    """A piece of a message as gRPC sends it: chunks are copied only now."""
    return item if item.__class__ is bytes else chunks.chunk(item)


def _read(call: Any, incoming: queue.SimpleQueue[Any], limits: Limits, where: str) -> None:
    """The thread that takes what arrives; the last thing that it hands on is an error."""
    try:
        call.initial_metadata()
        incoming.put(_READY)
        reader = chunks.Reader(limits)
        for data in call:
            message = reader.feed(data)
            if message is not None:
                check(message, limits)
                incoming.put(message)
        incoming.put(ConnectionLost(f"{where}: the hub closed the connection", executed="maybe"))
    except grpc.RpcError:
        if isinstance(error := _error(call, where), LimitExceeded):
            incoming.put(_REFUSED)
        incoming.put(error)
    except chunks.Refused as refused:
        incoming.put(refused.error)
    except ArcuateError as error:
        incoming.put(error)
    except Exception as error:  # a defect of the reader must not look like silence
        incoming.put(ProtocolError(f"{where}: what arrived cannot be read: {type(error).__name__}: {error}"))
    finally:
        call.cancel()
        # gRPC raises the call itself. With the frames of its traceback it would be a circle that is freed at
        # the end of the interpreter only, where it would wait for a lock that nobody gives back any more.
        call.__traceback__ = None


def _error(call: Any, where: str) -> ArcuateError:
    """What the end of a stream means."""
    code, details = call.code(), call.details() or ""
    cls = _REFUSALS.get(code)
    if code is grpc.StatusCode.INTERNAL and "RST_STREAM" in details:
        cls = None  # the other end of the connection went away in the middle of something
    if cls is LimitExceeded:
        return _limit(details, where)
    if cls is not None:
        return cls(f"{where} refuses: {details}", executed="no")
    if code is grpc.StatusCode.UNIMPLEMENTED:
        return ProtocolError(f"{where} is a gRPC server, but no hub of Arcuate: {details}", executed="no")
    if code is grpc.StatusCode.UNAVAILABLE and details.startswith("arcuate: "):
        return Unavailable(details.removeprefix("arcuate: "), executed="no")
    if "CERTIFICATE_VERIFY_FAILED" in details or "certificate" in details.lower():
        return AuthenticationFailed(
            f"{where} is not who it should be, or wants to know who we are: {details}; give connect(..., "
            "tls=...) its authority, and a certificate of ours if it asks for one",
            executed="no",
        )
    name = "" if code is None else f"{code.name}: "
    return ConnectionLost(f"{where}: {name}{details}", executed="maybe")


def _limit(details: str, where: str) -> LimitExceeded:
    """A limit with its setting. gRPC's own refusal of what is far too large says nothing of it."""
    if "larger than max" in details:
        return LimitExceeded(
            f"{where} refuses a message that is larger than it takes ({details}); its operator can raise the "
            "setting 'message', or send the data in parts",
            setting="message",
            executed="no",
        )
    found = re.search(r"\(setting '(\w+)'\)", details)
    setting = "" if found is None else found.group(1)
    return LimitExceeded(f"{where} refuses: {details}", setting=setting, executed="no")


def open_link(
    target: Target, limits: Limits, *, token: str | None = None, tls: Any = None, **other: Any
) -> GrpcLink:
    """A link for an address; it is not connected yet.

    Args:
        target: the address.
        limits: what is accepted.
        token: says who we are.
        tls: ``True``: the authorities that gRPC trusts; the path of a PEM file with authorities; or a
            mapping of ``ca``, ``certificate`` and ``key``, the last two to say who we are.
        other: options of other protocols, which are refused.

    Raises:
        InvalidArgument: an option that gRPC does not have, or files that cannot be read.
    """
    for name, value in other.items():
        if value is not None:
            raise InvalidArgument(f"{target.scheme}:// has no option {name!r}; it has token and tls")
    return GrpcLink(target, limits, token, _certificates(target, tls))


def _certificates(target: Target, tls: Any) -> dict[str, bytes] | None:
    if not target.secure:
        if tls:
            raise InvalidArgument(f"grpc:// is not encrypted; write grpcs://{target.address}/...")
        return None
    if tls is False:
        raise InvalidArgument("grpcs:// is encrypted always; write grpc:// for a hub without TLS")
    chosen: Mapping[str, Any] = {}
    if isinstance(tls, Mapping):
        chosen = tls
    elif tls is not None and tls is not True:
        chosen = {"ca": tls}
    unknown = sorted(set(chosen) - set(_FILES))
    if unknown:
        raise InvalidArgument(f"tls has no {unknown[0]!r}; it has ca, certificate and key")
    paths = {name: path for name, path in chosen.items() if path is not None}
    if "certificate" in paths:
        paths.setdefault("key", paths["certificate"])
    elif "key" in paths:
        raise InvalidArgument("tls has a 'key' but no 'certificate'; give both, or neither")
    found = {}
    for name, path in paths.items():
        try:
            with open(path, "rb") as file:
                found[name] = file.read()
        except (OSError, TypeError) as error:
            raise InvalidArgument(f"the certificates in tls={tls!r} cannot be read: {error}") from None
    return found
