"""What every stream is: a connector that is read block by block, written block by block, or both."""

from __future__ import annotations

import contextvars
import dataclasses
import re
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from pydantic import Field, field_validator
from typing_extensions import Self

from arcuate.client.dropped import end_later
from arcuate.client.streams import GapWarning
from arcuate.connector import Connector, ConnectorConfig, DataError, IntegrationTimeout, Secret
from arcuate.errors import InvalidArgument, SessionClosed
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed, left
from arcuate.streaming.payload import Codec, Format

if TYPE_CHECKING:
    from arcuate.streaming.pipeline import Pipeline

__all__ = ["Blocks", "MalformedWarning", "Sink", "Source", "Start", "Stream", "StreamConfig"]

T = TypeVar("T")
Start = int | str | None
"""Where a reader begins: "new", "all", a number or identifier of the system's; None: what is configured."""
_SLICE = 0.25
"""Seconds after which a feed that cannot be woken is asked whether it should go on."""


class MalformedWarning(UserWarning):
    """A message could not be read and was left out (setting ``malformed="skip"``)."""


class StreamConfig(ConnectorConfig):
    """What every stream has. Systems add fields of their own."""

    topic: tuple[str, ...] = Field(default=(), description="one topic, or several")
    format: Format = Field(default="auto", description="how messages are written, and those of others read")
    start: int | str = Field(default="new", description="new, all, or a number or identifier of the system's")
    buffer: int = Field(default=256, ge=1, description="blocks that may wait here until they are taken")
    limit: int = Field(default=64 << 20, ge=1, description="bytes of one message")
    malformed: str = Field(
        default="raise", pattern="^(raise|skip)$", description="what happens to a message that cannot be read"
    )
    user: str | None = Field(default=None, description="who we are, where the address does not say it")
    password: Secret | None = Field(default=None, description="instead of one in the address")
    token: Secret | None = Field(default=None, description="a token, for systems that take one")
    ca_file: str | None = Field(
        default=None, description="PEM file of authorities that are trusted instead of the system's"
    )
    certificate: str | None = Field(default=None, description="PEM file of ours, for mutual TLS")
    key: str | None = Field(default=None, description="PEM file of its key")

    @field_validator("topic", mode="before")
    @classmethod
    def _topics(cls, topic: Any) -> Any:
        return topics_of(topic)


def topics_of(topics: str | Sequence[str] | None) -> tuple[str, ...]:
    """Topics as a tuple: one text is one topic."""
    if topics is None or topics == "":
        return ()
    found: tuple[Any, ...] = (topics,) if isinstance(topics, str) else tuple(topics)
    if any(not isinstance(one, str) or not one for one in found):
        raise InvalidArgument(f"a topic is a text with at least one character; got {found!r}")
    return tuple(dict.fromkeys(found))


