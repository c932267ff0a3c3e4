"""MQTT 5 and 3.1.1, through paho-mqtt: topics as streams of blocks, at least once where a client id is given.

::

    with MQTTStream(url="mqtt://broker", topic="lab/+/eeg", client_id="writer-1") as stream:
        for block in stream:
            ...
            block.ack()  # until then the broker keeps it, even when this process is killed
"""

from __future__ import annotations

import re
import threading
import time
import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, model_validator
from typing_extensions import Self

from arcuate.connector import ConnectionError as LostConnection
from arcuate.connector import IntegrationError, IntegrationTimeout
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed, QueueFeed
from arcuate.streaming.mqtt_link import Link, of_reason
from arcuate.streaming.payload import CONTENT
from arcuate.streaming.source import Stream, StreamConfig

__all__ = ["MQTTConfig", "MQTTStream", "StalledWarning"]

_OWN = "mqtt-"
"""Headers of this beginning are facts of MQTT's, and not published."""

_LAST = 2.0
"""Seconds that a reader which closes waits until its acknowledgements can be sent."""


_LONGEST = 65_535
_NO_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_STALLED, _MANY = 5.0, 20
"""Seconds without a block after which a reader that holds so many is told why that may be."""


class StalledWarning(UserWarning):
    """The broker may wait for acknowledgements of a reader that waits for more blocks."""


class MQTTConfig(StreamConfig):
    """What an MQTT stream has beside what every stream has."""

    version: Literal["5", "3.1.1"] = Field(
        default="5", description="of MQTT; 3.1.1 has no headers, and no sessions that the broker forgets"
    )
    qos: Literal[0, 1, 2] = Field(default=1, description="0: at most once, 1: at least once, 2: exactly once")
    client_id: str = Field(
        default="", description="of the reader: the broker keeps its session under this name"
    )
    session: int = Field(
        default=86_400, ge=0, le=0xFFFFFFFF, description="seconds that the broker keeps what a reader misses"
    )
    retain: bool = Field(default=False, description="the broker keeps what is written for later readers")
    retained: bool = Field(default=True, description="reads what the broker keeps of a topic, when it begins")
    patience: float = Field(default=60.0, gt=0, description="seconds in which a lost connection must be back")
    keepalive: int = Field(default=60, ge=5, le=65535, description="seconds without a sign of life")

    @model_validator(mode="after")
    def _address(self) -> Self:
        if not self.url:
            return self
        parts = urlsplit(self.url.replace("#", "%23"))
        if parts.scheme not in ("mqtt", "mqtts") or not parts.hostname or parts.query:
            raise ValueError("url is mqtt://HOST:PORT/TOPIC or mqtts://HOST:PORT/TOPIC")
        topic = unquote(parts.path[1:])
        if topic and not self.topic:
            self.topic = (topic,)
        return self


