"""The link to a hub over ZeroMQ (``protos/zeromq.md``): a DEALER, its monitor, and a pipe that wakes it."""

from __future__ import annotations

import os
import select
import socket as sockets
import time
from collections.abc import Mapping
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from arcuate.client import messages
from arcuate.client.net.link import Link
from arcuate.client.net.parts import PLACED, External, pack, size_of_frame, too_large, unpack
from arcuate.client.net.shelf import FEATURE, POSSIBLE, Shelf
from arcuate.client.net.target import Target
from arcuate.client.net.waking import Waking
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    ConnectionLost,
    InvalidArgument,
    LimitExceeded,
    ProtocolError,
)
from arcuate.values.limits import Limits
from arcuate.values.nodes import Buffer, Nodes

__all__ = ["ZmqLink", "open_link"]

_HEARTBEAT = 5.0
"""Seconds between two signs of life."""
_PATIENCE = 20.0
"""Seconds without any after which the hub counts as gone."""
_SEND_SECONDS = 60.0
"""Seconds that a message waits for a hub that takes nothing."""
_BROKEN: dict[int, str] = {
    zmq.Event.DISCONNECTED: "the hub closed the connection, or the network failed",
    zmq.Event.CLOSED: "nothing listens there",
    zmq.Event.CONNECT_RETRIED: "nothing listens there",
}
_REFUSED: dict[int, str] = {
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL: "it closed the connection during the handshake",
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL: "the handshake failed",
    zmq.Event.HANDSHAKE_FAILED_AUTH: "it does not know this client's key",
}
_KEYS = frozenset(("server_key", "public_key", "secret_key"))

_contexts: dict[int, zmq.Context[Any]] = {}
_held: set[Any] = set()
"""Sockets that are open. Held here, they outlive their link until it closes them, also where the collector
takes both at once and in any order."""


def _context() -> zmq.Context[Any]:
    """The context of this process. A forked child has one of its own and leaves its parent's alone."""
    pid = os.getpid()
    found = _contexts.get(pid)
    if found is None:
        found = _contexts[pid] = zmq.Context()
    return found


_NEVER = 100_000_000
"""Milliseconds: a new connection begins with a new hello. With -1, which says the same, libzmq throws away
what came before the connection ended, and the hub's last word with it."""


