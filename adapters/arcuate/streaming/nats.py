"""NATS, through nats-py: topics that are gone when nobody reads them, and JetStream, which keeps them."""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import time
import weakref
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    reveal,
)
from arcuate.errors import ConversionError, InvalidArgument, Unsupported
from arcuate.streaming.block import Block
from arcuate.streaming.loop import LoopThread
from arcuate.streaming.source import Stream, StreamConfig

try:
    import nats.errors
    import nats.js.errors
except ModuleNotFoundError:
    raise Unsupported("NATS needs a library; type: pip install 'arcuate[streaming]'") from None

from arcuate.streaming.nats_errors import translated
from arcuate.streaming.nats_flush import TidyClient, flushed
from arcuate.streaming.nats_read import CoreFeed, JetFeed, NATSFeed
from arcuate.streaming.nats_write import Outbox

__all__ = ["NATSConfig", "NATSStream"]

_KNOWN = 10_000
"""Topics of which it is remembered that they can be written to."""
_SLICE = 0.1
"""Seconds after which connecting looks whether the stream was closed meanwhile."""
_PART = r"[^\s.*>]+"
_SUBJECT = re.compile(rf"{_PART}(\.{_PART})*")
_FILTER = re.compile(rf"({_PART}|\*)(\.({_PART}|\*))*(\.>)?|>")
_HEADER = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TEXT = re.compile(r"[^\r\n\ud800-\udfff]*")
_NAME = re.compile(r"[^\s.*>/\\]{1,200}")


class NATSConfig(StreamConfig):
    """What a NATS stream has beside what every stream has."""

    url: str = Field(
        default="nats://127.0.0.1:4222",
        description="nats://HOST:PORT, tls://HOST:PORT; several servers with commas between",
    )
    jetstream: bool = Field(default=False, description="write to JetStream, and read from it")
    durable: str = Field(
        default="",
        description="name under which JetStream remembers what was acknowledged; implies jetstream",
    )
    stream: str = Field(default="", description="JetStream's stream; left out, the one that takes the topic")
    create: bool = Field(
        default=False, description="whether a JetStream stream for the topics is made where there is none"
    )
    group: str = Field(default="", description="without JetStream: readers of one group share the messages")
    ack_wait: float = Field(
        default=30.0, ge=0.1, description="seconds after which what a dead reader held is given to another"
    )
    max_deliver: int = Field(default=-1, description="how often a block is given out at most; -1: always")
    ping: float = Field(default=20.0, ge=0.1, description="seconds in which a server must show life")
    patience: float = Field(default=60.0, gt=0, description="seconds in which a lost connection must be back")
    credentials: str | None = Field(default=None, description="a .creds file of NATS")

    @field_validator("url")
    @classmethod
    def _servers(cls, url: str) -> str:
        servers = url.split(",")
        for one in servers:
            parts = urlsplit(one.strip())
            if parts.scheme not in ("nats", "tls") or not parts.hostname:
                raise ValueError("is nats://HOST:PORT or tls://HOST:PORT")
            if parts.username is not None and (parts.password is None or len(servers) > 1):
                raise ValueError(
                    "has no token, and of several servers no password; use token, or user and password"
                )
        return url

    @field_validator("durable", "stream")
    @classmethod
    def _names(cls, name: str) -> str:
        if name and not _NAME.fullmatch(name):
            raise ValueError("has no spaces, dots, slashes, * or >")
        return name

    @model_validator(mode="after")
    def _together(self) -> NATSConfig:
        if self.group and (self.jetstream or self.durable):
            raise ValueError(
                "group is for reading without JetStream; readers of one durable share its blocks"
            )
        return self


