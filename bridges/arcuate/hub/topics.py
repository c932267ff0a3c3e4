"""A topic of a hub: the samples that are kept, and those who read them.

Everything here runs under the one lock of :class:`arcuate.hub.streams.Streams`.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from arcuate.errors import ArcuateError, LimitExceeded
from arcuate.values import codes
from arcuate.values.nodes import Nodes, float_bits

if TYPE_CHECKING:
    from arcuate.hub.principal import Principal
    from arcuate.hub.streams import Streams

__all__ = ["POLICIES", "Deliver", "Done", "Ended", "Ledger", "Offer", "Sample", "Subscription", "Topic"]

POLICIES = ("drop", "block", "disconnect")
"""What happens when a subscriber's buffer is full: its oldest sample is dropped, the publisher waits, or the
subscription ends."""
_MOST_CREDIT = 1 << 20

Deliver = Callable[["Sample", int], None]
"""Takes a sample, and how many before it were lost to this subscriber. Must not block; an exception ends the
subscription."""
Ended = Callable[[ArcuateError], None]
"""Told why a subscription was ended by the hub."""
Done = Callable[["int | ArcuateError"], None]
"""Told the sequence number of a sample, or why it was not taken."""


class Sample:
    """One value of a topic.

    Attributes:
        topic: name of the topic.
        sequence: its number: 1, 2, 3, ...
        time: when the hub took it, in seconds since 1970.
        value: the value as it came; shared by all who read it, never to be changed.
        nbytes: the memory that it takes, about.
    """

    __slots__ = ("nbytes", "sequence", "time", "topic", "value")

    def __init__(self, topic: str, sequence: int, time: float, value: Nodes, nbytes: int) -> None:
        self.topic = topic
        self.sequence = sequence
        self.time = time
        self.value = value
        self.nbytes = nbytes

    def message(self, number: int, lost: int) -> Nodes:
        """The ``sample`` message for the subscription of that id."""
        first = self.value.rows[0]
        rows = [
            (codes.MAPPING, 0, 0, 0, 7, 0, "", ""),
            (codes.TEXT, 0, 0, 0, 0, 0, "op", "sample"),
            (codes.INT, 0, 0, 0, 0, number, "id", ""),
            (codes.TEXT, 0, 0, 0, 0, 0, "topic", self.topic),
            (codes.INT, 0, 0, 0, 0, self.sequence, "sequence", ""),
            (codes.FLOAT, 0, 0, 0, 0, float_bits(self.time), "time", ""),
            (codes.INT, 0, 0, 0, 0, lost, "lost", ""),
            (*first[:6], "value", first[7]),
            *self.value.rows[1:],
        ]
        return Nodes(rows, self.value.pool, list(self.value.buffers))


class Subscription:
    """One reader of a topic; made by :meth:`arcuate.hub.streams.Streams.subscribe`.

    Attributes:
        principal: whose it is.
        topic: the topic.
        policy: one of :data:`POLICIES`.
        buffer: samples that may wait.
        at: number of the next sample that it is sent.
        credit: samples that may be sent before more credit comes.
        lost: samples that were not delivered, in all.
        open: whether it goes on.
    """

    __slots__ = (
        "_allowance",
        "_gap",
        "_streams",
        "at",
        "buffer",
        "credit",
        "deliver",
        "ended",
        "lost",
        "open",
        "policy",
        "principal",
        "topic",
    )

    def __init__(
        self,
        streams: Streams,
        topic: Topic,
        principal: Principal,
        deliver: Deliver,
        ended: Ended | None,
        policy: str,
        buffer: int,
        start: int | None,
    ) -> None:
        self._streams = streams
        self.topic = topic
        self.principal = principal
        self.deliver = deliver
        self.ended = ended
        self.policy = policy
        self.buffer = buffer
        self.credit = 0
        self.open = True
        self.at = topic.next
        self.lost = self._gap = 0
        if start is not None:
            self.at = min(max(start, topic.oldest), topic.next)
            if 0 < start < self.at:
                self.lost = self._gap = self.at - start
        # What was there before the subscription does not count as waiting until it has been read.
        self._allowance = buffer + self.waiting

    @property
    def waiting(self) -> int:
        """Samples that wait for credit."""
        return self.topic.next - self.at

    @property
    def full(self) -> bool:
        """Whether another sample would be one too many."""
        return self.waiting >= self._allowance and not self.credit

    def more(self, count: int) -> None:
        """Gives credit: so many more samples may be sent."""
        self._streams.more(self, count)

    def close(self) -> None:
        """Ends it. Idempotent; nothing is delivered afterwards."""
        self._streams.unsubscribe(self)

    # ------------------------------------------------------- under the lock

    def pump(self) -> None:
        """Delivers what waits, as far as the credit goes."""
        while self.open and self.credit and self.at < self.topic.next:
            sample = self.topic.log[self.at]
            gap, self._gap = self._gap, 0
            self.at += 1
            self.credit -= 1
            try:
                self.deliver(sample, gap)
            except Exception:
                self.open = False  # whoever reads is gone
        if self.waiting <= self.buffer:
            self._allowance = self.buffer

    def add(self, count: int) -> None:
        """Takes more credit."""
        self.credit = min(self.credit + count, _MOST_CREDIT)
        self.pump()

    def spill(self) -> None:
        """Does what the policy says when there is no room: drops the oldest sample, or ends."""
        if self.policy == "drop":
            self.at += 1
            self.lost += 1
            self._gap += 1
        else:
            self.end(
                LimitExceeded(
                    f"the subscriber of {self.topic.name!r} did not keep up: {self.waiting} samples wait, "
                    f"more than its buffer of {self.buffer}; the next is number {self.at}. Subscribe again "
                    "from there, read faster, or raise 'buffer'",
                    setting="buffer",
                )
            )

    def arrived(self) -> None:
        """A sample has come."""
        self.pump()
        while self.open and self.policy != "block" and self.waiting > self._allowance:
            self.spill()

    def end(self, reason: ArcuateError) -> None:
        """Ends it and says why."""
        if self.open:
            self.open = False
            if self.ended is not None:
                self.ended(reason)


class Offer:
    """A sample that waits until subscribers with the policy ``block`` have room."""

    __slots__ = ("done", "end", "key", "late", "nbytes", "value")

    def __init__(
        self, value: Nodes, nbytes: int, done: Done, end: float, late: ArcuateError, key: str | None
    ) -> None:
        self.value = value
        self.nbytes = nbytes
        self.done = done
        self.end = end
        self.late = late
        self.key = key


class Ledger:
    """Memory of all topics together."""

    __slots__ = ("nbytes",)

    def __init__(self) -> None:
        self.nbytes = 0


class Topic:
    """Samples by number, and their readers.

    Attributes:
        name: the name.
        epoch: another one for every life of the topic; numbers of different lives do not compare.
        next: the number that the next sample gets.
        oldest: the first number that late subscribers can have.
        log: the samples that are kept, by number; older ones than ``oldest`` only for slow subscribers.
        nbytes: memory of the samples in the log.
        readers: the subscriptions.
        offers: samples that wait for room.
        recent: of each publisher the number of its last sample here, and the number that it got.
        used: when it was last of use.
    """

    def __init__(self, name: str, epoch: int, ledger: Ledger, replay: int, replay_bytes: int) -> None:
        self.name = name
        self.epoch = epoch
        self.next = 1
        self.oldest = 1
        self.log: dict[int, Sample] = {}
        self.nbytes = 0
        self.readers: list[Subscription] = []
        self.offers: deque[Offer] = deque()
        self.recent: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self.used = 0.0
        self._ledger = ledger
        self._replay = replay
        self._replay_bytes = replay_bytes
        self._kept_bytes = 0

    def blocked(self) -> bool:
        """Whether a subscriber that may not lose anything has no room."""
        return any(one.open and one.policy == "block" and one.full for one in self.readers)

    def append(self, value: Nodes, nbytes: int, now: float) -> int:
        """Takes a sample and delivers it. Returns its number."""
        number = self.next
        self.log[number] = Sample(self.name, number, now, value, nbytes)
        self.next += 1
        self.nbytes += nbytes
        self._ledger.nbytes += nbytes
        self._kept_bytes += nbytes
        while self.next - self.oldest > self._replay or self._kept_bytes > self._replay_bytes:
            self.forget()
        for one in list(self.readers):
            one.arrived()
        self.tidy()
        return number

    def forget(self) -> None:
        """Keeps one sample less for late subscribers."""
        self._kept_bytes -= self.log[self.oldest].nbytes
        self.oldest += 1

    def tidy(self) -> None:
        """Lets go of subscriptions that have ended and of samples that nobody needs."""
        if not all(one.open for one in self.readers):
            self.readers = [one for one in self.readers if one.open]
        needed = min((one.at for one in self.readers), default=self.next)
        needed = min(needed, self.oldest)
        for number in list(self.log) if len(self.log) > self.next - needed else ():
            if number >= needed:
                break
            nbytes = self.log.pop(number).nbytes
            self.nbytes -= nbytes
            self._ledger.nbytes -= nbytes
