"""One client of a ROUTER socket."""

from __future__ import annotations

import ipaddress
import os
import time
from collections import deque
from typing import TYPE_CHECKING, Any

import zmq

from arcuate.client.net.parts import Part, pack
from arcuate.hub import Connection, Credentials
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.zmq.port import Port
    from arcuate.zmq.wires import Wire

__all__ = ["Peer", "credentials"]


class Peer:
    """A client.

    Attributes:
        identity: by what the ROUTER knows it: chosen by the ROUTER, new for each connection.
        connection: its connection to the hub.
        backlog: messages that ZeroMQ did not take yet.
        stuck: since when the first of them waits.
        inbox: messages that wait until a large one before them has been read.
        gone: nothing can be sent to it any more.
        ending: when it is cut off at the latest, once its end is decided.
    """

    __slots__ = (
        "backlog", "connection", "ending", "gone", "identity", "inbox", "key", "port", "stuck", "wire",
        "working",
    )  # fmt: skip

    def __init__(
        self, port: Port, identity: bytes, wire: Wire | None, known: Credentials, key: str | None
    ) -> None:
        self.port = port
        self.identity = identity
        self.wire = wire
        self.key = key
        self.backlog: deque[list[Part]] = deque()
        self.stuck = 0.0
        self.inbox: deque[tuple[Any, list[memoryview]]] = deque()
        self.working = False
        self.gone = False
        self.ending: float | None = None
        self.connection = Connection(port.hub, self.send, transport="zmq", credentials=known, end=self.end)

    def send(self, message: Nodes) -> None:
        """Sends a message, from any thread, without waiting.

        Raises:
            ConnectionLost: the client is gone.
        """
        self.port.post(self, pack(message))

    def end(self) -> None:
        """The connection is over as soon as what was sent has had time to arrive."""
        if self.ending is None:
            self.ending = time.monotonic() + 0.5
            self.port.wake()


def credentials(frame: zmq.Frame, authorised: bool) -> tuple[Credentials, str | None]:
    """What ZeroMQ knows of the sender of a part, and its CURVE key.

    Args:
        frame: the part.
        authorised: whether keys were compared with a list; otherwise a key says nothing about who it is.
    """
    address = _property(frame, "Peer-Address") or ""
    key = _property(frame, "User-Id") or None
    host, _, rest = (
        address.partition(":") if address.count(":") == 3 and "." not in address else (address, "", "")
    )
    if rest:  # a socket file: the kernel says whose process it is, as "localhost:uid:gid:pid"
        uid = int(rest.split(":")[0])
        found = Credentials(peer=f"ipc, user {uid}", local=uid == os.getuid(), protected=True)
        return found, None
    local = _loopback(host)
    curve = key if authorised else None
    return Credentials(curve=curve, peer=address, local=local, protected=local or key is not None), key


def _property(frame: zmq.Frame, name: str) -> str | None:
    try:
        found = frame.get(name)
    except zmq.ZMQError:
        return None
    return found if isinstance(found, str) else None


def _loopback(host: str) -> bool:
    try:
        found = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)
