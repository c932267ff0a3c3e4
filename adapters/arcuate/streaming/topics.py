"""Arcuate's own topics, in a hub, as streams."""

from __future__ import annotations

import contextlib
import threading
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import Field

from arcuate.client import streams
from arcuate.client.streams import Publisher, Subscription
from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    RateLimitError,
    reveal,
)
from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    CallTimeout,
    ConnectionLost,
    ConversionError,
    InvalidArgument,
    PermissionDenied,
    RateLimited,
    SessionClosed,
    Unavailable,
)
from arcuate.streaming.block import TIMESTAMP, Block, labelled, labels_of
from arcuate.streaming.feed import QueueFeed
from arcuate.streaming.source import Stream, StreamConfig

__all__ = ["TopicConfig", "TopicStream"]

T = TypeVar("T")
_LAST = 2.0
"""Seconds that closing waits for a block that is on its way to the hub, and for who reads."""
_SOON = 0.1
"""The same where the connection is being made again, which nothing interrupts: that ends by itself."""
_STAYS = (ConversionError, InvalidArgument, IntegrationError, SessionClosed)


class TopicConfig(StreamConfig):
    """What a stream of a hub's topics has beside what every stream has."""

    policy: Literal["drop", "block", "disconnect"] = Field(
        default="drop", description="what the hub does when we read too slowly"
    )
    kept: int = Field(default=100, ge=1, description="blocks that may wait in the hub for us")
    patience: float = Field(default=60.0, gt=0, description="seconds in which a lost connection must be back")


