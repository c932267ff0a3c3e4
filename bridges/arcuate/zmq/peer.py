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
from arcuate.zmq.segments import Segments, owner

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
        heard: a whole message has come from it since the bridge last looked.
        segments: files for large buffers, where it is a process of this user on a socket file.
        ending: when it is cut off at the latest, once its end is decided.
    """

    __slots__ = (
        "backlog", "connection", "ending", "gone", "heard", "identity", "inbox", "key", "port", "segments",
        "stuck", "wire", "working",
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
        self.heard = True
        self.segments: Segments | None = None
        self.ending: float | None = None
        self.connection = Connection(port.hub, self.send, transport="zmq", credentials=known, end=self.end)

    def send(self, message: Nodes) -> None:
        """Sends a message, from any thread, without waiting.

        Raises:
            ConnectionLost: the client is gone.
        """
        if self.segments is None:
            self.port.post(self, pack(message))
        else:
            self.segments.send(message)

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
    uid = owner(frame)
    if uid is not None:
        return Credentials(peer=f"ipc, user {uid}", local=uid == os.getuid(), protected=True), None
    address = _property(frame, "Peer-Address") or ""
    key = _property(frame, "User-Id") or None
    local = _loopback(address)
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
