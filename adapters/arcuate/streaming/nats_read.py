"""What NATS brings to one reader: messages as they are published, or what JetStream has kept."""

from __future__ import annotations

import asyncio
import json
import time
from abc import abstractmethod
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import nats.errors
import nats.js.errors
from nats.aio.subscription import Subscription
from nats.js import api

from arcuate.connector import DataError, NotFoundError
from arcuate.streaming.block import Block
from arcuate.streaming.feed import QueueFeed
from arcuate.streaming.loop import LoopThread
from arcuate.streaming.nats_errors import translated
from arcuate.streaming.nats_flush import flushed

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from arcuate.streaming.nats import NATSStream

__all__ = ["CoreFeed", "JetFeed", "NATSFeed"]

_ACK, _NAK, _TERM, _PROGRESS = b"+ACK", b"-NAK", b"+TERM", b"+WPI"
_STALE = 1 << 62
"""Number of a consumer that is being replaced: what still comes of the old one is not taken."""
_HELD, _OVERHEAD = 64 << 20, 512
"""Bytes that wait for a reader at most, and what a message takes beside its own."""
_FIRST = 64
"""Messages that are asked for before anything is known of their size."""
_EXPIRES = 30.0
_HEARTBEAT = 1.0
_SILENT = 4.0
"""Seconds without a heartbeat after which a request counts as lost."""
_LAST = 2.0
"""Seconds that a server has to take what a reader that closes gives back."""
_RECOVERY = 10.0
"""Seconds that a server may take after its start until JetStream knows its streams."""
_FORGOTTEN = 300.0
"""Seconds after which JetStream drops the consumer of a reader that is gone and had no durable name."""


class NATSFeed(QueueFeed):
    """What both have: messages wait here as they came, and become blocks when they are taken."""

    def __init__(self, stream: NATSStream, client: Client, loop: LoopThread) -> None:
        super().__init__(stream.config.buffer)
        self._stream = stream
        self._client = client
        self._loop = loop
        self._codec = stream.codec()
        self._closed = False
        self._ringing = False

    def _ring(self) -> None:
        """The reader is told once of all messages that have come together. In the loop's thread."""
        if not self._ringing:
            self._ringing = True
            self._loop.loop.call_soon(self._rung)

    def _rung(self) -> None:
        self._ringing = False
        self.ring()

    @abstractmethod
    async def begin(self, topics: tuple[str, ...], start: int | str) -> None:
        """Subscribes."""

    @abstractmethod
    async def end(self) -> None:
        """Ends the subscriptions."""

    def reconnected(self) -> None:
        """The connection is back. Called in the loop's thread."""

    def refused(self, error: BaseException) -> None:
        """The server refused something: it may have been ours."""

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        super().close()
        if self._loop.inside:
            self._loop.start(self.end())
            return
        try:
            self._loop.run(self.end(), 0.1 if self._stream.silent else _LAST)
        except TimeoutError:
            self._stream.silent = True
        except Exception:  # the connection is gone, and the subscription with it
            return


class _Basket(asyncio.Queue[Any]):
    """In the place of a subscription's queue: what comes is taken at once.

    The library has a task for each subscription that takes messages out of the queue one by one and calls a
    coroutine for each; without these steps twice as many messages come through.
    """

    def __init__(self, take: Callable[[Any], object]) -> None:
        super().__init__()
        self._take = take

    def put_nowait(self, item: Any) -> None:
        self._take(item)


class _Lost(NamedTuple):
    """In the place of messages that there was no room for."""

    topic: str
    lost: int


