"""The bridge: a thread that receives for all sockets, and what it takes to start and to stop it."""

from __future__ import annotations

import logging
import select
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import zmq

from arcuate.client import messages
from arcuate.client.net.parts import identify, size_of_frame, too_large, unpack
from arcuate.client.net.shelf import FEATURE, outside
from arcuate.client.net.waking import Waking
from arcuate.errors import ArcuateError, InvalidArgument, LimitExceeded, ProtocolError, Unavailable
from arcuate.hub import Hub
from arcuate.hub.core import error_of
from arcuate.hub.relay import error_message, read, reply_message
from arcuate.values.nodes import Nodes
from arcuate.zmq.addresses import Place, place
from arcuate.zmq.curve import Keys, ZapServer
from arcuate.zmq.feed import WAITING, Feed
from arcuate.zmq.peer import Peer
from arcuate.zmq.port import Port
from arcuate.zmq.segments import clean, settle

__all__ = ["ZmqBridge"]

log = logging.getLogger(__name__)

HEARTBEAT = 5.0
"""Seconds between two signs of life."""
PATIENCE = 20.0
"""Seconds without any after which a client counts as gone."""
HELLO = 30.0
"""Seconds that a client has to say its first word."""
STUCK = 60.0
"""Seconds in which a client must take something of what waits for it."""
REASONS = {
    "garbage": "messages that could not be read",
    "unfinished": "more parts than a message may have, and no end of it",
    "handshake": "ZeroMQ's handshake failed",
    "unauthorised": "a CURVE key that is not authorised",
    "identity": "an identity of the client's own",
    "connections": "more connections than may be",
    "silent": "no hello in time",
    "slow": "took nothing of what it was sent",
    "subscription": "a prefix that was not given out",
}
"""What a client is dropped or turned away for."""
_LARGE = 1 << 20
"""Messages from this size on are read by threads of their own: others need not wait for that."""
_READERS = 4
_TICK = 0.25
_AGAIN = 0.01


