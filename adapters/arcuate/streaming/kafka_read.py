"""What Kafka brings to one reader, and what was acknowledged of it."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
from collections import OrderedDict
from functools import partial
from typing import TYPE_CHECKING, Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from arcuate.connector import DataError, IntegrationTimeout
from arcuate.errors import InvalidArgument
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed
from arcuate.streaming.kafka_errors import Troubles, error_of, translated

if TYPE_CHECKING:
    from arcuate.streaming.kafka import KafkaStream

__all__ = ["KafkaFeed"]

log = logging.getLogger(__name__)

Place = tuple[str, int]
"""A topic and the number of a partition."""


class KafkaFeed(Feed):
    """A consumer of its own: member of the group, or alone with all partitions.

    A partition is committed up to the first block that was not acknowledged.
    """

    def __init__(self, stream: KafkaStream, topics: tuple[str, ...], start: int | str) -> None:
        super().__init__()
        self._stream, self._topics, self._start = stream, topics, _start(start)
        self._codec = stream.codec()
        self._troubles = Troubles()
        self._turn, self._settling = threading.Lock(), threading.Lock()
        self._open: dict[Place, OrderedDict[int, bool]] = {}
        self._again: dict[Place, int] = {}
        self._first: Any = None
        self._problem: KafkaException | None = None
        self._assigned = self._closed = False
        config = stream.config
        times = config.timeouts
        session = round(config.session * 1000)
        self._consumer: Consumer = Consumer(
            {
                **stream.settings(self._troubles),
                "group.id": config.group or "arcuate-alone",
                "enable.auto.commit": bool(config.group),
                "auto.commit.interval.ms": 250,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "session.timeout.ms": session,
                "heartbeat.interval.ms": max(100, min(3000, session // 4)),
                "max.poll.interval.ms": max(300_000, session, round(times.call * 1000)),
                "queued.min.messages": config.buffer,
                "queued.max.messages.kbytes": max(1024, config.limit // 1024),
                "fetch.wait.max.ms": 100,
                "fetch.queue.backoff.ms": 5,  # the library's second without a fetch holds small buffers up
                "allow.auto.create.topics": False,
            }
        )

    # --- Beginning

    def begin(self) -> None:
        """Returns when everything that is published from now on comes."""
        wait = self._stream.config.timeouts.read
        parts = [TopicPartition(t, n) for t in self._topics for n in self._stream.partitions_of(t)]
        if not self._stream.config.group:
            self._consumer.assign(self._beginnings(parts, wait))
            return
        self._consumer.subscribe(
            list(self._topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
        )
        end = time.monotonic() + wait
        while not self._assigned and self._first is None:
            message = self._consumer.poll(0.05)
            if message is not None and message.error() is None:
                self._first = message
            elif message is not None:
                raise KafkaException(message.error())
            if time.monotonic() > end and not self._assigned:
                raise IntegrationTimeout(
                    f"{self._stream.name}: no place in the group {self._stream.config.group!r} in {wait:g} s",
                    service=self._stream.name,
                )
        self._tell()

    def _tell(self) -> None:
        """Raises what went wrong when the partitions were given out."""
        problem, self._problem = self._problem, None
        if problem is not None:
            raise problem

    def _on_assign(self, consumer: Any, parts: list[TopicPartition]) -> None:
        """A group that has not been here begins as the settings say, and keeps that: else it could lose
        blocks that came before its first acknowledgement.
        """
        wait = self._stream.config.timeouts.read
        try:
            known = consumer.committed(parts, wait) if parts else []
            fresh = self._beginnings([one for one in known if one.offset < 0], wait)
            if fresh:
                consumer.commit(offsets=fresh, asynchronous=False)
            consumer.assign([one for one in known if one.offset >= 0] + fresh)
        except KafkaException as error:  # raised in a callback, nobody could catch it
            self._problem = error
        self._assigned = True

    def _on_revoke(self, consumer: Any, parts: list[TopicPartition]) -> None:
        self._on_lost(consumer, parts)
        try:
            consumer.commit(asynchronous=False)
        except KafkaException:  # nothing to commit, or the group has gone on: the blocks come again
            return

    def _on_lost(self, consumer: Any, parts: list[TopicPartition]) -> None:
        with self._settling:
            for one in parts:
                self._open.pop((one.topic, one.partition), None)
                # Were it ours again, what was not acknowledged before this place would be passed over.
                self._again.pop((one.topic, one.partition), None)

    def _beginnings(self, parts: list[TopicPartition], wait: float) -> list[TopicPartition]:
        start = self._start
        if isinstance(start, dt.datetime):
            asked = [TopicPartition(o.topic, o.partition, round(start.timestamp() * 1000)) for o in parts]
            parts = self._consumer.offsets_for_times(asked, wait) if asked else []
        found = []
        for one in parts:
            low, high = self._consumer.get_watermark_offsets(one, wait)
            if isinstance(start, dt.datetime):
                at = one.offset if one.offset >= 0 else high
            elif isinstance(start, int):
                at = min(start, high)
                if start < low:
                    self.lost(one.topic, low - start, low)
                    at = low
            else:
                at = high if start == "new" else low
            found.append(TopicPartition(one.topic, one.partition, at))
        return found

    # --- Reading

    def next(self, timeout: float) -> Block | None:
        try:
            return self._next(timeout)
        except KafkaException as error:
            said = error_of(error)
            if said is None:
                raise
            raise translated(said, self._stream.name, self._stream.conceal) from error

    def _next(self, timeout: float) -> Block | None:
        with self._turn:
            if self._closed:
                raise EOFError
            self._tell()
            if self._again:
                self._rewind()
            message, self._first = self._first, None
            if message is None:  # one without a payload is there, though it is as false as b""
                message = self._consumer.poll(timeout)
            if message is None:
                self._patient()
                return None
            error = message.error()
            if error is not None:
                self._failed(error, message)
                return None
            self._troubles.well()
            return self._made(message)

    def _made(self, message: Any) -> Block | None:
        place, offset = (message.topic(), message.partition()), message.offset()
        settle = None
        if self._stream.config.group:
            with self._settling:
                self._open.setdefault(place, OrderedDict())[offset] = False
            settle = partial(self._settle, place, offset)
        headers = {name: _text(value) for name, value in message.headers() or () if value is not None}
        key = message.key()
        if key is not None:
            headers[self._stream.config.key_header] = _text(key)
        kind, stamp = message.timestamp()
        known: dict[str, Any] = {
            "topic": place[0],
            "sequence": offset,
            "id": f"{place[1]}:{offset}",
            "timestamp": stamp / 1000 if kind else None,
            "settle": settle,
        }
        payload = message.value()
        if payload is None:  # Kafka's "this key is gone"
            return Block(None, headers=headers, arrived=kind != 0, **known)
        return self._stream.decoded(
            lambda: self._codec.decode(payload, headers, **known),
            None if settle is None else partial(settle, True),
        )

    def _failed(self, error: KafkaError, message: Any) -> None:
        """What comes instead of a message."""
        if error.code() == KafkaError._AUTO_OFFSET_RESET:
            self._reset(TopicPartition(message.topic(), message.partition(), message.offset()))
        elif error.code() != KafkaError._PARTITION_EOF and not error.retriable():
            raise KafkaException(error)

    def _reset(self, at: TopicPartition) -> None:
        """The place where it read is gone: Kafka keeps messages for a while only."""
        low, high = self._consumer.get_watermark_offsets(at, self._stream.config.timeouts.read)
        if at.offset > high:
            raise DataError(
                f"{self._stream.name}: partition {at.partition} of {at.topic!r} ends at {high}, before "
                f"{at.offset}, which was to be read next: the topic was made anew; start with start='all'",
                service=self._stream.name,
            )
        self.lost(at.topic, low - at.offset if at.offset >= 0 else None, low)
        self._consumer.seek(TopicPartition(at.topic, at.partition, low if low >= 0 else OFFSET_BEGINNING))

    def _patient(self) -> None:
        """The library tries for ever to connect again; here it has so many seconds."""
        since, patience = self._troubles.since, self._stream.config.patience
        trouble = self._troubles.worst()
        if self._troubles.refusal is not None:
            raise KafkaException(self._troubles.refusal)
        if since is not None and trouble is not None and time.monotonic() - since > patience:
            try:
                self._consumer.list_topics(self._topics[0], timeout=self._stream.config.timeouts.connect)
            except KafkaException as error:
                raise translated(trouble, self._stream.name, self._stream.conceal) from error
            self._troubles.well()

    # --- Acknowledging

    def _settle(self, place: Place, offset: int, done: bool) -> None:
        with self._settling:
            open_ = self._open.get(place)
            if open_ is None or offset not in open_ or self._closed:
                return  # its partition is another reader's by now, who gets it again
            if not done:
                self._again[place] = min(offset, self._again.get(place, offset))
                return
            open_[offset] = True
            after = None
            while open_ and open_[first := next(iter(open_))]:
                del open_[first]
                after = first + 1
            if after is not None:
                try:
                    self._consumer.store_offsets(offsets=[TopicPartition(*place, after)])
                except KafkaException as error:
                    said = error_of(error)
                    if said is None or said.code() != KafkaError._STATE:  # not ours any more
                        raise

    def _rewind(self) -> None:
        """What is wanted again, and all after it in its partition, is read again."""
        for place in list(self._again):
            with self._settling:
                offset = self._again[place]
                try:
                    self._consumer.seek(TopicPartition(*place, offset))
                except KafkaException as error:
                    said = error_of(error)
                    if said is None or said.code() != KafkaError._STATE:
                        raise  # it is tried again: what comes after it must not be acknowledged instead
                del self._again[place]
                for one in [one for one in self._open.get(place, ()) if one >= offset]:
                    del self._open[place][one]

    # --- The end

    def close(self) -> None:
        with self._turn:
            with self._settling:
                if self._closed:
                    return
                self._closed = True
            # Commits what was acknowledged, and leaves the group. Where a server does not answer, the library
            # tries for a minute or more; it may do so by itself.
            last = threading.Thread(target=self._consumer.close, name="arcuate-kafka-close", daemon=True)
            last.start()
            last.join(self._stream.config.timeouts.connect)
            if last.is_alive():
                log.warning(
                    "no server answered when a reader was closed: what it acknowledged last may come again",
                    extra={"service": self._stream.name},
                )


def _text(value: bytes | str) -> str:
    """A key or header: bytes that are no UTF-8 are kept as surrogates."""
    return value if isinstance(value, str) else bytes(value).decode("utf-8", "surrogateescape")


def _start(start: int | str) -> int | str | dt.datetime:
    if isinstance(start, bool) or (isinstance(start, int) and start < 0):
        raise InvalidArgument(f"start is an offset of 0 or more; got {start!r}")
    if isinstance(start, int) or start in ("new", "all"):
        return start
    if start.isascii() and start.isdigit():
        return int(start)
    try:
        when = dt.datetime.fromisoformat(start.replace("Z", "+00:00"))
    except ValueError:
        raise InvalidArgument(
            f"start is 'new', 'all', an offset, or a time such as 2026-11-28T12:00:00+00:00; got {start!r}"
        ) from None
    if when.tzinfo is None:
        raise InvalidArgument(f"the time {start!r} has no zone; write 2026-11-28T12:00:00+00:00")
    return when