class ZmqLink(Link):
    """One DEALER, connected to one hub.

    Args:
        target: where it is.
        limits: what is accepted.
        curve: keys, or ``None`` for a connection without encryption.
    """

    name = "zmq"

    def __init__(self, target: Target, limits: Limits, curve: Mapping[str, str] | None = None) -> None:
        self.limits = limits
        self._target = target
        self._curve = curve
        if target.scheme == "zmq+ipc" and POSSIBLE:
            self.features = (FEATURE,)
        self._shelf: Shelf | None = None
        self._fetch: External | None = None
        self._most: int | None = None
        self._owner = os.getpid()
        self._socket: Any = None
        self._monitor: Any = None
        self._welcome = False
        self._lost: ArcuateError | None = None
        self._closed = False
        self._waking = Waking()

    # ------------------------------------------------------------------ life

    def connect(self, timeout: float) -> None:
        self._drop()
        end = time.monotonic() + timeout
        address, six = self._resolve()
        link = _context().socket(zmq.DEALER)
        try:
            link.setsockopt(zmq.LINGER, 0)
            link.setsockopt(zmq.IPV6, six)
            link.setsockopt(zmq.SNDHWM, 100)
            link.setsockopt(zmq.RCVHWM, 1000)
            link.setsockopt(zmq.RECONNECT_IVL, _NEVER)
            link.setsockopt(zmq.MAXMSGSIZE, max(self.limits.array, self.limits.message))
            link.setsockopt(zmq.HEARTBEAT_IVL, int(_HEARTBEAT * 1000))
            link.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(_PATIENCE * 1000))
            if self._curve is not None:
                link.curve_serverkey = self._curve["server_key"].encode()
                link.curve_publickey = self._curve["public_key"].encode()
                link.curve_secretkey = self._curve["secret_key"].encode()
            self._monitor = link.get_monitor_socket()
            self._socket = link
            _held.update((self._monitor, link))
            link.connect(address)
        except zmq.ZMQError as error:
            self._drop()
            raise ConnectionLost(f"cannot connect to {self._where}: {error}", executed="no") from None
        self._poll = select.poll()
        for fd in (link.FD, self._monitor.FD, self._waking.fd):
            self._poll.register(fd, select.POLLIN)
        try:
            self._shake(end, timeout)
        except BaseException:
            self._drop()
            raise

    def _resolve(self) -> tuple[str, bool]:
        """The address as ZeroMQ writes it. ZeroMQ itself would look a name up later and say nothing."""
        target = self._target
        if target.scheme == "zmq+ipc":
            return f"ipc://{target.host}", False
        try:
            found = sockets.getaddrinfo(target.host, target.port, type=sockets.SOCK_STREAM)
        except OSError as error:
            raise ConnectionLost(f"the host {target.host!r} is not known: {error}", executed="no") from None
        found.sort(key=lambda one: one[0] == sockets.AF_INET6)
        family, _, _, _, place = found[0]
        six = family == sockets.AF_INET6
        return f"tcp://[{place[0]}]:{target.port}" if six else f"tcp://{place[0]}:{target.port}", six

    def greeted(self, hello: Mapping[str, Any]) -> None:
        limits = hello.get("limits")
        if isinstance(limits, Mapping):
            sizes = [limits.get(name) for name in ("message", "array")]
            self._most = sum(size for size in sizes if isinstance(size, int)) if all(sizes) else None
        told = hello.get(FEATURE)
        folder = told.get("folder") if self.features and isinstance(told, Mapping) else None
        if isinstance(folder, str):
            try:
                self._shelf = Shelf(folder, "c")
            except (OSError, ValueError, ArcuateError):
                return  # not the same files as the hub's, as in a container: parts of messages do as well
            self._fetch = self._find
            self.send(messages.build(FEATURE, 0))

    def _find(self, place: int, length: int) -> Buffer:
        """A buffer in a file. The hub removes what was not read when it takes the connection for lost."""
        assert self._shelf is not None
        try:
            return self._shelf.fetch(place, length)
        except ProtocolError as error:
            raise ConnectionLost(f"{self._where}: {error.message}", executed="maybe") from None

    @property
    def _where(self) -> str:
        return f"{self._target.scheme}://{self._target.address}"

    def _shake(self, end: float, timeout: float) -> None:
        """Waits for the handshake of ZeroMQ itself."""
        assert self._monitor is not None
        while True:
            left = end - time.monotonic()
            if left <= 0 or not self._monitor.poll(max(1, int(left * 1000))):
                raise ConnectionLost(f"{self._where} did not answer within {timeout:g} s", executed="no")
            if self._watch(handshake=True):
                self._welcome = True
                return
            if self._lost is not None:
                raise self._lost

    def _watch(self, handshake: bool = False) -> bool:
        """Reads what the monitor has seen; says whether a handshake succeeded."""
        done = False
        monitor = self._monitor
        while monitor is not None and monitor.get(zmq.EVENTS) & zmq.POLLIN:
            told = parse_monitor_message(monitor.recv_multipart(zmq.NOBLOCK))
            event = told["event"]
            if event == zmq.Event.HANDSHAKE_SUCCEEDED:
                done = True
            elif event in _REFUSED and self._lost is None:
                self._lost = self._refused(event)
            elif event in _BROKEN and self._lost is None:
                self._lost = ConnectionLost(f"{self._where}: {_BROKEN[event]}", executed="maybe")
                if handshake and not done:
                    self._lost.executed = "no"
                    if event == zmq.Event.DISCONNECTED:
                        self._lost = self._refused(zmq.Event.HANDSHAKE_FAILED_NO_DETAIL)
        return done

    def _refused(self, event: int) -> ArcuateError:
        """Nobody says why a handshake fails: with keys, it is the keys; without, what listens is no hub."""
        what = f"{self._where} refuses this client: {_REFUSED[event]}"
        if self._welcome:  # it knew this client before: a network that fails in the handshake looks the same
            return ConnectionLost(what, executed="no")
        if self._curve is not None:
            return AuthenticationFailed(
                f"{what}; check that 'server_key' is the hub's, and that this client's public key "
                f"{self._curve['public_key']} stands in the hub's file of authorised keys",
                executed="no",
            )
        if event == zmq.Event.HANDSHAKE_FAILED_NO_DETAIL:
            return ConnectionLost(
                f"{what}; a hub with CURVE needs connect(..., curve=server_key)", executed="no"
            )
        return AuthenticationFailed(
            f"{what}; it may be a hub with CURVE: give connect(..., curve=server_key); or no hub at all",
            executed="no",
        )

    def _drop(self) -> None:
        monitor, self._monitor = self._monitor, None
        link, self._socket = self._socket, None
        self._lost = None
        if os.getpid() != self._owner:
            return  # the sockets are the parent's
        shelf, self._shelf, self._fetch, self._most = self._shelf, None, None, None
        if link is not None:
            link.disable_monitor()
            link.close(0)
        if monitor is not None:
            monitor.close(0)
        _held.difference_update((link, monitor))
        if shelf is not None:
            shelf.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._drop()
        self._waking.close()

    # -------------------------------------------------------------- messages

    def send(self, message: Nodes) -> None:
        link = self._link()
        if message.buffers:
            self._check_total(message)
        parts = pack(message) if self._shelf is None or not message.buffers else self._shelf.pack(message)
        try:
            if len(parts) == 1:
                link.send(parts[0], zmq.NOBLOCK)
                return
            self._send_parts(link, parts, zmq.NOBLOCK)
        except zmq.Again:
            self._send_slowly(link, parts)
        except zmq.ZMQError as error:
            raise ConnectionLost(f"{self._where}: {error}", executed="maybe") from None

    def _check_total(self, message: Nodes) -> None:
        """The hub cuts off who sends more."""
        total = sum(len(one) if isinstance(one, bytes) else one.nbytes for one in message.buffers)
        if self._most is not None and total > self._most:
            raise LimitExceeded(
                f"a message with {total:,} bytes of arrays exceeds the hub's limits 'message' and 'array', "
                f"together {self._most:,}; its operator can raise 'array', or send the data in several calls",
                setting="array",
            )

    def _send_parts(self, link: Any, parts: list[Any], flags: int) -> None:
        """A message goes as a whole: ZeroMQ may refuse its first part, and takes the others then."""
        for part in parts[:-1]:
            link.send(part, flags | zmq.SNDMORE, copy=len(part) < PLACED)
        link.send(parts[-1], flags, copy=len(parts[-1]) < PLACED)

    def _send_slowly(self, link: Any, parts: list[Any]) -> None:
        """The hub takes nothing at the moment."""
        end = time.monotonic() + _SEND_SECONDS
        while time.monotonic() < end:
            link.poll(100, zmq.POLLOUT)
            self._watch()
            if self._lost is not None:
                raise self._lost
            if self.ending:
                raise ConnectionLost(f"{self._where} takes nothing, and is left", executed="maybe")
            try:
                self._send_parts(link, parts, zmq.NOBLOCK)
                return
            except zmq.Again:
                continue
            except zmq.ZMQError as error:
                raise ConnectionLost(f"{self._where}: {error}", executed="maybe") from None
        raise ConnectionLost(f"{self._where} has taken nothing for {_SEND_SECONDS:g} s", executed="maybe")

    def receive(self, timeout: float | None) -> Nodes | None:
        link = self._link()
        end = None if timeout is None else time.monotonic() + timeout
        while not link.get(zmq.EVENTS) & zmq.POLLIN:
            if self._lost is not None:
                raise self._lost
            left = None if end is None else max(0.0, end - time.monotonic()) * 1000
            ready = self._poll.poll(left)
            if not ready:
                return self._take(link) if link.get(zmq.EVENTS) & zmq.POLLIN else None
            for fd, _ in ready:
                if fd == self._waking.fd:
                    self._waking.clear()
                    return None
            if len(ready) > 1 or ready[0][0] != link.FD:
                self._watch()
        return self._take(link)

    def _take(self, link: Any) -> Nodes:
        first = link.recv(zmq.NOBLOCK, copy=False)
        frame: Any = first.bytes
        rest: list[memoryview] = []
        part = first
        while part.more:
            part = link.recv(copy=False)
            rest.append(part.buffer)
        announced = size_of_frame(frame)
        if announced is not None:
            if not rest or len(rest[0]) != announced:
                raise ProtocolError(f"malformed message: a frame of {announced} bytes was announced")
            if announced > self.limits.message:
                raise too_large(announced, self.limits)
            frame = rest.pop(0)
        return unpack(frame, rest, self.limits, self._fetch)

    def _link(self) -> Any:
        if self._socket is None:
            raise ConnectionLost("the connection is closed", executed="no")
        return self._socket

    def wake(self) -> None:
        self._waking.wake()