class MQTTStream(Stream):
    """Topics of an MQTT broker, read and written.

    Without a ``client_id`` a reader has a session for as long as it lives: it outlasts lost connections.
    With one, the session is the broker's: blocks that were not acknowledged come again, in the next
    connection or the next process.
    """

    Config: ClassVar[type[StreamConfig]] = MQTTConfig
    default_name = "mqtt"
    memory: ClassVar[tuple[str, ...]] = ("client_id",)

    def __init__(self, config: Any = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self.has_headers = self.config.version == "5"  # type: ignore[misc]
        self._writer: _Writer | None = None
        self._writing = threading.Lock()
        self._named: _MQTTFeed | None = None

    def _open(self) -> None:
        if not self.config.url:
            raise InvalidArgument(f"{self.name}: which broker? Give url='mqtt://HOST'")

    def _close(self) -> None:
        with self._writing:
            writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.flush(self.config.timeouts.call)
            finally:
                writer.close()

    def _check(self) -> Mapping[str, Any]:
        link = Link(self)
        link.open()
        link.close()
        return {"maximum_qos": getattr(link.limits, "MaximumQoS", 2)}

    # --- Reading

    def _feed(self, topics: tuple[str, ...], start: int | str) -> Feed:
        if start != "new":
            raise InvalidArgument(
                f"{self.name}: an MQTT broker keeps no history, so 'start' is 'new', not {start!r}; it keeps "
                "what a reader with a 'client_id' misses, and one retained message of each topic"
            )
        if self._named is not None and not self._named.ended:
            raise InvalidArgument(
                f"{self.name}: {self.config.client_id!r} reads already; each client_id has one reader"
            )
        feed = _MQTTFeed(self, topics)
        if self.config.client_id:
            self._named = feed
        return feed

    # --- Writing

    def _write(self, block: Block, topic: str) -> None:
        if "+" in topic or "#" in topic or "\0" in topic:
            raise InvalidArgument(
                f"{self.name}: a topic to write has no '+', '#' or NUL in it; got {topic!r}"
            )
        payload, headers = self.codec().encode(block)
        _carried(topic, "the topic")
        for name, text in headers.items() if self.has_headers else ():
            _carried(name, "the header's name")
            _carried(text, f"the header {name!r}")
        with self._writing:
            self._still_open()  # it may have been closed since, and then nobody would close the new one
            if self._writer is None:
                found = _Writer(self)
                self.connecting(found.open, lambda _: found.close())
                self._writer = found
            writer = self._writer
        writer.publish(topic, payload, headers)

    def flush(self) -> None:
        if self._writer is not None:
            self._writer.flush(self.config.timeouts.call)


def _carried(text: str, what: str) -> None:
    """Brokers end the connection of who sends such a text, and it would be sent again in each new one."""
    if _NO_TEXT.search(text) or len(text.encode()) > _LONGEST:
        raise ConversionError(
            f"{what} cannot travel: a text of MQTT has no control characters, nor half a character, and "
            f"{_LONGEST:,} bytes at most; got {text[:80]!r}"
        )


@dataclass(frozen=True, slots=True)
class _Gap:
    """In the place of messages that are lost."""

    topic: str
    count: int | None


class _Kept:
    """A message that the broker keeps until it is acknowledged."""

    __slots__ = ("connection", "done", "message")

    def __init__(self, message: Any, connection: int) -> None:
        self.message, self.connection, self.done = message, connection, False

    def again(self, message: Any) -> bool:
        """Whether a message is this one, sent once more."""
        mine = self.message
        return bool(message.dup and message.topic == mine.topic and message.payload == mine.payload)


class _MQTTFeed(QueueFeed):
    """One subscription, filled by paho's thread."""

    def __init__(self, stream: MQTTStream, topics: tuple[str, ...]) -> None:
        config = stream.config
        super().__init__(config.buffer)
        self._stream, self._topics = stream, topics
        self._named = bool(config.client_id)
        self._codec = stream.codec()
        self._sequence = 0
        self._kept: dict[int, _Kept] = {}
        self._settling = threading.Condition()
        self._subscribed = threading.Event()
        self._refused: BaseException | None = None
        self._last, self._told = time.monotonic(), False
        self._link = Link(
            stream,
            config.client_id,
            session=config.session if self._named else min(config.session, 300),
            resume=self._named,
            manual=self._named,
        )
        # QoS 2 hands a message over before it is dealt with: a process that is killed then would lose it.
        self._qos = min(config.qos, 1) if self._named else config.qos
        self._link.client.on_message = self._on_message
        self._link.client.on_subscribe = self._on_subscribe
        self._link.up, self._link.failed = self._up, self.fail
        self._link.open()
        try:
            self._subscribe(new=not self._link.present)
            if not self._subscribed.wait(config.timeouts.call):
                raise IntegrationTimeout(f"{stream.name}: the broker did not confirm", service=stream.name)
            if self._refused is not None:
                raise self._refused
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether it was closed, or failed."""
        return self._ended or self._error is not None

    def _subscribe(self, new: bool) -> None:
        from paho.mqtt.subscribeoptions import SubscribeOptions

        options: Any = self._qos
        if self._link.five:
            # A retained message comes once, and says that it was retained.
            handling = (0 if new else 1) if self._stream.config.retained else 2
            options = SubscribeOptions(qos=self._qos, retainAsPublished=False, retainHandling=handling)
        try:
            self._link.client.subscribe([(topic, options) for topic in self._topics])
        except ValueError as error:
            raise InvalidArgument(
                f"{self._stream.name}: no topic filters: {self._topics!r}: {error}"
            ) from None

    def _ack(self, message: Any) -> None:
        if self._named:
            self._link.client.ack(message.mid, message.qos)

    # --- Called by paho's thread

    def _on_subscribe(self, client: Any, data: Any, mid: int, reasons: Any, properties: Any) -> None:
        for topic, reason in zip(self._topics, reasons, strict=True):
            if reason.is_failure:
                self._refused = of_reason(self._stream.name, f"the broker refuses to read {topic!r}", reason)
            elif reason.value < self._qos:
                self._refused = IntegrationError(
                    f"{self._stream.name}: the broker gives {topic!r} at QoS {reason.value} only; set 'qos'",
                    service=self._stream.name,
                )
        if self._refused is not None and self._subscribed.is_set():
            self.fail(self._refused)
        self._subscribed.set()

    def _up(self, present: bool) -> None:
        """The connection was lost and is there again."""
        if not present:
            with self._settling:
                self._kept.clear()
            for topic in self._topics:
                self.offer(_Gap(topic, None), force=True)
            self._subscribe(new=True)

    def _on_message(self, client: Any, data: Any, message: Any) -> None:
        try:
            self._receive(message)
        except Exception as error:  # what is raised here would end paho's thread and nobody would know
            self.fail(error)

    def _receive(self, message: Any) -> None:
        kept: _Kept | None = None
        if message.retain and not self._stream.config.retained and not self._link.five:
            self._ack(message)  # MQTT 3.1.1 cannot be told not to send it
            return
        if self._named and message.qos:
            with self._settling:
                found = self._kept.get(message.mid)
                if found is not None and found.again(message):
                    if found.done:
                        del self._kept[message.mid]
                        self._ack(message)
                        self._settling.notify_all()
                    found.connection = self._link.number
                    return
                kept = self._kept[message.mid] = _Kept(message, self._link.number)
        if kept is not None or not self._subscribed.is_set():
            # The broker bounds what is not acknowledged. And it may send before it confirms the subscription:
            # who waits for that must not be waited for.
            self.offer((message, kept), force=True)
            return
        wait = None if message.qos else self._stream.config.keepalive / 2
        if not self.put((message, kept), wait):
            self.offer(_Gap(message.topic, 1), force=True)

    # --- Called by the reader

    def next(self, timeout: float) -> Block | None:
        block, now = super().next(timeout), time.monotonic()
        if block is not None:
            self._last = now
        elif len(self._kept) >= min(_MANY, self.size) and now - self._last > _STALLED and not self._told:
            self._told = True
            warnings.warn(
                f"{self._stream.name}: {len(self._kept)} blocks are not acknowledged, and no more come: "
                "a broker sends only so many before (setting 'buffer', or its own limit: Mosquitto's "
                "max_inflight_messages is 20 for MQTT 3.1.1); a window of more blocks needs them higher",
                StalledWarning,
                stacklevel=3,
            )
        return block

    def made(self, item: Any) -> Block | None:
        if isinstance(item, _Gap):
            self.lost(item.topic, item.count, self._sequence)
            return None
        message, kept = item
        return self._stream.decoded(lambda: self._block(message, kept), lambda: self._settle(kept))

    def _block(self, message: Any, kept: _Kept | None) -> Block:
        headers: dict[str, str] = {}
        for name, text in getattr(message.properties, "UserProperty", ()):
            headers[name] = f"{headers[name]}, {text}" if name in headers else text
        content = getattr(message.properties, "ContentType", None)
        if content is not None:
            headers[CONTENT] = content
        if message.retain:
            headers[f"{_OWN}retained"] = "true"
        sequence, self._sequence = self._sequence, self._sequence + 1
        return self._codec.decode(
            bytes(message.payload),
            headers,
            topic=message.topic,
            sequence=sequence,
            settle=None if kept is None else lambda done: self._settled(kept, done),
        )

    def _settled(self, kept: _Kept, done: bool) -> None:
        if done:
            self._settle(kept)
        elif not kept.done:
            # MQTT cannot ask for a message again in this connection; it is still here.
            self.offer((kept.message, kept), force=True)

    def _settle(self, kept: _Kept | None) -> None:
        if kept is None:
            return
        with self._settling:
            if kept.done or self._kept.get(kept.message.mid) is not kept:
                return  # settled, or its number is another message's by now
            kept.done = True
            # An acknowledgement is only good in the connection that brought the message; otherwise the
            # message comes again and is acknowledged then.
            if kept.connection == self._link.number and self._link.connected():
                del self._kept[kept.message.mid]
                self._ack(kept.message)

    def close(self) -> None:
        super().close()
        with self._settling:  # what was acknowledged while there was no connection
            self._settling.wait_for(lambda: not any(one.done for one in self._kept.values()), _LAST)
        self._link.close(forget=not self._named)


class _Writer:
    """Publishes, and knows what the broker has not confirmed yet."""

    def __init__(self, stream: MQTTStream) -> None:
        self._stream = stream
        self._qos = int(stream.config.qos)
        self._window = int(stream.config.buffer)
        self._changed = threading.Condition()
        self._pending: dict[int, str] = {}
        self._early: set[int] = set()
        self._sent: deque[Any] = deque()
        self._errors: deque[BaseException] = deque()
        self._ended = False
        self._link: Link

    def open(self) -> None:
        link = Link(self._stream, session=300 if self._qos else 0)
        link.client.on_publish = self._on_publish
        link.failed = self._failed
        link.open()
        self._link = link
        self._window = min(self._window, getattr(link.limits, "ReceiveMaximum", 65535))

    def publish(self, topic: str, payload: bytes, headers: Mapping[str, str]) -> None:
        config, limits = self._stream.config, self._link.limits
        self._raise()
        largest = getattr(limits, "MaximumPacketSize", None)
        if largest is not None and len(payload) + len(topic) + 64 > largest:
            raise InvalidArgument(
                f"{self._stream.name}: a message of {len(payload):,} bytes is larger than the broker takes "
                f"({largest:,}); write smaller blocks"
            )
        if self._qos > getattr(limits, "MaximumQoS", 2):
            raise InvalidArgument(
                f"{self._stream.name}: the broker has QoS {limits.MaximumQoS} at most (setting 'qos')"
            )
        pairs = [
            (name, text) for name, text in headers.items() if name != CONTENT and not name.startswith(_OWN)
        ]
        properties = self._link.properties("PUBLISH") if self._link.five else None
        if pairs and properties is not None:
            properties.UserProperty = pairs
        if CONTENT in headers and properties is not None:
            properties.ContentType = headers[CONTENT]
        if self._qos:
            self._wait(self._window - 1, config.timeouts.call)
        info = self._link.client.publish(topic, payload, self._qos, config.retain, properties)
        if not self._qos:
            if info.rc:
                raise LostConnection(
                    f"{self._stream.name}: there is no connection now", service=self._stream.name
                )
            self._sent.append(info)
            while len(self._sent) > self._window:
                self._confirm(self._sent.popleft(), config.timeouts.call)
            return
        with self._changed:
            if info.mid in self._early:
                self._early.remove(info.mid)
            elif self._ended:
                raise self._unconfirmed(1)
            else:
                self._pending[info.mid] = topic

    def _on_publish(self, client: Any, data: Any, mid: int, reason: Any, properties: Any) -> None:
        if not self._qos:
            return
        with self._changed:
            topic = self._pending.pop(mid, None)
            if topic is None:
                self._early.add(mid)
            if reason.is_failure:
                where = (
                    f"the broker refuses a message of {topic!r}" if topic else "the broker refuses a message"
                )
                self._errors.append(of_reason(self._stream.name, where, reason))
            self._changed.notify_all()

    def _failed(self, error: BaseException) -> None:
        with self._changed:
            self._errors.append(error)
            self._changed.notify_all()

    def _raise(self) -> None:
        with self._changed:
            if self._errors:
                raise self._errors.popleft()

    def _wait(self, most: int, timeout: float) -> None:
        """Waits until at most so many messages are not confirmed."""
        with self._changed:
            arrived = self._changed.wait_for(
                lambda: self._errors or self._ended or len(self._pending) <= most, timeout
            )
            count = len(self._pending)
        self._raise()
        if self._ended and count > most:
            raise self._unconfirmed(count)
        if not arrived:
            state = "is connected" if self._link.connected() else "is not connected"
            raise IntegrationTimeout(
                f"{self._stream.name}: {count} messages were not confirmed in {timeout:g} s (setting "
                f"'timeouts.call'); it {state}",
                service=self._stream.name,
                executed="maybe",
            )

    def _unconfirmed(self, count: int) -> LostConnection:
        return LostConnection(
            f"{self._stream.name}: it was closed in another thread while {count} messages were not confirmed",
            service=self._stream.name,
            executed="maybe",
            recoverable=False,
        )

    def _confirm(self, info: Any, timeout: float) -> None:
        try:
            info.wait_for_publish(timeout)
        except (RuntimeError, ValueError) as error:
            raise LostConnection(
                f"{self._stream.name}: the connection was lost, and messages of QoS 0 with it",
                service=self._stream.name,
                executed="maybe",
            ) from error

    def flush(self, timeout: float) -> None:
        end = time.monotonic() + timeout
        while self._sent:
            self._confirm(self._sent.popleft(), max(0.0, end - time.monotonic()))
        self._wait(0, timeout)

    def close(self) -> None:
        self._link.close()
        with self._changed:
            self._ended = True  # nothing is confirmed any more: who waits for that need not
            self._changed.notify_all()
