"""A link to a hub in the same process: every message goes through frames, nothing through a network.

It can be cut (:meth:`MemoryLink.cut`), which is what the tests of lost connections need.
"""

from __future__ import annotations

import queue
from typing import Any

from arcuate.client import messages
from arcuate.client.net import Link
from arcuate.errors import ConnectionLost, LimitExceeded
from arcuate.hub import Connection, Credentials, Hub
from arcuate.hub.relay import error_message
from arcuate.values import frames
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes


class MemoryLink(Link):
    """Frames from hand to hand."""

    name = "memory"

    def __init__(
        self, hub: Hub, credentials: Credentials | None = None, limits: Limits | None = None
    ) -> None:
        self.hub = hub
        self.credentials = credentials or Credentials(local=True, protected=True)
        self.limits = limits or Limits()
        self.incoming: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.connection: Connection | None = None
        self.refuse = False
        self.connects = 0

    def connect(self, timeout: float) -> None:
        if self.connection is not None:
            self.connection.lost()
        if self.refuse:
            raise ConnectionLost("refused", executed="no")
        self.connects += 1
        incoming: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self.incoming = incoming
        self.connection = Connection(
            self.hub,
            lambda message: incoming.put(frames.to_bytes(message)),
            transport="memory",
            credentials=self.credentials,
        )

    def send(self, message: Nodes) -> None:
        if self.connection is None:
            raise ConnectionLost("cut")
        data = frames.to_bytes(message)
        try:
            arrived = frames.load(data, limits=self.connection.limits)
        except LimitExceeded as error:  # as a bridge does it
            number = messages.head(frames.load(data))[1]
            self.connection.answer(error_message(number, error))
            return
        self.connection.receive(arrived)

    def receive(self, timeout: float | None) -> Nodes | None:
        if self.connection is None:
            raise ConnectionLost("cut")
        try:
            data = self.incoming.get(timeout=timeout)
        except queue.Empty:
            return None
        if data == b"cut":
            self.connection = None
            raise ConnectionLost("cut")
        return None if data is None else frames.load(data, limits=self.limits)

    def cut(self) -> None:
        """Loses the connection, as if the network had failed; from any thread."""
        connection = self.connection
        if connection is not None:
            connection.lost()
        self.incoming.put(b"cut")

    def wake(self) -> None:
        self.incoming.put(None)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.lost()
            self.connection = None


def session(hub: Hub, environment: str = "python", **options: Any) -> Any:
    """A session over a memory link, and the link."""
    from arcuate.client import Session
    from arcuate.client.net.bus import BusTransport

    link = MemoryLink(hub)
    transport = BusTransport(link, environment, options)
    return Session(transport, name=environment), link