class CoreFeed(NATSFeed):
    """Messages as they are published; what nobody reads in time is gone."""

    def __init__(self, stream: NATSStream, client: Client, loop: LoopThread) -> None:
        super().__init__(stream, client, loop)
        self._subscriptions: list[Subscription] = []
        self._numbers: dict[str, int] = {}
        self._came = self._gone = 0  # bytes; written by the loop's thread alone, and by the reader's
        self._dropped: dict[str, int] = {}
        self._refused: BaseException | None = None
        self._beginning = True

    async def begin(self, topics: tuple[str, ...], start: int | str) -> None:
        for topic in topics:
            one = await self._client.subscribe(
                topic, queue=self._stream.config.group, pending_msgs_limit=0, pending_bytes_limit=0
            )
            before, one._pending_queue = one._pending_queue, _Basket(self._take)
            while not before.empty():
                self._take(before.get_nowait())
            self._subscriptions.append(one)
        await flushed(self._client, max(1, round(self._stream.config.timeouts.read)))
        self._beginning = False
        if self._refused is not None:
            raise self._refused

    def refused(self, error: BaseException) -> None:
        if self._beginning:
            self._refused = error

    def _take(self, message: Msg) -> None:
        """Called by the library, in the loop's thread."""
        size = len(message.data) + _OVERHEAD
        held = self._came - self._gone
        if held and held + size > _HELD:
            if not self._dropped:
                self._loop.loop.call_later(0.1, self._tell_dropped)  # it may be the last of all
            self._dropped[message.subject] = self._dropped.get(message.subject, 0) + 1
            raise asyncio.QueueFull
        if self._dropped:
            self._tell_dropped()
        self._came += size
        self._ring()
        self.offer((message, time.perf_counter()), force=True, quiet=True)

    def _tell_dropped(self) -> None:
        dropped, self._dropped = self._dropped, {}
        for topic, count in dropped.items():
            self.offer((_Lost(topic, count), 0.0), force=True)

    def made(self, item: Any) -> Block | None:
        message, received = item
        if type(message) is _Lost:
            topic, count = message.topic, message.lost
            number = self._numbers[topic] = self._numbers.get(topic, 0) + count
            self.lost(topic, count, number)
            return None
        self._gone += len(message.data) + _OVERHEAD
        topic = message.subject
        number = self._numbers.get(topic, 0)
        self._numbers[topic] = number + 1
        try:
            return self._codec.decode(
                message.data, message.headers, topic=topic, sequence=number, received=received
            )
        except DataError as error:
            self._stream.left_out(error)
            return None

    async def end(self) -> None:
        for one in self._subscriptions:
            try:
                await one.unsubscribe()
            except nats.errors.Error:
                continue


@dataclass(eq=False)
class _Consumer:
    """JetStream's cursor for one topic.

    Attributes:
        topic: what it gives.
        stream: JetStream's stream.
        inbox: where its messages come to.
        name: its name.
        kept: whether the server keeps it: it has a durable name.
        asked: messages that were asked for and have not come.
        came: messages that have come; written by the loop's thread alone.
        taken: of these, how many were taken; written by the reader's thread alone.
        last: number in the stream of the last message.
        count: its own number of the last message.
        heard: when it was heard of last.
    """

    topic: str
    stream: str
    inbox: str
    name: str = ""
    kept: bool = False
    asked: int = 0
    came: int = 0
    taken: int = 0
    last: int = 0
    count: int = 0
    heard: float = 0.0
    subscription: Subscription | None = None