class NATSStream(Stream):
    """Topics (subjects) of NATS.

    Without JetStream whoever does not read when a block is published misses it. With ``jetstream``, or a
    ``start`` other than "new", blocks come from JetStream, which keeps them; with ``durable`` it also
    remembers which ones were acknowledged.

    Args:
        config: a configuration, or a mapping with a ``url``.
        **arguments: settings of :class:`NATSConfig`.
    """

    Config: ClassVar[type[StreamConfig]] = NATSConfig
    default_name: ClassVar[str] = "nats"
    memory: ClassVar[tuple[str, ...]] = ("durable",)
    replays: ClassVar[bool] = True

    def __init__(self, config: NATSConfig | Mapping[str, Any] | None = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._codec = self.codec()
        self._loop: LoopThread | None = None
        self._client: TidyClient | None = None
        self._feeds: weakref.WeakSet[NATSFeed] = weakref.WeakSet()
        self._problem: BaseException | None = None
        self.silent = False
        """Whether the server did not answer a reader that closed; the others need not wait for it too."""
        self._known: set[str] = set()

    # --- Life

    def _open(self) -> None:
        self.connecting(self._connect, lambda _: self._close())

    def _connect(self) -> None:
        loop = LoopThread(f"arcuate-{self.name}")
        try:
            self._client = loop.run(self._connected(), self.config.timeouts.connect + 5)
        except BaseException as error:
            loop.close()
            raise translated(error, self.name, self.conceal) from error
        self._loop = loop
        self._outbox = Outbox(
            self, self._client, loop, jetstream=self.config.jetstream or bool(self.config.durable)
        )

    async def _connected(self) -> TidyClient:
        config = self.config
        client, failed, errors = TidyClient(), asyncio.Event(), []
        servers = [one.strip() for one in config.url.split(",")]

        async def first_error(error: Exception) -> None:
            errors.append(error)
            if len(errors) >= len(servers) or "authorization" in str(error).lower():
                failed.set()

        connecting = asyncio.ensure_future(
            client.connect(
                servers,
                error_cb=first_error,
                disconnected_cb=self._lost_connection,
                reconnected_cb=self._reconnected,
                closed_cb=self._gone,
                name=f"arcuate {self.name}",
                connect_timeout=max(1, round(config.timeouts.connect)),
                reconnect_time_wait=0.25,  # type: ignore[arg-type]
                max_reconnect_attempts=-1,
                ping_interval=config.ping / 3,  # the third without an answer ends the connection
                tls=self._tls(),
                user=config.user,
                password=reveal(config.password, "the password"),
                token=reveal(config.token, "the token"),
                user_credentials=config.credentials,
                pending_size=8 << 20,
            )
        )
        failing = asyncio.ensure_future(failed.wait())
        end = time.monotonic() + config.timeouts.connect
        try:
            while not (connecting.done() or failing.done() or self._ending):
                if (left := end - time.monotonic()) <= 0:
                    break
                await asyncio.wait(
                    {connecting, failing}, timeout=min(_SLICE, left), return_when=asyncio.FIRST_COMPLETED
                )
            if self._ending:
                raise self._over()
            if connecting.done():
                await connecting
                client._error_cb = self._reported
                return client
            refused = [one for one in errors if "authorization" in str(one).lower()]
            raise [*refused, *reversed(errors), nats.errors.TimeoutError()][0]
        except BaseException:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
            await self._abandon(client)
            raise
        finally:
            failing.cancel()

    @staticmethod
    async def _abandon(client: TidyClient) -> None:
        client._disconnected_cb = client._closed_cb = None
        try:
            await asyncio.wait_for(client.close(), 2)
        except Exception:  # nothing more can be done for it
            return
        finally:
            client.cut()

    def _tls(self) -> ssl.SSLContext | None:
        config = self.config
        if not (config.url.startswith("tls:") or config.ca_file or config.certificate):
            return None
        try:
            context = ssl.create_default_context(cafile=config.ca_file)
            if config.certificate:
                context.load_cert_chain(config.certificate, config.key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(f"{self.name}: the certificates cannot be read: {error}") from None
        return context

    def _close(self) -> None:
        loop, client = self._loop, self._client
        if loop is None or client is None:
            return
        self._outbox.close()
        if client.is_connected and not self.silent:
            with contextlib.suppress(Exception):  # the thread ends in any case
                loop.run(flushed(client, 2), 5)  # the last acknowledgements have arrived then
        with contextlib.suppress(Exception):
            loop.run(self._abandon(client), 5)
        loop.close()

    def _check(self) -> Mapping[str, Any]:
        _, client = self._running()
        if not client.is_connected:
            raise self._problem or ConnectionError(f"{self.name}: the connection is lost", service=self.name)
        self._ask(flushed(client, 5), 11)
        found = {"version": str(client._server_info.get("version", ""))}
        if client._server_info.get("jetstream"):
            found["jetstream"] = "JetStream"
        return found

    def _running(self) -> tuple[LoopThread, TidyClient]:
        self.open()
        assert self._loop is not None
        assert self._client is not None
        return self._loop, self._client

    def _ask(self, work: Any, timeout: float | None = None) -> Any:
        """Carries a request out in the loop's thread; its errors are ours."""
        loop, _ = self._running()
        try:
            return loop.run(work, timeout or self.config.timeouts.call)
        except Exception as error:
            raise translated(error, self.name, self.conceal) from error

    # --- What the library tells

    async def _reported(self, error: Exception) -> None:
        if "permissions violation" in str(error).lower():
            refused = AuthenticationError(f"{self.name}: {self.conceal(error)}", service=self.name)
            self._outbox.refused(refused)
            for feed in list(self._feeds):
                feed.refused(refused)

    async def _lost_connection(self) -> None:
        if self._client is None or self._client.is_closed:
            return
        self._outbox.disconnected()
        self._waiting = asyncio.ensure_future(self._patience())

    async def _patience(self) -> None:
        await asyncio.sleep(self.config.patience)
        if self._client is not None and not self._client.is_connected:
            self._problem = ConnectionError(
                f"{self.name}: the connection was lost and did not come back within "
                f"{self.config.patience:g} s (setting 'patience')",
                service=self.name,
            )
            asyncio.ensure_future(self._client.close())  # noqa: RUF006  (it cancels what waits for it)

    async def _reconnected(self) -> None:
        self._waiting.cancel()
        self.silent = False
        self._outbox.reconnected()
        for feed in list(self._feeds):
            feed.reconnected()

    async def _gone(self) -> None:
        """The library has given the connection up."""
        reason = self._client.last_error if self._client is not None else None
        problem = self._problem or (
            translated(reason, self.name, self.conceal)
            if reason is not None
            else ConnectionError(f"{self.name}: the connection was closed", service=self.name)
        )
        self._problem = problem
        self._outbox.refused(problem, for_good=True)
        for feed in list(self._feeds):
            feed.fail(problem)

    # --- Reading

    def _feed(self, topics: tuple[str, ...], start: int | str) -> NATSFeed:
        for topic in topics:
            if not _FILTER.fullmatch(topic):
                raise InvalidArgument(
                    f"{topic!r} is no topic of NATS: parts with dots between, * for one, > for all after"
                )
        if isinstance(start, bool) or not (start in ("new", "all", "last") or isinstance(start, int)):
            raise InvalidArgument(f"start is 'new', 'all', 'last' or a sequence number; got {start!r}")
        config = self.config
        loop, client = self._running()
        if self._problem is not None:
            raise self._problem
        kept = config.jetstream or config.durable or start != "new"
        feed: NATSFeed = (JetFeed if kept else CoreFeed)(self, client, loop)
        self._feeds.add(feed)
        try:
            self._ask(feed.begin(topics, start))
        except BaseException:
            feed.close()
            raise
        return feed

    # --- Writing

    def write(self, block: Any, *, topic: str | None = None) -> None:
        if not self._codec.plain(block):
            super().write(block, topic=topic)
            return
        # Bytes need no block made of them.
        self._put(self._target(topic, ""), block, {})

    def _write(self, block: Block, topic: str) -> None:
        payload, headers = self._codec.encode(block)
        for name, text in headers.items():
            if not _HEADER.fullmatch(name):  # the library would change some, and send nothing after others
                raise ConversionError(
                    f"the header {name!r} cannot travel: a name of NATS has letters, digits and "
                    "!#$%&'*+-.^_`|~, and at least one of them"
                )
            if not _TEXT.fullmatch(text) or text != text.strip():
                raise ConversionError(
                    f"the header {name!r} cannot travel: it has line breaks, spaces around it, or half a "
                    f"character: {text!r}"
                )
        self._put(topic, payload, headers)

    def _put(self, topic: str, payload: bytes, headers: dict[str, str]) -> None:
        if topic not in self._known:
            self._know(topic)
        client = self._client
        assert client is not None
        if len(payload) > client.max_payload:
            raise ConversionError(
                f"a block of {len(payload):,} bytes is more than the {client.max_payload:,} that the server "
                "takes; publish shorter blocks, or raise max_payload in the server's configuration"
            )
        self._outbox.put(topic, payload, headers)

    def _know(self, topic: str) -> None:
        """Looks at a topic that is written to for the first time."""
        if not _SUBJECT.fullmatch(topic):
            raise InvalidArgument(
                f"{topic!r} is no topic to write to: parts with dots between, no space, * or >"
            )
        if self.config.create and (self.config.jetstream or self.config.durable):
            self._ask(self.stream_for(topic))
        if len(self._known) < _KNOWN:
            self._known.add(topic)

    def flush(self) -> None:
        """Waits until the server has everything that was written; with JetStream, until it has stored it.

        Raises:
            ConnectionError: without JetStream, when the connection was lost meanwhile: nobody knows what the
                server has.
            NotFoundError: no stream of JetStream takes the topic.
        """
        if self._client is not None and not self._closed:
            self._outbox.flush(self.config.timeouts.call)

    # --- For the feeds

    async def stream_for(self, topic: str) -> str:
        """JetStream's stream that takes a topic; made if the settings say so."""
        assert self._client is not None
        js = self._client.jetstream(timeout=self.config.timeouts.read)
        if self.config.stream:
            name: str = self.config.stream
            if not self.config.create:
                return name
            try:
                await js.stream_info(name)
                return name
            except nats.js.errors.NotFoundError:
                topics = list(self.config.topic) or [topic]
                await js.add_stream(name=name, subjects=topics)
                return name
        try:
            return await js.find_stream_name_by_subject(topic)
        except nats.js.errors.NotFoundError:
            if not self.config.create:
                raise
        name = re.sub(r"[^A-Za-z0-9_-]+", "_", topic).strip("_") or "all"
        try:
            await js.add_stream(name=name, subjects=[topic])
        except nats.js.errors.APIError as error:  # another one was faster, with a pattern
            try:
                return await js.find_stream_name_by_subject(topic)
            except nats.js.errors.NotFoundError:
                raise error from None
        return name
