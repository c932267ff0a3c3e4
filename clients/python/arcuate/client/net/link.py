"""What carries messages to a hub and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

__all__ = ["Link"]


class Link(ABC):
    """One connection to a hub, which can be made again when it is lost.

    Messages go out and come in order. One thread sends and receives at a time; :meth:`wake` alone may be
    called from any thread, and from a signal handler.

    Attributes:
        name: the protocol, as ``Session.info`` shows it: ``grpc``, ``zmq`` or ``http``.
        limits: what is accepted; a link checks sizes before it allocates.
        features: what this side's ``hello`` offers the hub.
        ending: set from any thread by who wants to close it: a :meth:`send` that waits for a hub which takes
            nothing gives up.
        refused: the other side ended the connection since it does not take what it was sent.
    """

    name = ""
    limits: Limits
    features: tuple[str, ...] = ()
    ending = False
    refused = False

    @abstractmethod
    def connect(self, timeout: float) -> None:
        """Connects, or connects anew. What was under way on the old connection is forgotten.

        Raises:
            ConnectionLost: nobody answers (``executed="no"``).
            AuthenticationFailed: the other side refuses who we are, or is not who it should be.
        """

    def greeted(self, hello: Mapping[str, Any]) -> None:
        """Told what the hub has said of itself on a fresh connection."""
        del hello

    @abstractmethod
    def send(self, message: Nodes) -> None:
        """Sends a message; may block while the other side does not read.

        Raises:
            ConnectionLost: the connection broke.
            LimitExceeded: the message is larger than this protocol or the hub allows.
        """

    @abstractmethod
    def receive(self, timeout: float | None) -> Nodes | None:
        """The next message, or ``None`` when ``timeout`` seconds have passed or :meth:`wake` was called.

        Raises:
            ConnectionLost: the connection broke.
            ProtocolError: what came cannot be understood; the link must be connected anew.
        """

    @abstractmethod
    def wake(self) -> None:
        """Makes a :meth:`receive` that waits, or the next one, return at once."""

    @abstractmethod
    def close(self) -> None:
        """Closes the connection. Idempotent; also in a forked child, where it only lets go."""