class JetFeed(NATSFeed):
    """What JetStream has kept. Only as much is asked for as there is room, so nothing is dropped here.

    There is room for ``buffer`` messages, or fewer: 64 MiB of messages as large as those that came last.
    """

    def __init__(self, stream: NATSStream, client: Client, loop: LoopThread) -> None:
        super().__init__(stream, client, loop)
        self._js = client.jetstream(timeout=stream.config.timeouts.read)
        self._jsm = client.jsm(timeout=stream.config.timeouts.read)
        self._consumers: list[_Consumer] = []
        self._share = self.size
        self._largest = _HELD // _FIRST  # nothing is known of their size yet
        self._open: dict[str, None] = {}  # replies of what is not acknowledged, oldest first
        self._scheduled = False
        self._one = asyncio.Lock()  # one consumer is renewed at a time
        self._tasks: set[asyncio.Task[None]] = set()

    # --- Beginning

    async def begin(self, topics: tuple[str, ...], start: int | str) -> None:
        self._share = max(1, self.size // len(topics))
        for topic in topics:
            consumer = _Consumer(topic, await self._stream.stream_for(topic), self._client.new_inbox())
            self._consumers.append(consumer)
            await self._make(consumer, start, several=len(topics) > 1)
            consumer.subscription = await self._client.subscribe(
                consumer.inbox,
                cb=partial(self._message, consumer),
                pending_msgs_limit=0,
                pending_bytes_limit=0,
            )
        await self._ask()
        self._task(self._watch())

    async def _make(self, consumer: _Consumer, start: int | str, *, several: bool) -> None:
        config = self._stream.config
        settings = api.ConsumerConfig(filter_subject=consumer.topic, **_policy(start))
        durable = config.durable
        if durable:
            consumer.kept = True
            consumer.name = f"{durable}-{_readable(consumer.topic)}" if several else durable
            try:
                found = await self._jsm.consumer_info(consumer.stream, consumer.name)
            except nats.js.errors.NotFoundError:
                found = None
            if found is not None:
                if found.config.filter_subject not in (consumer.topic, None) or found.config.deliver_subject:
                    raise DataError(
                        f"{self._stream.name}: the durable consumer {consumer.name!r} of {consumer.stream!r} "
                        f"is for {found.config.filter_subject!r}, not for {consumer.topic!r}, or is one that "
                        "pushes; use another name",
                        service=self._stream.name,
                    )
                if found.config.ack_policy != api.AckPolicy.EXPLICIT:
                    raise DataError(
                        f"{self._stream.name}: the durable consumer {consumer.name!r} of {consumer.stream!r} "
                        f"does not wait for each block's acknowledgement (its ack policy is "
                        f"{found.config.ack_policy!s}, not 'explicit'), so blocks could be lost; use another "
                        "name",
                        service=self._stream.name,
                    )
                return
            settings.durable_name = consumer.name
            settings.ack_policy = api.AckPolicy.EXPLICIT
            settings.ack_wait = config.ack_wait
            settings.max_deliver = config.max_deliver
            settings.max_ack_pending = max(1000, 8 * self.size)
        else:
            settings.ack_policy = api.AckPolicy.NONE
            settings.inactive_threshold = _FORGOTTEN
            settings.mem_storage = True
        if isinstance(start, int):
            state = (await self._jsm.stream_info(consumer.stream)).state
            if start < state.first_seq and state.messages:
                self.lost(consumer.topic, state.first_seq - start, state.first_seq)
        info = await self._jsm.add_consumer(consumer.stream, settings)
        consumer.name = info.name or ""
        consumer.last = (info.delivered.stream_seq if info.delivered else 0) or 0
        consumer.count = 0

    # --- Asking for more

    async def _ask(self) -> None:
        self._scheduled = False
        share = max(1, min(self._share, _HELD // self._largest))
        for consumer in self._consumers:
            count = share - (consumer.came - consumer.taken) - consumer.asked
            if count < max(1, share // 2):
                continue
            if not self._client.is_connected or self._closed:
                return
            request = {
                "batch": count,
                "expires": round(_EXPIRES * 1e9),
                "idle_heartbeat": round(_HEARTBEAT * 1e9),
            }
            consumer.asked += count
            await self._client.publish(
                f"$JS.API.CONSUMER.MSG.NEXT.{consumer.stream}.{consumer.name}",
                json.dumps(request).encode(),
                reply=consumer.inbox,
            )

    def _more(self) -> None:
        self._task(self._ask())

    def taken(self) -> None:
        if not self._scheduled and len(self) <= self.size // 2:
            self._scheduled = True
            self._loop.soon(self._more)

    def _task(self, work: Any) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended_task)

    def _ended_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None and not self._closed:
            error = task.exception()
            assert error is not None
            self.fail(translated(error, self._stream.name, self._stream.conceal))

    # --- What comes

    async def _message(self, consumer: _Consumer, message: Msg) -> None:
        try:
            await self._came(consumer, message)
        except Exception as error:
            if not self._closed:
                self.fail(translated(error, self._stream.name, self._stream.conceal))

    async def _came(self, consumer: _Consumer, message: Msg) -> None:
        consumer.heard = time.monotonic()
        headers = message.headers
        if headers and not message.reply and "Status" in headers:
            await self._status(consumer, headers)
            return
        consumer.asked = max(0, consumer.asked - 1)
        parts = message.reply.split(".")
        at = 5 if len(parts) == 9 else 7  # with a domain the stream's number stands further right
        number, count = int(parts[at]), int(parts[at + 1])
        if not consumer.kept:
            if count != consumer.count + 1:
                if consumer.count != _STALE:
                    consumer.count = _STALE
                    self._task(self._again(consumer))  # this very task ends with the subscription
                return
            consumer.count = count
        else:
            self._open[message.reply] = None
        consumer.last = number
        consumer.came += 1
        # The largest of late: one that was larger is forgotten in the course of some hundred messages.
        self._largest = max(len(message.data) + _OVERHEAD, self._largest - (self._largest >> 6))
        stamp = int(parts[at + 2]) / 1e9
        self._ring()
        self.offer((consumer, message, number, stamp, time.perf_counter()), force=True, quiet=True)

    async def _status(self, consumer: _Consumer, headers: dict[str, str]) -> None:
        """The server says that a request has ended, or that it is alive."""
        status = headers["Status"]
        if status == "100":
            return
        text = headers.get("Description", "").lower()
        if "consumer deleted" in text:
            if consumer.kept:
                self.fail(
                    NotFoundError(
                        f"{self._stream.name}: the durable consumer {consumer.name!r} was deleted",
                        service=self._stream.name,
                    )
                )
            elif consumer.count != _STALE:
                consumer.count = _STALE
                self._task(self._again(consumer))
            return
        left = headers.get("Nats-Pending-Messages", "")
        consumer.asked = max(0, consumer.asked - int(left)) if left.isdigit() else 0
        if status in ("409", "503"):
            await asyncio.sleep(0.1)
        await self._ask()

    async def _again(self, consumer: _Consumer) -> None:
        async with self._one:
            await self._renew(consumer)
            await self._ask()

    async def _renew(self, consumer: _Consumer) -> None:
        """A consumer that the server does not keep goes on after the last message that came."""
        old = consumer.name
        consumer.asked = 0
        consumer.count = _STALE
        assert consumer.subscription is not None
        with suppress(nats.errors.Error):
            await consumer.subscription.unsubscribe()
        consumer.inbox = self._client.new_inbox()
        with suppress(nats.errors.Error, TimeoutError):
            await self._jsm.delete_consumer(consumer.stream, old)
        last = consumer.last
        await self._make(consumer, last + 1, several=False)
        consumer.last = last
        consumer.subscription = await self._client.subscribe(
            consumer.inbox,
            cb=partial(self._message, consumer),
            pending_msgs_limit=0,
            pending_bytes_limit=0,
        )

    def reconnected(self) -> None:
        self._task(self._resume())

    async def _resume(self) -> None:
        async with self._one:
            for consumer in self._consumers:
                await self._recovered(consumer)
                if not consumer.kept:
                    await self._renew(consumer)
                consumer.asked = 0
            await self._ask()

    async def _recovered(self, consumer: _Consumer) -> None:
        """Waits until a server that has just started knows its streams and consumers again."""
        end = time.monotonic() + _RECOVERY
        while self._client.is_connected:
            try:
                if consumer.kept:
                    await self._jsm.consumer_info(consumer.stream, consumer.name, timeout=1)
                else:
                    await self._jsm.stream_info(consumer.stream)
                return
            except (nats.errors.Error, TimeoutError):
                if time.monotonic() >= end:
                    raise
                await asyncio.sleep(0.05)

    async def _watch(self) -> None:
        """Tells the server that blocks are still being worked on, and notices when it fell silent."""
        every = self._stream.config.ack_wait / 3
        told = time.monotonic()
        while True:
            await asyncio.sleep(min(_HEARTBEAT, every))
            now = time.monotonic()
            if not self._client.is_connected:
                continue
            if now - told >= 0.9 * every:
                told = now
                for reply in list(self._open):
                    await self._client.publish(reply, _PROGRESS)
            for consumer in self._consumers:
                if consumer.asked and now - consumer.heard > _SILENT:
                    consumer.asked, consumer.heard = 0, now
            await self._ask()

    # --- For the reader

    def made(self, item: Any) -> Block | None:
        consumer, message, number, stamp, received = item
        consumer.taken += 1
        reply = message.reply

        def settle(done: bool) -> None:
            self._settle(reply, _ACK if done else _NAK)

        try:
            return self._codec.decode(
                message.data,
                message.headers,
                topic=message.subject,
                sequence=number,
                id=f"{consumer.stream}/{number}",
                timestamp=stamp,
                settle=settle if consumer.kept else None,
                received=received,
            )
        except DataError as error:
            self._stream.left_out(error, lambda: self._settle(reply, _TERM))
            return None

    def _settle(self, reply: str, text: bytes) -> None:
        if self._open.pop(reply, self) is None:
            self._stream._outbox.acknowledge(reply, text)

    # --- Ending

    async def end(self) -> None:
        for task in list(self._tasks):
            if task is not asyncio.current_task():
                task.cancel()
        for consumer in self._consumers:
            if consumer.subscription is not None:
                with suppress(nats.errors.Error):  # what is on its way still comes, and is given back too
                    await consumer.subscription.drain()  # type: ignore[no-untyped-call]
        if not self._client.is_connected:
            return
        # What was not acknowledged is given to the next reader at once, and not after ack_wait. Old servers
        # would try to give the first of it to us, were they not made to look who is there.
        for consumer in self._consumers if self._open else ():
            with suppress(nats.errors.Error, TimeoutError):
                await self._jsm.consumer_info(consumer.stream, consumer.name)
        while self._open:
            reply = next(iter(self._open))
            del self._open[reply]
            await self._client.publish(reply, _NAK)
        with suppress(nats.errors.Error, TimeoutError):
            await flushed(self._client, 2)
        for consumer in self._consumers:
            if not consumer.kept and consumer.name:
                with suppress(nats.errors.Error, TimeoutError):
                    await self._jsm.delete_consumer(consumer.stream, consumer.name)


def _policy(start: int | str) -> dict[str, Any]:
    if isinstance(start, int):
        return {"deliver_policy": api.DeliverPolicy.BY_START_SEQUENCE, "opt_start_seq": max(1, start)}
    kinds = {"new": api.DeliverPolicy.NEW, "all": api.DeliverPolicy.ALL, "last": api.DeliverPolicy.LAST}
    return {"deliver_policy": kinds[start]}


def _readable(topic: str) -> str:
    return topic.replace(".", "_").replace("*", "any").replace(">", "all")