class Source(Connector):
    """A system that is read. A subclass writes :meth:`_feed`.

    Attributes:
        lost: blocks that the system lost before they were read; each time a GapWarning was given too.
        malformed: messages that could not be read and were left out.
    """

    Config: ClassVar[type[ConnectorConfig]] = StreamConfig
    has_headers: ClassVar[bool] = True
    memory: ClassVar[tuple[str, ...]] = ()
    """Settings under whose name the system remembers what was acknowledged; empty: it does not."""
    replays: ClassVar[bool] = False
    """Whether what was published before can be read."""

    def __init__(self, config: Any = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self.lost = 0
        self.malformed = 0
        self._topics: tuple[str, ...] = self.config.topic
        self._reading: weakref.WeakSet[Blocks] = weakref.WeakSet()
        self._attempts: set[Future[Any]] = set()
        self._ending = False

    def _feed(self, topics: tuple[str, ...], start: int | str) -> Feed:
        """Subscribes, and returns when it is: what is published from now on comes.

        Raises:
            IntegrationError: the system refused or cannot be reached.
        """
        raise NotImplementedError

    def codec(self) -> Codec:
        """The codec that the settings ask for."""
        config = self.config
        return Codec(config.format, headers=self.has_headers, limit=config.limit, service=self.name)

    def decoded(
        self, decode: Callable[[], Block], skipped: Callable[[], object] | None = None
    ) -> Block | None:
        """A block, or ``None`` for a message that is left out because it cannot be read.

        Args:
            decode: makes it.
            skipped: tells the system that a message is dealt with that is left out.

        Raises:
            DataError: the setting ``malformed`` is "raise".
        """
        try:
            return decode()
        except DataError as error:
            self.left_out(error, skipped)
            return None

    def left_out(self, error: DataError, skipped: Callable[[], object] | None = None) -> None:
        """A message cannot be read: the error is raised, or the message left out, as the settings say."""
        if self.config.malformed == "raise":
            raise error
        self.malformed += 1
        warnings.warn(f"left out: {error}", MalformedWarning, stacklevel=2)
        if skipped is not None:
            skipped()

    # --- Reading

    def subscribe_to_topics(self, topics: Sequence[str]) -> Self:
        """Adds topics to those that are read; readers that have begun are not changed."""
        self._topics = topics_of([*self._topics, *topics_of(topics)])
        return self

    def blocks(
        self,
        topics: str | Sequence[str] | None = None,
        *,
        start: Start = None,
        timeout: float | None = None,
    ) -> Blocks:
        """Reads topics, block by block.

        Args:
            topics: left out, those of the settings and of :meth:`subscribe_to_topics`.
            start: "new", "all", or a number or identifier of the system's.
            timeout: seconds to wait for a block; then IntegrationTimeout is raised.

        Returns:
            An iterator that is also a context manager. It has subscribed when it is returned.
        """
        found = topics_of(topics) or self._topics
        self._need_topics(found)
        self.open()
        begin = self.config.start if start is None else start
        feed = self.connecting(lambda: self._feed(found, begin), lambda late: late.close(), "subscribe")
        reader = Blocks(self, feed, timeout)
        self._reading.add(reader)
        if self._ending:  # meanwhile, and it may not have seen this one
            reader.close()
            raise self._over()
        return reader

    def connecting(self, attempt: Callable[[], T], undo: Callable[[T], object], name: str = "connect") -> T:
        """Makes a connection, with the repetitions of the settings, until :meth:`close` ends the waiting.

        Libraries that connect cannot be interrupted, so that is done by a thread of its own. It ends by
        itself when its time is over.

        Args:
            attempt: makes it, once.
            undo: closes one that comes when nobody waits for it any more.
            name: what it is, for spans and logs.

        Raises:
            SessionClosed: it was closed meanwhile.
            IntegrationError: what the last attempt raised.
        """
        waited: Future[T] = Future()

        def once() -> T:
            if waited.cancelled():
                raise self._over()
            return attempt()

        def work() -> None:
            try:
                found = self.resilience.run(once, name=name, repeatable=True).value
            except BaseException as error:
                if waited.set_running_or_notify_cancel():
                    waited.set_exception(error)
                return
            if waited.set_running_or_notify_cancel():
                waited.set_result(found)
            else:
                undo(found)

        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(work,), name=f"arcuate-{self.name}-{name}", daemon=True)
        self._attempts.add(waited)
        try:
            if self._ending:
                raise self._over()
            thread.start()
            return waited.result()
        except CancelledError:
            raise self._over() from None
        finally:
            self._attempts.discard(waited)
            if not waited.cancel():  # it can be where this thread was interrupted
                thread.join()
                del waited  # or it and its error would keep each other, and what was opened

    def _over(self) -> SessionClosed:
        return SessionClosed(f"{self.name} was closed; make a new {type(self).__name__}")

    def _end_connecting(self) -> None:
        """Who waits for a connection need not any more. From any thread; takes no lock."""
        self._ending = True
        for one in list(self._attempts):
            one.cancel()

    @property
    def has_topic(self) -> bool:
        """Whether the settings say what is read."""
        try:
            self._need_topics(self._topics)
        except InvalidArgument:
            return False
        return True

    def _need_topics(self, topics: tuple[str, ...]) -> None:
        if not topics:
            raise InvalidArgument(f"{self.name}: which topic? Give topic=..., or blocks('...')")

    def __iter__(self) -> Iterator[Block]:
        return self.blocks()

    def __or__(self, stage: Any) -> Pipeline:
        from arcuate.streaming.pipeline import Pipeline

        whole: Pipeline = Pipeline(self) | stage
        return whole

    def window(
        self,
        seconds: float | None = None,
        *,
        samples: int | None = None,
        step: float | int | None = None,
    ) -> Pipeline:
        """The stream cut into windows of the same length; see :class:`~arcuate.streaming.window.Window`."""
        from arcuate.streaming.pipeline import Pipeline

        return Pipeline(self).window(seconds, samples=samples, step=step)

    def close(self) -> None:
        self._end_connecting()
        for reader in list(self._reading):
            reader.close()
        super().close()