def open_link(
    target: Target, limits: Limits, *, token: str | None = None, tls: Any = None, curve: Any = None
) -> ZmqLink:
    """A link for an address; it is not connected yet.

    Args:
        target: the address.
        limits: what is accepted.
        token: travels in the hello; ZeroMQ itself needs none.
        tls: ZeroMQ has none.
        curve: the hub's public key, or a mapping of ``server_key``, ``public_key`` and ``secret_key``.
            Without a secret key a fresh pair is made for this link.

    Raises:
        InvalidArgument: an option that makes no sense here.
    """
    del token
    if tls is not None:
        raise InvalidArgument(
            "ZeroMQ has no TLS; give connect(..., curve=server_key), or use grpcs:// or https://"
        )
    return ZmqLink(target, limits, None if curve is None else _keys(curve))


def _keys(curve: Any) -> dict[str, str]:
    if not zmq.has("curve"):
        raise InvalidArgument(
            "the installed libzmq has no CURVE; install pyzmq from PyPI, whose wheels have it"
        )
    given = {"server_key": curve} if isinstance(curve, (str, bytes)) else curve
    if not isinstance(given, Mapping) or not set(given) <= _KEYS or "server_key" not in given:
        raise InvalidArgument(
            "curve must be the hub's public key, or a mapping of 'server_key', 'public_key' and 'secret_key'"
        )
    keys = {name: key.decode("ascii") if isinstance(key, bytes) else str(key) for name, key in given.items()}
    for name, key in keys.items():
        if len(key) != 40:
            raise InvalidArgument(f"the CURVE {name!r} has {len(key)} characters; a key has 40 (Z85)")
    if "secret_key" in keys:
        try:
            public = zmq.curve_public(keys["secret_key"].encode()).decode()
        except (zmq.ZMQError, ValueError) as error:
            raise InvalidArgument(f"the CURVE 'secret_key' is no key: {error}") from None
        if keys.setdefault("public_key", public) != public:
            raise InvalidArgument("the CURVE 'public_key' does not belong to the 'secret_key'")
    elif "public_key" in keys:
        raise InvalidArgument("a CURVE 'public_key' needs its 'secret_key'")
    else:
        public_key, secret_key = zmq.curve_keypair()
        keys.update(public_key=public_key.decode(), secret_key=secret_key.decode())
    return keys