class ZmqBridge:
    """ROUTER sockets in front of a hub.

    Args:
        hub: the hub.
        addresses: ``"host:port"``, ``"tcp://host:port"`` (port 0: any) or ``"ipc:///folder/socket"``.
        curve: has ``key`` and ``authorised_keys``, paths or ``None``; tcp sockets then speak CURVE only.
        samples: port of the socket for samples beside a tcp address; 0: the system chooses, when needed.
        heartbeat: seconds between two signs of life.
        patience: seconds without any after which a client counts as gone.

    Attributes:
        endpoints: where clients find it, in the order of the addresses.
        server_key: the public CURVE key (Z85), or ``None``.
        counts: what went wrong, by :data:`REASONS`.
        readers: threads that read and write what is large.
    """

    def __init__(
        self,
        hub: Hub,
        addresses: Sequence[str] = ("tcp://127.0.0.1:0",),
        curve: Any = None,
        *,
        samples: int = 0,
        heartbeat: float = HEARTBEAT,
        patience: float = PATIENCE,
    ) -> None:
        self.hub = hub
        self.endpoints: list[str] = []
        self.server_key: str | None = None
        self.counts: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._places: list[Place] = [place(one) for one in addresses]
        self._keys = None if curve is None else Keys.of(curve)
        self._samples = samples
        if hub.meter is not None:
            hub.meter.expect("zmq", REASONS)
        self._heartbeat, self._patience = heartbeat, patience
        self._looked = 0.0  # for clients that take nothing
        self._context: zmq.Context[Any] | None = None
        self._ports: list[Port] = []
        self._zap: ZapServer | None = None
        self._stopping = threading.Event()
        self._linger = 1.0
        self._thread: threading.Thread | None = None
        self._waking = Waking()
        self.readers = ThreadPoolExecutor(_READERS, thread_name_prefix="arcuate-zmq-read")

    # -------------------------------------------------------------------- life

    def start(self) -> None:
        """Binds the sockets; messages are answered from then on.

        Raises:
            Unavailable: an address cannot be listened on.
        """
        if self._thread is not None:
            raise InvalidArgument("this bridge has been started already; make another")
        context = self._context = zmq.Context()
        context.set(zmq.MAX_SOCKETS, 65_536)
        try:
            if self._keys is not None:
                self._zap = ZapServer(context, self._keys)  # before any socket that asks it
                self.server_key = self._keys.public
            if any(one.path for one in self._places):
                clean()
            for one in self._places:
                self._bind(context, one)
        except BaseException:
            self._tear_down(0.0)
            raise
        self._thread = threading.Thread(target=self._main, name="arcuate-zmq", daemon=True)
        self._thread.start()

    def _bind(self, context: zmq.Context[Any], where: Place) -> None:
        keys = None if where.path else self._keys
        socket = self._socket(context, zmq.ROUTER, where, keys)
        try:
            limits = self.hub.config.limits
            socket.setsockopt(zmq.MAXMSGSIZE, max(limits.message, limits.array))
            socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
            authorised = keys is not None and keys.selective
            port = Port(self, socket, authorised, lambda: self._beside(context, where, keys, socket))
        except BaseException:
            socket.close(0)
            raise
        self._ports.append(port)
        try:
            socket.bind(where.prepare())
        except zmq.ZMQError as error:
            raise Unavailable(
                f"cannot listen on {where.text!r}: {error}; choose another address (port 0 lets the "
                "system choose)"
            ) from None
        self.endpoints.append(where.endpoint(socket.getsockopt_string(zmq.LAST_ENDPOINT)))
        if self._samples and not where.path:
            port.feeds()  # a port that is taken is said now

    def _socket(self, context: zmq.Context[Any], kind: int, where: Place, keys: Keys | None) -> Any:
        socket = context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.BACKLOG, 1024)
        socket.setsockopt(zmq.HANDSHAKE_IVL, int(HELLO * 1000))
        socket.setsockopt(zmq.HEARTBEAT_IVL, int(self._heartbeat * 1000))
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, int(self._patience * 1000))
        socket.setsockopt(zmq.HEARTBEAT_TTL, int(self._patience * 1000))
        socket.setsockopt(zmq.IPV6, int(where.six))
        if keys is not None:
            socket.curve_server = True
            socket.curve_secretkey = keys.secret.encode()
            socket.zap_domain = b"arcuate"
        return socket

    def _beside(self, context: zmq.Context[Any], where: Place, keys: Keys | None, router: Any) -> Feed:
        """Opens the XPUB beside a ROUTER."""
        socket = self._socket(context, zmq.XPUB, where, keys)
        try:
            socket.setsockopt(zmq.XPUB_MANUAL, 1)
            socket.setsockopt(zmq.SNDHWM, WAITING)
            socket.setsockopt(zmq.MAXMSGSIZE, 256)
            socket.bind(where.beside(router.getsockopt_string(zmq.LAST_ENDPOINT), self._samples))
            return Feed(self, socket, where.told(socket.getsockopt_string(zmq.LAST_ENDPOINT)))
        except zmq.ZMQError as error:
            socket.close(0)
            hint = (
                f"; choose another port than {self._samples} (setting 'zmq_samples')" if self._samples else ""
            )
            raise Unavailable(f"no socket for samples can be opened: {error}{hint}") from None

    def stop(self, grace: float = 1.0) -> None:
        """Ends all connections; what was sent has so many seconds to arrive. Idempotent."""
        self._linger = grace
        self._stopping.set()
        self.wake()
        thread = self._thread
        if thread is not None:
            if thread is not threading.current_thread():
                thread.join(grace + 5.0)
        else:
            self._tear_down(0.0)

    def reload(self) -> None:
        """Reads the authorised keys again, which otherwise happens when their file has changed."""
        if self._keys is not None:
            self._keys.reload()
            self.wake()

    def _tear_down(self, linger: float) -> None:
        for port in self._ports:
            port.close(linger)
        if self._zap is not None:
            self._zap.close()
        self.readers.shutdown(wait=False, cancel_futures=True)
        context, self._context = self._context, None
        if context is not None:
            context.term()
        for one in self._places:
            one.clear()
        self._waking.close()

    def wake(self) -> None:
        """Has the bridge's thread look around. From any thread."""
        self._waking.wake()

    def count(self, what: str) -> None:
        """Counts something that went wrong."""
        with self._counting:
            self.counts[what] += 1
        if self.hub.meter is not None:
            self.hub.meter.dropped("zmq", what)
        log.info("zmq: %s (%d so far)", what, self.counts[what])

    def admit(self) -> bool:
        """Whether there is room for the connection that was just accepted."""
        total = 0
        for port in self._ports:
            total += len(port.wires.found) + (len(port.feed.wires.found) if port.feed is not None else 0)
        return total <= self.hub.config.limits.connections

    # --------------------------------------------------------------- the thread

    def _main(self) -> None:
        poll = select.poll()
        poll.register(self._waking.fd, select.POLLIN)
        for port in self._ports:
            poll.register(port.fd, select.POLLIN)
            poll.register(port.wires.fd, select.POLLIN)
        if self._zap is not None:
            poll.register(self._zap.fd, select.POLLIN)
        watched = {port.wires.fd: port for port in self._ports}
        feeds: dict[int, Feed] = {}
        swept = 0.0
        others = select.poll().poll  # of nothing: it lets the thread run that has just got something to do
        try:
            while not self._stopping.is_set():
                for port in self._ports:
                    while self._take(port):
                        others(0)
                    if port.waiting:
                        port.flush(time.monotonic(), STUCK)
                    if port.feed is not None and port.feed.fd not in feeds:
                        feeds[port.feed.fd] = feeds[port.feed.wires.fd] = port.feed
                        poll.register(port.feed.fd, select.POLLIN)
                        poll.register(port.feed.wires.fd, select.POLLIN)
                for feed in {*feeds.values()}:
                    feed.serve()
                wait = _AGAIN if any(port.waiting for port in self._ports) else _TICK
                for fd, _ in poll.poll(wait * 1000):
                    if fd == self._waking.fd:
                        self._waking.clear()
                    elif fd in watched:
                        port = watched[fd]
                        while self._take(port):  # before the end of who said it
                            pass
                        port.wires.watch()
                if self._zap is not None:
                    self._zap.serve()
                now = time.monotonic()
                if now - swept >= _TICK:
                    swept = now
                    self._sweep(now)
        except Exception:
            log.exception("the ZeroMQ bridge failed")
        finally:
            self._tear_down(self._linger)

    def _sweep(self, now: float) -> None:
        removed = self._keys.changed() if self._keys is not None else frozenset()
        for port in self._ports:
            for peer in list(port.peers.values()):
                if peer.key is not None and peer.key in removed:
                    peer.end()
            port.sweep(now, HELLO)
        if now - self._looked >= min(1.0, STUCK / 4):
            self._looked = now
            for port in self._ports:
                port.give_up(now, STUCK)

    def _take(self, port: Port) -> bool:
        """Reads one message, if one has arrived. A function of its own: its variables would keep it."""
        found = port.arrival()
        if found is None:
            return False
        self._arrived(*found)
        return True

    def _arrived(self, peer: Peer, first: zmq.Frame, rest: list[memoryview]) -> None:
        """Reads a message here, or has another thread do it; the order of a client's messages is kept."""
        frame: Any = first.bytes
        announced = size_of_frame(frame)
        if announced is not None:
            if not rest or len(rest[0]) != announced:
                self.garbage(peer, ProtocolError(f"a frame of {announced} bytes was announced, but not sent"))
                return
            frame = rest.pop(0)
        light = peer.segments is None or outside(frame) < _LARGE
        if not rest and len(frame) < _LARGE and not peer.working and light:
            self._read(peer, frame, rest)
            return
        if not peer.working and light and len(frame) + sum(map(len, rest)) < _LARGE:
            self._read(peer, frame, rest)
            return
        with peer.port.lock:
            peer.inbox.append((frame, rest))
            busy, peer.working = peer.working, True
        if not busy:
            self.readers.submit(self._catch_up, peer)

    def _catch_up(self, peer: Peer) -> None:
        while True:
            with peer.port.lock:
                if not peer.inbox:
                    peer.working = False
                    return
                frame, rest = peer.inbox.popleft()
            self._read(peer, frame, rest)
            del frame, rest

    def _read(self, peer: Peer, frame: Any, rest: list[memoryview]) -> None:
        connection = peer.connection
        limits = connection.limits
        segments = peer.segments
        try:
            if len(frame) > limits.message:
                raise too_large(len(frame), limits)
            if segments is None:
                message = unpack(frame, rest, limits)
            else:
                message = unpack(frame, rest, limits, segments.find)
                settle(message)
        except LimitExceeded as error:
            number = identify(frame)
            connection.refuse(number, error)
            if not number:
                peer.end()
        except ArcuateError as error:
            self.garbage(peer, error)
        except Exception as error:  # a defect of the reader must not end the bridge
            log.exception("a message of %s could not be read", connection.credentials.peer)
            self.garbage(peer, ProtocolError(f"the message cannot be read: {type(error).__name__}"))
        else:
            op = message.rows[1][7] if connection.principal is not None and message.rows[1:] else ""
            if op == "listen":
                self._listen(peer, message)
            elif op == FEATURE and segments is not None and segments.offered:
                segments.ready()
            else:
                connection.receive(message, checked=True)

    def _listen(self, peer: Peer, message: Nodes) -> None:
        """The one request that only this protocol has."""
        connection = peer.connection
        number = 0
        try:
            number = messages.head(message)[1]
            request = read(message)
            found = peer.port.feeds().listen(connection, request.text("topic"))
            self.hub.observe(connection.recognised(), "", "", request, "", 0.0)
            answer = reply_message(number, found)
        except Exception as error:
            answer = error_message(number, error_of(error))
        connection.answer(answer)

    def garbage(self, peer: Peer, error: ArcuateError) -> None:
        """Tells a client what is wrong with it, and lets go of it. From any thread."""
        if peer.ending is not None:
            return
        self.count("garbage")
        peer.connection.refuse(0, error)
        peer.end()
