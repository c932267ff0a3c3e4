"""Streams: topics of numbered samples, with a bounded past and a policy for those who read slowly.

A bridge whose protocol carries messages of the bus needs nothing of this: :class:`arcuate.hub.Connection`
serves ``publish`` and ``subscribe``. Others use it directly::

    number = hub.streams.publish(principal, "eeg", nodes)            # may wait for slow subscribers
    hub.streams.offer(principal, "eeg", nodes, done)                 # never waits
    reader = hub.streams.subscribe(principal, "eeg", deliver)        # deliver(sample, lost)
    reader.more(100)                                                 # so many may come now
    reader.close()

Values are relayed as :class:`~arcuate.values.nodes.Nodes` and never decoded. ``deliver`` is called under a
lock of the streams, from whichever thread published, so it must only hand the sample on.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    CallTimeout,
    InvalidArgument,
    LimitExceeded,
    PermissionDenied,
    RateLimited,
    Unavailable,
)
from arcuate.hub.relay import sized
from arcuate.hub.topics import POLICIES, Deliver, Done, Ended, Ledger, Offer, Sample, Subscription, Topic
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub.config import LimitsConfig
    from arcuate.hub.principal import Principal

__all__ = ["BUFFER", "POLICIES", "Sample", "Streams", "Subscription"]

BUFFER = 100
"""Samples that may wait for a subscriber that does not say."""
_NAME = 256
_PUBLISHERS = 1000
_UNUSED = 60.0
"""Seconds after which a topic that nobody reads or fills may make room for another."""


class Streams:
    """All topics of a hub.

    Args:
        limits: gives the hub's limits as they are now.
    """

    def __init__(self, limits: Callable[[], LimitsConfig]) -> None:
        self._current = limits
        self._lock = threading.RLock()
        self._topics: dict[str, Topic] = {}
        self._ledger = Ledger()
        self._epoch = secrets.randbits(52) + 1
        self._offered = 0
        self._closed: ArcuateError | None = None

    @property
    def _limits(self) -> LimitsConfig:
        return self._current()

    # ---------------------------------------------------------------- publish

    def publish(
        self, principal: Principal, topic: str, value: Nodes, *, timeout: float | None = None, **source: Any
    ) -> int:
        """Publishes a value and waits until it is taken.

        Args:
            principal: who publishes.
            topic: name of the topic; it begins with its first sample or subscriber.
            value: the value; not to be changed afterwards.
            timeout: seconds to wait for subscribers with the policy ``block``.
            source: ``publisher`` and ``number``, as for :meth:`offer`.

        Returns:
            The sample's number in its topic.
        """
        ready = threading.Event()
        found: list[int | ArcuateError] = []

        def done(result: int | ArcuateError) -> None:
            found.append(result)
            ready.set()

        self.offer(principal, topic, value, done, timeout=timeout, **source)
        ready.wait()
        result = found[0]
        if isinstance(result, ArcuateError):
            raise result
        return result

    def offer(
        self,
        principal: Principal,
        topic: str,
        value: Nodes,
        done: Done,
        *,
        timeout: float | None = None,
        publisher: str = "",
        number: int = 0,
    ) -> None:
        """Publishes a value without waiting.

        Args:
            principal: who publishes.
            topic: name of the topic.
            value: the value; not to be changed afterwards.
            done: told its number, or the error; at once, or by another thread when there is room.
            timeout: seconds that it may wait for room.
            publisher: a name, made up by the publisher, under which it counts its samples, so that one which
                it sends again after a lost connection is not taken twice.
            number: its count: higher than that of its last sample, or the same for the same sample.

        Raises:
            PermissionDenied: the principal may not publish there.
            LimitExceeded: too much waits already, or there are too many topics.
        """
        allowed(principal.publish, principal, _named(topic), "publish to")
        nbytes = _memory(value)
        limits = self._limits
        if nbytes > limits.stream_bytes:
            raise LimitExceeded(
                f"a sample of {nbytes:,} bytes exceeds the {limits.stream_bytes:,} bytes that all topics "
                "together may keep; raise the setting 'stream_bytes'",
                setting="stream_bytes",
            )
        with self._lock:
            place = self._topic(topic)
            key = f"{principal.name}\n{publisher}" if publisher else None
            if key is not None and self._again(place, key, number, done):
                return
            if not place.offers and not place.blocked() and self._room(place, nbytes):
                self._take(place, value, nbytes, done, key)
                return
            if len(place.offers) >= limits.queue or self._offered + nbytes > limits.stream_bytes:
                self._forget(place, key)
                raise LimitExceeded(
                    f"{len(place.offers)} samples wait for slow subscribers of {topic!r} already; publish "
                    "slower, or subscribe with another policy than 'block'",
                    setting="queue",
                )
            seconds = limits.block_seconds
            late: ArcuateError = RateLimited(
                f"the subscribers of {topic!r} that may not lose anything have had no room for {seconds:g} s "
                "(setting 'block_seconds'); the sample was not taken"
            )
            if timeout is not None and timeout < seconds:
                seconds = timeout
                late = CallTimeout(f"the subscribers of {topic!r} had no room in time")
            self._offered += nbytes
            place.offers.append(Offer(value, nbytes, done, time.monotonic() + seconds, late, key))

    def _again(self, place: Topic, key: str, number: int, done: Done) -> bool:
        """Whether a sample came before; ``done`` is told its number then."""
        last, sequence = place.recent.get(key, (-1, 0))
        if number < last:
            raise InvalidArgument(f"a publisher counts its samples upwards: {number} after {last}")
        place.recent[key] = (number, sequence if number == last else 0)
        place.recent.move_to_end(key)
        while len(place.recent) > _PUBLISHERS:
            place.recent.popitem(last=False)
        if number != last:
            return False
        if sequence:
            done(sequence)
            return True
        for offer in place.offers:
            if offer.key == key:
                offer.done = done
                return True
        return False

    def _forget(self, place: Topic, key: str | None) -> None:
        if key is not None:
            place.recent.pop(key, None)

    def _take(self, place: Topic, value: Nodes, nbytes: int, done: Done, key: str | None) -> None:
        place.used = time.monotonic()
        sequence = place.append(value, nbytes, time.time())
        if key is not None and key in place.recent:
            place.recent[key] = (place.recent[key][0], sequence)
        done(sequence)

    def _room(self, place: Topic, nbytes: int) -> bool:
        """Makes room for a sample; ``False`` when subscribers of the topic hold it that may not lose any."""
        while self._ledger.nbytes + nbytes > self._limits.stream_bytes:
            if self._reclaim():
                continue
            if any(reader.policy == "block" and reader.waiting for reader in place.readers):
                return False
            raise LimitExceeded(
                "slow subscribers of other topics hold all that topics may keep (setting 'stream_bytes'); "
                "try again later",
                setting="stream_bytes",
            )
        return True

    def _reclaim(self) -> bool:
        """Lets go of the oldest sample of the topic that holds most, unless somebody may not lose it."""
        for one in sorted(self._topics.values(), key=lambda one: one.nbytes, reverse=True):
            if not one.log:
                return False
            first = next(iter(one.log))
            holders = [reader for reader in one.readers if reader.at == first]
            if any(reader.policy == "block" for reader in holders):
                continue
            if one.oldest == first:
                one.forget()
            for reader in holders:
                reader.spill()
            one.tidy()
            return True
        return False

    def _retry(self, place: Topic) -> None:
        """Takes what waits for room, as far as there is some."""
        while place.offers and not place.blocked():
            offer = place.offers[0]
            try:
                if not self._room(place, offer.nbytes):
                    return
            except LimitExceeded:
                return
            place.offers.popleft()
            self._offered -= offer.nbytes
            self._take(place, offer.value, offer.nbytes, offer.done, offer.key)

    # -------------------------------------------------------------- subscribe

    def subscribe(
        self,
        principal: Principal,
        topic: str,
        deliver: Deliver,
        *,
        ended: Ended | None = None,
        start: int | None = None,
        epoch: int | None = None,
        policy: str = "drop",
        buffer: int = BUFFER,
        credit: int = 0,
    ) -> Subscription:
        """Reads a topic from now on, or from a sample that is still kept.

        Args:
            principal: who reads.
            topic: name of the topic.
            deliver: takes each sample and how many before it were lost; must not block.
            ended: told when the hub ends the subscription.
            start: first sample wanted: 0 the oldest that is kept, ``None`` those that come from now on.
            epoch: the life of the topic that ``start`` belongs to; in another one all that is kept is new.
            policy: ``drop``, ``block`` or ``disconnect``: what happens when ``buffer`` is full.
            buffer: samples that may wait for it.
            credit: samples that may be delivered at once, before :meth:`Subscription.more`.

        Raises:
            PermissionDenied: the principal may not read there.
            InvalidArgument: there is no such policy, or the buffer is no number that may be.
        """
        allowed(principal.subscribe, principal, _named(topic), "subscribe to")
        if policy not in POLICIES:
            raise InvalidArgument(f"the policy is one of {', '.join(POLICIES)}, not {str(policy)[:40]!r}")
        most = self._limits.stream_buffer
        if not 1 <= buffer <= most:
            raise InvalidArgument(f"'buffer' is 1 to {most} (setting 'stream_buffer'), not {buffer}")
        if start is not None and start < 0:
            raise InvalidArgument(f"samples are counted from 1, and 0 means the oldest kept; not {start}")
        with self._lock:
            place = self._topic(topic)
            if epoch is not None and epoch != place.epoch:
                start = 0
            found = Subscription(self, place, principal, deliver, ended, policy, buffer, start)
            place.readers.append(found)
            found.add(max(0, credit))
            place.tidy()
            return found

    def more(self, reader: Subscription, count: int) -> None:
        """Gives a subscription credit."""
        if count <= 0:
            return
        with self._lock:
            if reader.open:
                reader.add(count)
                reader.topic.tidy()
                self._retry(reader.topic)

    def unsubscribe(self, reader: Subscription) -> None:
        """Ends a subscription."""
        with self._lock:
            reader.open = False
            self._settle(reader.topic)

    def _settle(self, place: Topic) -> None:
        """After the end of a subscription: its samples are let go, those who waited for it go on."""
        place.tidy()
        self._retry(place)
        if place.next == 1 and not place.readers and not place.offers:
            self._drop(place)

    # ------------------------------------------------------------------ about

    def topics(self, principal: Principal) -> list[dict[str, Any]]:
        """The topics that a principal may use: ``topic``, ``next``, ``oldest``, ``subscribers``."""
        patterns = (*principal.subscribe, *principal.publish)
        with self._lock:
            return [
                {
                    "topic": one.name,
                    "next": one.next,
                    "oldest": one.oldest,
                    "subscribers": sum(reader.open for reader in one.readers),
                }
                for one in sorted(self._topics.values(), key=lambda one: one.name)
                if _matches(one.name, patterns)
            ]

    @property
    def nbytes(self) -> int:
        """Memory of all samples that are kept, about."""
        with self._lock:
            return self._ledger.nbytes + self._offered

    def waiting(self, topic: str) -> int:
        """Samples of a topic that wait until slow subscribers have room."""
        with self._lock:
            found = self._topics.get(topic)
            return len(found.offers) if found is not None else 0

    def tick(self, now: float) -> None:
        """Gives up what has waited too long, and ends subscriptions whose principal's time is over."""
        today = time.time()
        with self._lock:
            for place in list(self._topics.values()):
                late = [offer for offer in place.offers if now >= offer.end]
                for offer in late:
                    if offer not in place.offers:
                        continue  # taken meanwhile, since a subscriber has gone
                    place.offers.remove(offer)
                    self._offered -= offer.nbytes
                    self._forget(place, offer.key)
                    offer.done(offer.late)
                for reader in list(place.readers):
                    expires = reader.principal.expires
                    if reader.open and expires is not None and today >= expires:
                        reader.end(
                            AuthenticationFailed(f"the credentials of {reader.principal.name!r} have expired")
                        )
                if late or not all(reader.open for reader in place.readers):
                    self._settle(place)

    def close(self) -> None:
        """Ends all subscriptions and refuses what waits."""
        over = Unavailable("the hub is shutting down")
        with self._lock:
            self._closed = over
            for place in list(self._topics.values()):
                offers, place.offers = list(place.offers), type(place.offers)()
                for offer in offers:
                    offer.done(over)
                for reader in list(place.readers):
                    reader.end(over)
            self._topics.clear()
            self._ledger.nbytes = self._offered = 0

    def _topic(self, name: str) -> Topic:
        """The topic of a name, new where there is none."""
        if self._closed is not None:
            raise self._closed
        found = self._topics.get(name)
        if found is None:
            limits = self._limits
            if len(self._topics) >= limits.topics:
                self._replace(time.monotonic() - _UNUSED)
            found = Topic(name, self._epoch, self._ledger, limits.replay, limits.replay_bytes)
            self._topics[name] = found
            found.used = time.monotonic()
        return found

    def _replace(self, before: float) -> None:
        unused = [
            one for one in self._topics.values() if not one.readers and not one.offers and one.used < before
        ]
        if not unused:
            raise LimitExceeded(
                f"there are {len(self._topics)} topics, as many as may be; use one of them, or raise the "
                "setting 'topics'",
                setting="topics",
            )
        self._drop(min(unused, key=lambda one: one.used))

    def _drop(self, place: Topic) -> None:
        self._ledger.nbytes -= place.nbytes
        self._topics.pop(place.name, None)
        if place.next > 1:  # should it come again, then its numbers begin anew
            self._epoch += 1


def allowed(patterns: Iterable[str], principal: Principal, topic: str, what: str) -> None:
    """Refuses a topic that matches none of the patterns."""
    if not _matches(topic, patterns):
        raise PermissionDenied(f"{principal.name!r} may not {what} the topic {topic!r}")


def _matches(topic: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(topic, pattern) for pattern in patterns)


def _named(topic: Any) -> str:
    if not isinstance(topic, str) or not topic or len(topic) > _NAME or not topic.isprintable():
        raise InvalidArgument(f"a topic's name is a text of 1 to {_NAME} printable characters")
    return topic


def _memory(value: Nodes) -> int:
    return sized(value) + 64 * len(value.rows) + sum(len(row[7]) for row in value.rows)