class Sink(Connector):
    """A system that is written. A subclass writes :meth:`_write`, and :meth:`flush` if that does not wait."""

    Config: ClassVar[type[ConnectorConfig]] = StreamConfig

    def _write(self, block: Block, topic: str) -> None:
        """Hands a block over; :meth:`flush` waits until the system has it."""
        raise NotImplementedError

    def write(self, block: Any, *, topic: str | None = None) -> None:
        """Publishes a block, or any value as one.

        Args:
            block: a block, a labelled array, a table, a mapping, bytes, ...
            topic: left out, that of the settings, else that of the block.
        """
        one = Block.of(block)
        self._write(one, self._target(topic, one.topic))

    def _target(self, topic: str | None, other: str) -> str:
        """Where to write: as asked, else as configured, else where it is from; opens the connector."""
        names: tuple[str, ...] = self.config.topic
        target = topic or (names[0] if len(names) == 1 else other)
        if not target:
            raise InvalidArgument(f"{self.name}: where to? Give topic=..., here or in the settings")
        if not self._opened:
            self.open()
        elif self._closed:
            raise SessionClosed(f"{self.name} was closed; make a new {type(self).__name__}")
        return target

    def flush(self) -> None:
        """Waits until the system has everything that was written.

        Raises:
            IntegrationError: it did not take something.
        """


class Stream(Source, Sink):
    """A system that is read and written."""


class Blocks(Iterator[Block]):
    """The blocks of some topics, one after the other. One thread reads; any thread may stop or close it.

    Attributes:
        lost: how many were lost by the system so far.
    """

    def __init__(self, source: Source, feed: Feed, timeout: float | None = None) -> None:
        self.lost = 0
        self._source = source
        self._feed = feed
        self._timeout = timeout
        self._stopped = self._closed = False
        self._lock = threading.Lock()
        self._held: Block | None = None
        self._gapped = False
        self._broken: dict[str, list[int]] = {}
        """Topic: numbers of the blocks after gaps that were told; of several, before the first has come."""
        self._broken_alike: dict[str, tuple[int, set[str]]] = {}
        """The same of topics that are a pattern, and which topics have had their block."""

    def next(self, timeout: float | None = None) -> Block | None:
        """The next block; ``None`` when none came in so many seconds (``None``: as long as it takes).

        Raises:
            StopIteration: it was stopped, or there will be no more.
            IntegrationError: the system failed.
        """
        if not self._stopped and not self._gapped and not self._feed.gaps:
            try:
                block = self._feed.next(0.0)
            except EOFError:
                block = None
            if block is not None:
                return self._given(block) if self._feed.gaps else block
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            if self._stopped:
                raise StopIteration
            if self._held is not None:
                return self._given(self._held)
            if self._feed.gaps:
                self._tell()
            try:
                block = self._feed.next(left(end, _SLICE))
            except EOFError:
                self._stopped = True
                raise StopIteration from None
            if block is not None:
                return self._given(block)
            if end is not None and time.monotonic() >= end:
                return None

    def __next__(self) -> Block:
        block = self.next(self._timeout)
        if block is None:
            raise IntegrationTimeout(
                f"{self._source.name}: no block came within {self._timeout:g} s", service=self._source.name
            )
        return block

    def _given(self, block: Block) -> Block:
        """A block, which says whether it is the first after a gap."""
        self._held = block  # should a warning be an error, then the block comes next
        while self._feed.gaps:
            self._tell()
        self._held = None
        numbers = self._broken.get(block.topic, [])
        to_come = [one for one in numbers if not _reached(block, one)]
        follows = len(to_come) < len(numbers)
        if follows:
            self._broken[block.topic] = to_come
        for pattern, (after, seen) in self._broken_alike.items():
            if block.topic not in seen and _reached(block, after) and _matches(pattern, block.topic):
                seen.add(block.topic)
                follows = True
        return dataclasses.replace(block, follows_gap=True) if follows else block

    def _tell(self) -> None:
        topic, lost, sequence = self._feed.gaps.popleft()
        self.lost += lost or 0
        self._source.lost += lost or 0
        self._gapped = True
        if any(one in topic for one in "*>+#"):
            self._broken_alike[topic] = (sequence, set())
        else:
            self._broken.setdefault(topic, []).append(sequence)
        warnings.warn(GapWarning.of(topic, lost, sequence), stacklevel=4)

    def stop(self) -> None:
        """Ends the iteration, from any thread."""
        self._stopped = True
        self._feed.wake()

    def close(self) -> None:
        """Ends the subscription. A second call does nothing."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self.stop()
        self._feed.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if not getattr(self, "_closed", True):
            end_later(self.close)


def _reached(block: Block, number: int) -> bool:
    return block.sequence is None or block.sequence >= number


def _matches(pattern: str, topic: str) -> bool:
    """Whether a topic is one of a pattern's: ``*`` and ``+`` are one part of it, ``>`` and ``#`` the rest."""
    pattern = re.sub(r"^\$share/[^/]*/", "", pattern)
    parts = [".*" if one in ">#" else "[^./]*" if one in "*+" else re.escape(one) for one in pattern]
    return re.fullmatch("".join(parts), topic) is not None
