"""Kafka, through confluent-kafka: topics that are kept, in partitions, which the readers of a group share."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator

from arcuate.connector import IntegrationTimeout, reveal
from arcuate.errors import ConversionError, InvalidArgument, Unsupported
from arcuate.streaming.block import Block
from arcuate.streaming.source import Stream, StreamConfig

try:
    from confluent_kafka import KafkaError, KafkaException, Producer
except ModuleNotFoundError:
    raise Unsupported("Kafka needs a library; type: pip install 'arcuate[streaming]'") from None

from arcuate.streaming.kafka_errors import Troubles, error_of, translated
from arcuate.streaming.kafka_read import KafkaFeed

__all__ = ["KafkaConfig", "KafkaStream"]

log = logging.getLogger(__name__)
_LIBRARY = logging.getLogger(f"{__name__}.library")
_LIBRARY.addHandler(logging.NullHandler())  # it is told of each attempt to connect

T = TypeVar("T")
_SLICE = 0.2
"""Seconds after which a request that waits is asked whether all servers are away."""


class KafkaConfig(StreamConfig):
    """What a Kafka stream has beside what every stream has."""

    url: str = Field(
        default="kafka://127.0.0.1:9092",
        description="kafka://HOST:PORT; several servers with commas between",
    )
    group: str = Field(
        default="", description="its readers share the partitions; what was acknowledged is remembered"
    )
    key_header: str = Field(default="key", description="the header of a block that is the message's key")
    create: bool = Field(default=False, description="whether a topic is made where there is none")
    partitions: int = Field(default=1, ge=1, description="of a topic that is made")
    replicas: int = Field(default=-1, ge=-1, description="of a topic that is made; -1: as the server has it")
    tls: bool = Field(default=False, description="TLS; with ca_file or certificate too")
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        default="PLAIN", description="how user and password are given (SASL)"
    )
    session: float = Field(
        default=45.0, ge=0.5, description="seconds after which a dead reader's partitions are given to others"
    )
    patience: float = Field(default=60.0, gt=0, description="seconds in which a lost connection must be back")

    @field_validator("url")
    @classmethod
    def _servers(cls, url: str) -> str:
        for one in url.split(","):
            parts = urlsplit(one.strip() if "://" in one else f"kafka://{one.strip()}")
            if parts.scheme != "kafka" or not parts.hostname:
                raise ValueError("is kafka://HOST:PORT, with commas between several")
        return url


class KafkaStream(Stream):
    """Topics of Kafka. A block's ``sequence`` is its offset, its ``id`` is ``PARTITION:OFFSET``.

    With ``group`` Kafka remembers what was acknowledged: a block is given again until it was. Without, a
    reader has all partitions for itself, and nothing is remembered.

    Args:
        config: a configuration, or a mapping with a ``url``.
        **arguments: settings of :class:`KafkaConfig`.
    """

    Config: ClassVar[type[StreamConfig]] = KafkaConfig
    default_name: ClassVar[str] = "kafka"
    memory: ClassVar[tuple[str, ...]] = ("group",)
    replays: ClassVar[bool] = True

    def __init__(self, config: KafkaConfig | Mapping[str, Any] | None = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._codec = self.codec()
        self._producer: Producer | None = None
        self._troubles = Troubles()
        self._undelivered: list[KafkaError] = []
        self._using = threading.Lock()
        self._known: set[str] = set()
        self._feeds: weakref.WeakSet[KafkaFeed] = weakref.WeakSet()

    # --- Life

    def _open(self) -> None:
        settings = {
            **self.settings(self._troubles),
            "enable.idempotence": True,
            "partitioner": "murmur2_random",  # as Kafka's own client has it: equal keys, equal partitions
            "linger.ms": 5,
            "message.timeout.ms": round(self.config.timeouts.call * 1000),
            "message.max.bytes": max(1000, min(self.config.limit, 1_000_000_000)),
            "delivery.report.only.error": True,
            "on_delivery": self._reported,
        }
        try:
            producer = Producer(settings)
        except KafkaException as error:
            said = error_of(error)
            raise InvalidArgument(
                f"{self.name}: these settings cannot be used, look at 'ca_file', 'certificate' and 'key': "
                f"{self.conceal(said.str() if said is not None else error)}"
            ) from None
        self._producer = producer

    def settings(self, troubles: Troubles) -> dict[str, Any]:
        """What each client of the library is told."""
        config, times = self.config, self.config.timeouts
        servers = [urlsplit(one if "://" in one else f"kafka://{one}") for one in config.url.split(",")]
        user = config.user or next((unquote(one.username) for one in servers if one.username), "")
        password = reveal(config.password, "the password")
        if password is None:
            password = next((unquote(one.password) for one in servers if one.password), None)
        secure = config.tls or bool(config.ca_file or config.certificate)
        found: dict[str, Any] = {
            "bootstrap.servers": ",".join(f"{_host(one.hostname)}:{one.port or 9092}" for one in servers),
            "client.id": f"arcuate-{self.name}",
            "security.protocol": ("SASL_" if user else "") + ("SSL" if secure else "PLAINTEXT"),
            "socket.timeout.ms": max(1000, round(times.read * 1000)),
            "socket.connection.setup.timeout.ms": max(1000, round(times.connect * 1000)),
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            "error_cb": troubles,
            "logger": _LIBRARY,
            "log_level": 3,
        }
        if user:
            found.update({"sasl.mechanism": config.mechanism, "sasl.username": user})
            found["sasl.password"] = password or ""
        files = {"ca": config.ca_file, "certificate": config.certificate, "key": config.key}
        found.update({f"ssl.{name}.location": place for name, place in files.items() if place})
        return found

    def _close(self) -> None:
        for feed in list(self._feeds):
            feed.close()
        with self._using:
            producer, self._producer = self._producer, None
        if producer is not None:
            left = producer.flush(self.config.timeouts.connect)
            given_up = self._undelivered
            if left or given_up:
                log.warning(
                    "blocks were not stored before close()%s",
                    f": {self.conceal(given_up[0].str())}" if given_up else "; flush() waits longer",
                    extra={"service": self.name, "blocks": left + len(given_up)},
                )
            if left:
                producer.purge()
            producer.close()

    def _check(self) -> Mapping[str, Any]:
        found = self.asked(lambda client, wait: client.list_topics(timeout=wait), self.config.timeouts.read)
        return {"brokers": len(found.brokers), "cluster": found.cluster_id}

    # --- Requests

    def asked(self, question: Callable[[Any, float], T], most: float) -> T:
        """Asks by the producer's connection, for so long; when all servers are away, that is said at once.

        Raises:
            IntegrationError: there was no answer.
        """
        end = time.monotonic() + most
        while True:
            client = self._client()
            left = end - time.monotonic()
            with self._unless_closed():
                try:
                    found = question(client, max(0.01, min(_SLICE, left)))
                    self._troubles.well()
                    return found
                except KafkaException as error:
                    client.poll(0)  # tells the troubles
                    said = error_of(error)
                    trouble = self._troubles.worst()
                    if said is None:
                        raise
                    if trouble is not None or left <= _SLICE or not _passing(said):
                        raise translated(trouble or said, self.name, self.conceal) from error

    @contextlib.contextmanager
    def _unless_closed(self) -> Iterator[None]:
        """The library raises a RuntimeError when another thread closes it."""
        try:
            yield
        except RuntimeError:
            self._still_open()
            raise

    def _client(self) -> Producer:
        self.open()
        with self._using:
            client = self._producer
        if client is None:
            self._still_open()
        assert client is not None
        return client

    def partitions_of(self, topic: str) -> list[int]:
        """The numbers of a topic's partitions; the topic is made if the settings say so."""
        times = self.config.timeouts
        found = self.asked(lambda client, wait: client.list_topics(topic, timeout=wait), times.read)
        error = found.topics[topic].error
        if error is None:
            return sorted(found.topics[topic].partitions)
        if error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART or not self.config.create:
            raise translated(error, f"{self.name}: {topic!r}", self.conceal)
        self._made(topic)
        return list(range(self.config.partitions))

    def _made(self, topic: str) -> None:
        from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

        admin = AdminClient(self.settings(Troubles()))
        try:
            wanted = NewTopic(topic, self.config.partitions, self.config.replicas)
            admin.create_topics([wanted])[topic].result(self.config.timeouts.read)
        except KafkaException as error:
            said = error_of(error)
            if said is not None and said.code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise translated(said, self.name, self.conceal) from error
        end = time.monotonic() + self.config.timeouts.read
        while time.monotonic() < end:  # until it has a leader
            found = self._client().list_topics(topic, timeout=self.config.timeouts.read).topics[topic]
            if found.error is None and all(one.leader >= 0 for one in found.partitions.values()):
                return
            time.sleep(0.02)

    # --- Reading

    def _feed(self, topics: tuple[str, ...], start: int | str) -> KafkaFeed:
        feed = KafkaFeed(self, topics, start)
        self._feeds.add(feed)
        try:
            feed.begin()
        except KafkaException as error:
            feed.close()
            said = error_of(error)
            if said is None:
                raise
            raise translated(said, self.name, self.conceal) from error
        except BaseException:
            feed.close()
            raise
        return feed

    # --- Writing

    def _write(self, block: Block, topic: str) -> None:
        if topic not in self._known:
            self.partitions_of(topic)
            self._known.add(topic)
        payload, headers = self._codec.encode(block)
        key = headers.pop(self.config.key_header, None)
        marked = None if key is None else _bytes(key, self.config.key_header)
        sent: list[tuple[str, str | bytes | None]] = [
            (name, _bytes(text, name)) for name, text in headers.items()
        ]
        end = time.monotonic() + self.config.timeouts.call
        self._tell()
        while True:
            client = self._client()
            try:
                with self._unless_closed():
                    client.produce(topic, payload, marked, headers=sent)
                    client.poll(0)
                return
            except BufferError:  # its queue is full: the system does not keep up
                with self._unless_closed():
                    client.poll(0.05)
                self._tell()
                if time.monotonic() > end:
                    raise IntegrationTimeout(
                        f"{self.name}: the server took nothing for {self.config.timeouts.call:g} s",
                        service=self.name,
                    ) from None
            except KafkaException as error:
                said = error_of(error)
                if said is not None and said.code() == KafkaError.MSG_SIZE_TOO_LARGE:
                    raise ConversionError(
                        f"a block of {len(payload):,} bytes is more than {self.config.limit:,} "
                        "(setting 'limit')"
                    ) from error
                if said is None:
                    raise
                raise translated(said, self.name, self.conceal) from error

    def flush(self) -> None:
        """Waits until the servers have stored everything that was written.

        Raises:
            IntegrationError: they did not take something; what else was written may be there.
        """
        with self._using:
            client = self._producer
        if client is None:
            return
        with self._unless_closed():
            left = client.flush(self.config.timeouts.call)
        self._tell()
        if left:
            raise IntegrationTimeout(
                f"{self.name}: {left} blocks were not stored within {self.config.timeouts.call:g} s",
                service=self.name,
                executed="maybe",
            )

    def _reported(self, error: KafkaError | None, message: Any) -> None:
        """The library has given a message up."""
        if error is not None:
            self._undelivered.append(error)

    def _tell(self) -> None:
        if self._undelivered:
            lost, self._undelivered = self._undelivered, []
            found = translated(self._troubles.worst() or lost[0], self.name, self.conceal)
            found.executed = "maybe"
            found.detail = f"{len(lost)} blocks were given up"
            raise found from KafkaException(lost[0])


def _passing(error: KafkaError) -> bool:
    return bool(error.retriable()) or error.code() in (
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
    )


def _host(name: str | None) -> str:
    return f"[{name}]" if name and ":" in name else str(name)


def _bytes(text: str, name: str) -> bytes:
    """A header or key as it was read: bytes that are no UTF-8 are kept as surrogates."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise InvalidArgument(f"the header {name!r} has half a surrogate pair, which is no Unicode") from None
