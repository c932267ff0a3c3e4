"""The XPUB socket beside a ROUTER: each sample is sent once, however many clients read a topic.

A client asks for a topic with ``listen`` on its connection, where it is known who it is, and is told a prefix
of 16 random bytes. Only whole prefixes can be subscribed to, so nobody reads what it was not allowed to.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import TYPE_CHECKING, Any

import zmq

from arcuate.client import messages
from arcuate.client.net.parts import PLACED, Part, pack
from arcuate.errors import ArcuateError, InvalidArgument, LimitExceeded
from arcuate.hub.relay import error_message
from arcuate.hub.streams import Sample
from arcuate.values.nodes import Nodes
from arcuate.zmq.wires import HEARTBEATS, Wires

if TYPE_CHECKING:
    from arcuate.hub import Connection
    from arcuate.hub.streams import Subscription
    from arcuate.zmq.bridge import ZmqBridge

__all__ = ["LARGEST", "MOST", "UNUSED", "WAITING", "Feed"]

LARGEST = 1 << 20
"""Bytes of a sample; of a larger one only its number comes."""
WAITING = 256
"""Samples that may wait for a client; later ones are lost to it."""
UNUSED = 30.0
"""Seconds that a prefix to which nobody subscribes is kept."""
MOST = 1 << 20
"""Bytes that may come from a client beside ZeroMQ's signs of life: it only says to what it subscribes."""
_PREFIX = 16
_UNLIMITED = 1 << 62


class _Way:
    """A topic for a principal."""

    __slots__ = ("key", "prefix", "reader", "readers", "since")

    def __init__(self, key: tuple[str, str]) -> None:
        self.key = key
        self.prefix = secrets.token_bytes(_PREFIX)
        self.reader: Subscription | None = None
        self.readers = 0
        self.since = time.monotonic()


class Feed:
    """An XPUB socket.

    Args:
        bridge: whose it is.
        socket: the XPUB, bound.
        where: what a client is told to find it: ``port`` or ``path``.
    """

    def __init__(self, bridge: ZmqBridge, socket: Any, where: dict[str, Any]) -> None:
        self._bridge = bridge
        self._socket = socket
        self._where = where
        self._lock = threading.Lock()
        self._ways: dict[bytes, _Way] = {}
        self._names: dict[tuple[str, str], _Way] = {}
        self.fd: int = socket.FD
        self.wires = Wires(socket, bridge.admit, bridge.count)

    def listen(self, connection: Connection, topic: Any) -> dict[str, Any]:
        """Answers a client that wants to read a topic here.

        Raises:
            PermissionDenied: it may not.
            LimitExceeded: there are too many.
        """
        principal = connection.recognised()
        if not isinstance(topic, str):
            raise InvalidArgument("'listen' needs a 'topic' that is a text")
        hub = connection.hub
        most = hub.config.limits.subscriptions
        with self._lock:
            way = self._names.get((principal.name, topic))
            if way is not None:
                way.since = time.monotonic()
            elif sum(name == principal.name for name, _ in self._names) >= most:
                raise LimitExceeded(
                    f"{principal.name!r} listens to {most} topics already; end some, or raise the setting "
                    "'subscriptions'",
                    setting="subscriptions",
                )
        if way is None:
            way = _Way((principal.name, topic))
            prefix = way.prefix

            def deliver(sample: Sample, lost: int) -> None:
                large = sample.nbytes > LARGEST
                self._publish(prefix, pack(_omitted(sample, lost) if large else sample.message(0, lost)))

            def ended(error: ArcuateError) -> None:
                self._publish(prefix, pack(error_message(0, error)))
                self._forget(prefix)

            way.reader = hub.streams.subscribe(principal, topic, deliver, ended=ended)
            with self._lock:
                self._ways[prefix] = self._names[way.key] = way
            way.reader.more(_UNLIMITED)
        reader = way.reader
        assert reader is not None
        place = reader.topic
        return {
            "prefix": way.prefix,
            "next": place.next,
            "oldest": place.oldest,
            "epoch": place.epoch,
            **self._where,
        }

    def _publish(self, prefix: bytes, parts: list[Part]) -> None:
        """Sends to all who read it; never blocks. Called under the lock of the streams."""
        with self._lock:
            if prefix not in self._ways or self._socket.closed:
                return
            self._socket.send(prefix, zmq.SNDMORE | zmq.NOBLOCK)
            for part in parts[:-1]:
                self._socket.send(part, zmq.SNDMORE | zmq.NOBLOCK, copy=len(part) < PLACED)
            self._socket.send(parts[-1], zmq.NOBLOCK, copy=len(parts[-1]) < PLACED)
            stirred = bool(self._socket.get(zmq.EVENTS) & zmq.POLLIN)
        if stirred:
            self._bridge.wake()

    def _forget(self, prefix: bytes) -> None:
        with self._lock:
            way = self._ways.pop(prefix, None)
            if way is not None:
                self._names.pop(way.key, None)

    def serve(self) -> None:
        """Reads who subscribes and who goes. For the bridge's thread."""
        self.wires.watch()
        with self._lock:
            while self._socket.get(zmq.EVENTS) & zmq.POLLIN:
                parts = self._socket.recv_multipart(zmq.NOBLOCK)
                what, prefix = parts[0][:1], parts[0][1:]
                way = self._ways.get(prefix)
                if len(parts) != 1 or what not in (b"\0", b"\1"):
                    self._bridge.count("garbage")
                elif way is None:
                    if what == b"\1":
                        self._bridge.count("subscription")
                elif what == b"\1":
                    self._socket.setsockopt(zmq.SUBSCRIBE, prefix)
                    way.readers += 1
                else:
                    way.readers -= 1  # not the end of it: another may have listened and come now
                    way.since = time.monotonic()

    def sweep(self, now: float) -> None:
        """Lets go of prefixes to which nobody subscribes, and of who sends more than subscriptions."""
        with self._lock:
            over = [way for way in self._ways.values() if way.readers <= 0 and now - way.since >= UNUSED]
        self._end(over)
        for wire in list(self.wires.found.values()):
            if wire.received() > MOST + HEARTBEATS * (now - wire.since):
                self._bridge.count("garbage")
                wire.cut(reset=True)

    def _end(self, over: list[_Way]) -> None:
        for way in over:
            self._forget(way.prefix)
            if way.reader is not None:
                way.reader.close()

    def close(self, linger: float) -> None:
        """Ends everything."""
        self._end(list(self._ways.values()))
        with self._lock:
            self._socket.disable_monitor()
            self.wires.close()
            self._socket.close(int(linger * 1000))


def _omitted(sample: Sample, lost: int) -> Nodes:
    """A sample without its value."""
    return messages.build(
        "sample",
        0,
        {
            "topic": sample.topic,
            "sequence": sample.sequence,
            "time": sample.time,
            "lost": lost,
            "omitted": sample.nbytes,
        },
    )
