"""One ROUTER socket with its clients.

A ZeroMQ socket belongs to one thread at a time; a lock passes it on. The bridge's thread receives, and
whoever has something to send sends it itself: a reply then needs no other thread. A send may swallow the
signal that something has arrived, so it looks whether that is so, and wakes the bridge's thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import zmq

from arcuate.client.net.parts import PLACED, Part
from arcuate.errors import ConnectionLost
from arcuate.zmq.feed import Feed
from arcuate.zmq.peer import Peer, credentials
from arcuate.zmq.segments import Segments, same_user
from arcuate.zmq.wires import Wires

if TYPE_CHECKING:
    from arcuate.hub import Hub
    from arcuate.zmq.bridge import ZmqBridge

__all__ = ["BACKLOG", "BACKLOG_BYTES", "UNKNOWN_BYTES", "Port"]

BACKLOG = 10_000
"""Messages that may wait for a client that does not read, beyond those that ZeroMQ itself keeps."""
BACKLOG_BYTES = 1 << 28
"""Bytes of them, but for one that is larger on its own."""
UNKNOWN_BYTES = 1 << 20
"""Bytes that may come from a client before it has said who it is."""

Arrival = tuple[Peer, Any, list[memoryview]]
"""Whose message it is, its first part (:class:`zmq.Frame`), the others."""


class Port:
    """A socket that was bound, and who is connected to it.

    Args:
        bridge: whose it is.
        socket: the ROUTER, with its options set.
        authorised: whether the keys of its clients were compared with a list.
        beside: opens the XPUB beside it.

    Attributes:
        peers: the clients that have said something, by identity.
        wires: all connections.
        shared: the files of clients that use some.
        feed: the XPUB beside it, once somebody has asked for it.
    """

    def __init__(self, bridge: ZmqBridge, socket: Any, authorised: bool, beside: Callable[[], Feed]) -> None:
        self.hub: Hub = bridge.hub
        self.socket = socket
        self.peers: dict[bytes, Peer] = {}
        self.wires = Wires(socket, bridge.admit, bridge.count, self.forget)
        self.shared: set[Segments] = set()
        self.feed: Feed | None = None
        self.lock = threading.Lock()
        self.fd: int = socket.FD
        self.waiting: set[Peer] = set()
        self.wake = bridge.wake
        self._bridge = bridge
        self._authorised = authorised
        self._beside = beside
        self._opening = threading.Lock()

    # ----------------------------------------------------------------- arrival

    def arrival(self) -> Arrival | None:
        """A message that has arrived. For the bridge's thread."""
        while True:
            found = self.take()
            if found is None:
                return None
            identity, first, rest = found
            peer = self.peers.get(identity)
            if peer is None:
                peer = self._new(identity, first)
            peer.heard = True
            if not peer.ending and not peer.gone:
                return peer, first, rest

    def take(self) -> tuple[bytes, zmq.Frame, list[memoryview]] | None:
        """One message: who sent it, its first part, the others."""
        socket = self.socket
        rest: list[memoryview] = []
        with self.lock:
            if not socket.get(zmq.EVENTS) & zmq.POLLIN:
                return None
            identity = socket.recv(zmq.NOBLOCK)
            first = part = socket.recv(zmq.NOBLOCK, copy=False)
            while part.more:
                part = socket.recv(zmq.NOBLOCK, copy=False)
                rest.append(part.buffer)
        return identity, first, rest

    def _new(self, identity: bytes, frame: zmq.Frame) -> Peer:
        """A connection says its first word."""
        self.wires.watch()  # an earlier connection may have had the same descriptor
        try:
            wire = self.wires.found.get(int(frame.get(zmq.SRCFD)))
        except zmq.ZMQError:
            wire = None
        known, key = credentials(frame, self._authorised)
        peer = self.peers[identity] = Peer(self, identity, wire, known, key)
        if wire is None:
            peer.gone = True  # its end was told before its last words were read
            self.forget(peer)
            return peer
        wire.peer = peer
        if same_user(frame):
            self._share(peer)
        if identity[:1] != b"\0":
            self._bridge.count("identity")
            peer.ending = time.monotonic()
        return peer

    def _share(self, peer: Peer) -> None:
        """Lets a client have files for large buffers, if it asks for them."""
        bridge = self._bridge
        peer.segments = Segments(
            lambda parts: self.post(peer, parts),
            bridge.readers,
            lambda error: bridge.garbage(peer, error),
        )
        peer.connection.offer = peer.segments.offer
        self.shared.add(peer.segments)

    def feeds(self) -> Feed:
        """The XPUB beside it, opened by the first who asks."""
        with self._opening:
            if self.feed is None:
                self.feed = self._beside()
                self.wake()
            return self.feed

    def forget(self, peer: Peer) -> None:
        """A client is gone: its session waits for it."""
        with self.lock:
            peer.gone = True
            peer.backlog.clear()
            self.waiting.discard(peer)
            if self.peers.get(peer.identity) is peer:
                del self.peers[peer.identity]
        peer.connection.lost()
        if peer.segments is not None:
            try:
                self._bridge.readers.submit(peer.segments.close)  # others need not wait for that
            except RuntimeError:
                peer.segments.close()

    # ---------------------------------------------------------------- leaving

    def post(self, peer: Peer, parts: list[Part]) -> None:
        """Sends a message, or keeps it for a client that takes nothing now.

        Raises:
            ConnectionLost: the client is gone.
        """
        with self.lock:
            if peer.gone:
                raise ConnectionLost("the client is gone")
            if peer.backlog:
                self._later(peer, parts)
                return
            try:
                self._put(peer.identity, parts)
            except zmq.Again:
                self._later(peer, parts)
                stirred = True
            except zmq.ZMQError:
                peer.gone = True
                raise ConnectionLost("the client is gone") from None
            else:
                stirred = bool(self.socket.get(zmq.EVENTS) & zmq.POLLIN)
        if stirred:
            self.wake()

    def _put(self, identity: bytes, parts: list[Part]) -> None:
        send = self.socket.send
        send(identity, zmq.SNDMORE | zmq.NOBLOCK)  # refuses a client that is gone or takes nothing
        last = len(parts) - 1
        if not last:
            send(parts[0], zmq.NOBLOCK)
            return
        for number, part in enumerate(parts):
            flags = zmq.NOBLOCK if number == last else zmq.NOBLOCK | zmq.SNDMORE
            send(part, flags, copy=len(part) < PLACED)

    def _later(self, peer: Peer, parts: list[Part]) -> None:
        """Keeps a message; a client for which too many wait is given up. The lock is held."""
        if not peer.backlog:
            peer.stuck = time.monotonic()
        peer.backlog.append(parts)
        self.waiting.add(peer)
        size = (
            sum(len(part) for message in peer.backlog for part in message)
            if len(peer.backlog) % 64 == 0
            else 0
        )
        if len(peer.backlog) > BACKLOG or size > BACKLOG_BYTES:
            self._slow(peer)
            raise ConnectionLost("the client does not read what it is sent")

    def _slow(self, peer: Peer) -> None:
        self._bridge.count("slow")
        peer.gone = True
        peer.backlog.clear()
        peer.ending = time.monotonic()

    def flush(self, now: float, patience: float) -> None:
        """Tries again to send what waits."""
        given_up = []
        with self.lock:
            for peer in list(self.waiting):
                try:
                    while peer.backlog:
                        self._put(peer.identity, peer.backlog[0])
                        peer.backlog.popleft()
                        peer.stuck = now
                except zmq.Again:
                    if now - peer.stuck >= patience:
                        self._slow(peer)
                except zmq.ZMQError:
                    peer.gone = True
                    peer.backlog.clear()
                if not peer.backlog:
                    self.waiting.discard(peer)
                    if peer.gone:
                        given_up.append(peer)
        for peer in given_up:
            peer.connection.lost()

    # ------------------------------------------------------------------- time

    def give_up(self, now: float, patience: float) -> None:
        """Gives up clients that have taken nothing of what waits for them for so long."""
        for wire in list(self.wires.found.values()):
            peer = wire.peer
            if peer is None or peer.gone or wire.stalled(now) < patience:
                continue
            with self.lock:
                self._slow(peer)
                self.waiting.discard(peer)
            peer.connection.lost()

    def sweep(self, now: float, hello: float) -> None:
        """Cuts off who has to go: told to, refused, silent since it connected, or without an end."""
        limits = self.hub.config.limits
        most = limits.message + limits.array + UNKNOWN_BYTES
        for wire in list(self.wires.found.values()):
            peer = wire.peer
            if peer is not None and peer.ending is not None:
                if now >= peer.ending:
                    wire.cut()
            elif peer is not None and peer.connection.principal is not None:
                if wire.unfinished(now) > most:
                    self._bridge.count("unfinished")
                    wire.cut(reset=True)
            elif now - wire.since >= hello:
                self._bridge.count("silent")
                wire.cut()
            elif wire.received() > UNKNOWN_BYTES:
                self._bridge.count("garbage")
                wire.cut(reset=True)
        if self.feed is not None:
            self.feed.sweep(now)
        for one in [one for one in self.shared if one.over]:
            self.shared.discard(one)
        for one in self.shared:
            one.tidy()

    def close(self, linger: float) -> None:
        """Closes the socket; what was sent has so many seconds to leave."""
        if self.feed is not None:
            self.feed.close(linger)
        for peer in list(self.peers.values()):
            self.forget(peer)
        for one in self.shared:
            one.close(now=True)
        with self.lock:
            self.socket.disable_monitor()
            self.wires.close()
            self.socket.close(int(linger * 1000))
