"""What a session has sent and its client has not yet acknowledged, in the order of sending."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Set

from arcuate.client import messages
from arcuate.hub.relay import numbered, sized
from arcuate.values.nodes import Nodes

__all__ = ["Outbox"]


class Outbox:
    """Messages that may have to be sent again. Replies and callbacks are always kept, events up to a limit.

    Not safe for threads: the session holds its lock.
    """

    def __init__(self, events: int, event_bytes: int) -> None:
        self._events = events
        self._event_bytes = event_bytes
        self._kept: deque[tuple[int, bool, int, Nodes]] = deque()
        self._count = 0
        self._bytes = 0
        self._dropped = 0
        self._sequence = 0

    def put(self, message: Nodes, *, event: bool) -> list[Nodes]:
        """Numbers a message and keeps it; returns what is to be sent now.

        An event that does not fit any more is dropped; a ``dropped`` event precedes the next message then.
        """
        out: list[Nodes] = []
        size = -1
        if event:
            size = sized(message) + 64 * len(message.rows) + sum(len(row[7]) for row in message.rows)
            if self._count >= self._events or self._bytes + size > self._event_bytes:
                self._dropped += 1
                return out
        if self._dropped:
            number = messages.head(message)[1]
            lost = messages.build("event", number, {"type": "dropped", "count": self._dropped})
            out.append(self._keep(lost, 0))
            self._dropped = 0
        out.append(self._keep(message, size))
        return out

    def _keep(self, message: Nodes, size: int) -> Nodes:
        self._sequence += 1
        sent = numbered(message, self._sequence)
        event = size >= 0
        self._kept.append((self._sequence, event, max(size, 0), sent))
        if event:
            self._count += 1
            self._bytes += size
        return sent

    @property
    def room(self) -> bool:
        """Whether another event fits."""
        return self._count < self._events and self._bytes < self._event_bytes

    def forget(self, seen: int, others: Set[int] = frozenset()) -> None:
        """Lets go of what has arrived: all up to a number, and those beyond it."""
        while self._kept and self._kept[0][0] <= seen:
            self._gone(self._kept.popleft())
        if others:
            kept, self._kept = self._kept, deque()
            for one in kept:
                if one[0] in others:
                    self._gone(one)
                else:
                    self._kept.append(one)

    def _gone(self, one: tuple[int, bool, int, Nodes]) -> None:
        if one[1]:
            self._count -= 1
            self._bytes -= one[2]

    def after(self, seen: int) -> Iterator[Nodes]:
        """What has been sent after a number, in order."""
        self.forget(seen)
        return iter([message for _, _, _, message in self._kept])

    def reply_to(self, number: int) -> Nodes | None:
        """The kept reply or error of a request."""
        for _, event, _, message in reversed(self._kept):
            if not event:
                op, got = messages.head(message)
                if got == number and op in ("reply", "error"):
                    return message
        return None
