"""What a session needs of whatever stands between it and its interpreter:

a worker process here, a hub elsewhere.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

from arcuate.errors import ProtocolError
from arcuate.values.nodes import Nodes
from arcuate.values.record import field, record

__all__ = ["Call", "Greeting", "Transport", "own_call"]


@record(frozen=True)
class Greeting:
    """What the other side said of itself.

    Attributes:
        language: the language, as a person writes it.
        version: the interpreter's version.
        pid: its process id.
        order: memory order that arrays are sent in: ``"F"``, ``"C"`` or ``"any"``.
        vectors: whether plain lists become vectors there, and length-1 vectors are that language's scalars.
        features: further features, as announced.
        info: what it says about itself (packages, paths).
    """

    language: str = ""
    version: str = ""
    pid: int = 0
    order: str = "any"
    vectors: bool = False
    features: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)


class Call:
    """One request under way: what the transport needs to serve it.

    Attributes:
        id: its number, chosen by the session.
        deadline: ``time.monotonic()`` at which its time is over, or ``None``.
        on_event: called with each event (a mapping with ``type``) on the thread that waits.
        on_callback: called with a ``callback`` message; returns the answer to send.
        cancelled: set by :meth:`Transport.interrupt`.
        stopped: set by the transport when its time was over, or it was cancelled, at the end of a callback.
    """

    __slots__ = ("cancelled", "deadline", "id", "on_callback", "on_event", "stopped")

    def __init__(
        self,
        number: int,
        deadline: float | None,
        on_event: Callable[[Mapping[str, Any]], None],
        on_callback: Callable[[Nodes], Nodes],
    ) -> None:
        self.id = number
        self.deadline = deadline
        self.on_event = on_event
        self.on_callback = on_callback
        self.cancelled = False
        self.stopped = False


def own_call(number: int, deadline: float | None) -> Call:
    """A request of the transport itself, such as a greeting: events are dropped, functions not given."""

    def refuse(message: Nodes) -> Nodes:
        raise ProtocolError("the other side calls back where no function was given")

    return Call(number, deadline, lambda event: None, refuse)


class Transport(ABC):
    """A channel to one interpreter.

    Attributes:
        greeting: what the other side said of itself.
        name: how the transport is called in ``info``.
        generation: grows by one with every new interpreter behind the same session; handles of an older one
            are stale.
        place: the hub that has the session and its name there; sessions of one hub may hold objects of each
            other.
    """

    name = ""
    place: tuple[str, str] | None = None
    greeting: Greeting
    generation: int

    @abstractmethod
    def exchange(self, message: Nodes, call: Call) -> Nodes:
        """Sends a request and returns its ``reply``, serving events and callbacks in between.

        May be called again from inside a callback, by the same thread, and by one thread at a time otherwise.

        Raises:
            ArcuateError: the ``error`` that came back, or what befell the channel.
        """

    @property
    def deadline(self) -> float | None:
        """``time.monotonic()`` at which the time of the call that runs is over, or ``None``."""
        return None

    @abstractmethod
    def post(self, message: Nodes) -> None:
        """Sends a message that is not answered."""

    @abstractmethod
    def interrupt(self, number: int | None = None) -> bool:
        """Interrupts the running call (only if it has that number).

        Safe to call from any thread. Says whether one was running.
        """

    def abort(self) -> None:  # noqa: B027  (not every channel needs it)
        """Has the running call fail soon, which did not heed an interrupt; :meth:`close` follows.

        Safe to call from any thread: what the thread of the call waits on stays as it is.
        """

    @abstractmethod
    def restart(self) -> None:
        """Replaces the interpreter by a fresh one."""

    @abstractmethod
    def close(self) -> None:
        """Ends the interpreter and frees everything. Idempotent."""