class TopicStream(Stream):
    """Topics of a hub: the same as :func:`arcuate.client.subscribe` and :func:`arcuate.client.publish`.

    The data travel alone: rate and timestamp go into a labelled array's attributes, the channels into its
    coordinate; headers stay here, with a warning.

    Args:
        config: a configuration, or a mapping with a ``url``: zmq, zmq+ipc, grpc, grpcs, http, https.
        **arguments: settings of :class:`TopicConfig`.
    """

    Config: ClassVar[type[StreamConfig]] = TopicConfig
    default_name: ClassVar[str] = "topics"
    replays: ClassVar[bool] = True
    has_headers: ClassVar[bool] = False

    def __init__(self, config: TopicConfig | Mapping[str, Any] | None = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._publishers: dict[str, Publisher] = {}
        self._sending = threading.Lock()
        self._told = False

    def _reached(self) -> dict[str, Any]:
        """How the hub is reached: as whom, and in which time."""
        config = self.config
        found: dict[str, Any] = {"within": config.timeouts.connect}
        token = reveal(config.token, "the token")
        if token is not None:
            found["token"] = token
        if config.ca_file or config.certificate:
            parts = {"ca": config.ca_file, "certificate": config.certificate, "key": config.key}
            found["tls"] = {name: path for name, path in parts.items() if path}
        return found

    def asked(self, work: Callable[[], T]) -> T:
        """Carries a request to the hub out; its errors are those of connectors."""
        try:
            return work()
        except ArcuateError as error:
            raise self.translated(error) from error

    def translated(self, error: ArcuateError) -> ArcuateError:
        """The error of a connector for one of the client's."""
        if isinstance(error, _STAYS):
            return error
        text = f"{self.name}: {self.conceal(error)}"
        kinds: tuple[tuple[type[ArcuateError], type[IntegrationError]], ...] = (
            (AuthenticationFailed, AuthenticationError),
            (PermissionDenied, AuthenticationError),
            (RateLimited, RateLimitError),
            (CallTimeout, IntegrationTimeout),
            (ConnectionLost, ConnectionError),
            (Unavailable, ConnectionError),
        )
        kind = next((ours for theirs, ours in kinds if isinstance(error, theirs)), IntegrationError)
        return kind(text, service=self.name, executed=error.executed)

    def _check(self) -> Mapping[str, Any]:
        found = self.asked(lambda: streams.topics(self.config.url or None, **self._reached()))
        return {"topics": len(found)}

    def _close(self) -> None:
        last = threading.Thread(target=self._end, name=f"arcuate-{self.name}-close", daemon=True)
        last.start()
        publishers = list(self._publishers.values())
        last.join(_SOON if any(one.away for one in publishers) else _LAST)
        if last.is_alive():  # who writes waits for a hub that says nothing
            for one in publishers:
                one.stop()
            last.join(_SOON if any(one.away for one in publishers) else _LAST)

    def _end(self) -> None:
        with self._sending:
            for one in self._publishers.values():
                one.close()

    # --- Reading

    def _feed(self, topics: tuple[str, ...], start: int | str) -> TopicFeed:
        first = {"new": None, "all": 0}.get(start) if isinstance(start, str) else start
        if isinstance(start, bool) or (isinstance(start, str) and start not in ("new", "all")):
            raise InvalidArgument(f"start is 'new', 'all' or a block's number; got {start!r}")
        config = self.config
        feed = TopicFeed(self)
        try:
            for topic in topics:
                feed.add(
                    self.asked(
                        lambda topic=topic: streams.subscribe(  # type: ignore[misc]
                            topic,
                            config.url or None,
                            start=first,
                            policy=config.policy,
                            buffer=config.kept,
                            patience=config.patience,
                            on_gap=feed.gap_of(topic),
                            **self._reached(),
                        )
                    )
                )
        except BaseException:
            feed.close()
            raise
        return feed

    # --- Writing

    def _write(self, block: Block, topic: str) -> None:
        if block.headers and not self._told:
            self._told = True
            warnings.warn(
                f"{self.name}: a topic carries the data alone; headers stay here", UserWarning, stacklevel=4
            )
        value = labelled(replace(block, timestamp=None) if block.arrived else block)
        with self._sending:
            found = self._publishers.get(topic)
            if found is None:
                found = self._publishers[topic] = self.connecting(
                    lambda: self._publisher(topic), lambda late: late.close()
                )
            self.asked(lambda: found.send(value))

    def _publisher(self, topic: str) -> Publisher:
        config = self.config
        return self.asked(
            lambda: streams.publisher(
                topic,
                config.url or None,
                timeout=config.timeouts.call,
                patience=config.patience,
                **self._reached(),
            )
        )


class TopicFeed(QueueFeed):
    """Subscriptions, each read by a thread of its own."""

    def __init__(self, stream: TopicStream) -> None:
        super().__init__(stream.config.buffer)
        self._stream = stream
        self._subscriptions: list[Subscription] = []
        self._threads: list[threading.Thread] = []

    def gap_of(self, topic: str) -> Callable[[int | None], object]:
        """What is called when the hub dropped blocks of a topic."""

        def note(count: int | None) -> None:
            own = [one for one in self._subscriptions if one.topic == topic]
            self.lost(topic, count, own[0].sequence if own else 0)

        return note

    def add(self, subscription: Subscription) -> None:
        """Reads a subscription from now on."""
        self._subscriptions.append(subscription)
        thread = threading.Thread(
            target=self._read, args=(subscription,), name=f"arcuate-topic-{subscription.topic}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _read(self, subscription: Subscription) -> None:
        try:
            for data in subscription:
                known = {"sequence": subscription.sequence, "received": time.perf_counter()}
                if not self.put((data, subscription.topic, subscription.time, known)):
                    return
        except SessionClosed:
            self.finish()
        except ArcuateError as error:
            self.fail(self._stream.translated(error))
        except BaseException as error:
            self.fail(error)
        finally:
            with contextlib.suppress(ArcuateError):
                subscription.close()

    def made(self, item: Any) -> Block | None:
        data, topic, when, known = item

        def block() -> Block:
            try:
                found = labels_of(data)
            except InvalidArgument as error:
                name = self._stream.name
                raise DataError(f"{name}: a block of {topic!r}: {error}", service=name) from error
            if TIMESTAMP not in found:
                found.update(timestamp=when, arrived=True)
            return Block(data, topic=topic, **known, **found)

        return self._stream.decoded(block)

    def close(self) -> None:
        super().close()
        for one in self._subscriptions:
            one.stop()
        begin = time.monotonic()
        for one, thread in zip(self._subscriptions, self._threads, strict=True):
            if thread is not threading.current_thread():
                thread.join(max(0.0, begin + (_SOON if one.away else _LAST) - time.monotonic()))
