"""WebSocket servers that send a stream of messages, or take one, through websockets.

::

    ticks = WebSocketStream(
        url="wss://api.example/ticks", subscribe={"op": "subscribe", "after": "$last"}, resume="id"
    )

A WebSocket has no topics, acknowledgements or numbers: what a server offers of that is said in messages, and
``subscribe`` and ``resume`` say in which.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import socket
import ssl
import struct
import threading
import time
from collections.abc import Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from arcuate.connector import (
    AuthenticationError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
    Secret,
    closing,
    redacted,
    reveal,
)
from arcuate.connector import ConnectionError as LostConnection
from arcuate.errors import ArcuateError, InvalidArgument, SessionClosed, Unsupported
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed
from arcuate.streaming.source import Stream, StreamConfig

try:
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, WebSocketException
    from websockets.protocol import State
    from websockets.sync.client import ClientConnection, connect
except ModuleNotFoundError:
    raise Unsupported("WebSocket needs a library; type: pip install 'arcuate[streaming]'") from None

__all__ = ["WebSocketConfig", "WebSocketStream"]

_SLICE = 0.1
"""Seconds after which who waits for an answer looks whether the connection is there."""
_TAKEN = 1.0
"""Seconds that closing leaves to a message that is being sent."""
_QUIET = logging.getLogger("arcuate.streaming.websocket.frames")
_QUIET.setLevel(logging.INFO)  # at DEBUG, headers and messages would be in the log
_KINDS: dict[int, type[IntegrationError]] = {
    401: AuthenticationError,
    403: AuthenticationError,
    404: NotFoundError,
    429: RateLimitError,
}


class WebSocketConfig(StreamConfig):
    """What a WebSocket stream has beside what every stream has. Its topic is only a name."""

    headers: dict[str, Secret] = Field(default_factory=dict, description="sent with each handshake")
    subprotocols: tuple[str, ...] = Field(default=(), description="offered to the server")
    subscribe: Any = Field(
        default=None,
        description="JSON that is sent after each connection, once for each topic; the texts $topic and "
        "$last in it stand for the topic, and for what 'resume' says of the last message (null at first)",
    )
    resume: str = Field(default="", description="the key by which a server knows a message, such as id")
    ping: float = Field(default=20.0, gt=0, description="seconds in which a server must show life")
    patience: float = Field(default=60.0, gt=0, description="seconds in which a lost connection must be back")

    @field_validator("url")
    @classmethod
    def _websocket(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("ws", "wss") or not parts.hostname):
            raise ValueError("is ws://HOST/PATH or wss://HOST/PATH")
        if parts.username is not None:
            raise ValueError("has no user in it; use 'headers'")
        return url


class WebSocketStream(Stream):
    """Messages of a WebSocket server, read and written. Each reader and the writer have a connection."""

    Config: ClassVar[type[StreamConfig]] = WebSocketConfig
    default_name = "websocket"
    has_headers = False

    def __init__(self, config: Any = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self._writer: ClientConnection | None = None
        self._writing = threading.Lock()
        self._drain: threading.Thread | None = None

    def _open(self) -> None:
        if not self.config.url:
            raise InvalidArgument(f"{self.name}: which server? Give url='wss://HOST/PATH'")

    def _close(self) -> None:
        if not self._writing.acquire(timeout=_TAKEN):
            # The server takes nothing. The descriptor stays that of the thread that waits on it.
            writer = self._writer
            if writer is not None:
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(writer.socket, socket.SHUT_RDWR)
            self._writing.acquire()
        try:
            self._hang_up()
        finally:
            self._writing.release()

    def _check(self) -> Mapping[str, Any]:
        connection = self.dial()
        connection.close()
        return {"subprotocol": connection.subprotocol}

    def dial(self, ping: float | None = None) -> ClientConnection:
        """One connection.

        Args:
            ping: seconds between pings of the library's, for connections that are always read.

        Raises:
            IntegrationError: the server refuses or cannot be reached.
        """
        config = self.config
        headers = {key: reveal(secret, f"the header {key}") or "" for key, secret in config.headers.items()}
        context = None
        try:
            if config.url.startswith("wss:"):
                context = ssl.create_default_context(cafile=config.ca_file)
                if config.certificate:
                    context.load_cert_chain(config.certificate, config.key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(
                f"{self.name}: 'ca_file', 'certificate' or 'key' cannot be used: {error}"
            ) from None
        try:
            return connect(
                config.url,
                ssl=context,
                additional_headers=headers,
                subprotocols=list(config.subprotocols) or None,
                open_timeout=config.timeouts.connect,
                close_timeout=min(2.0, config.timeouts.connect),
                ping_interval=ping,
                ping_timeout=config.ping,
                max_size=config.limit,
                max_queue=config.buffer,
                logger=_QUIET,
                legacy=True,
            )
        except (OSError, WebSocketException, ValueError) as error:
            raise self._refused(error) from error

    def _refused(self, error: Exception) -> ArcuateError:
        where = redacted(self.config.url)
        said = self.conceal(error)
        if isinstance(error, InvalidStatus):
            status = error.response.status_code
            kind = _KINDS.get(status, LostConnection if status >= 500 else IntegrationError)
            text = f"{self.name}: {where} refuses the connection with status {status}"
            return kind(text, service=self.name, status=status, recoverable=status == 429 or status >= 500)
        if isinstance(error, TimeoutError):
            return IntegrationTimeout(
                f"{self.name}: {where} does not answer in time (setting 'timeouts.connect')",
                service=self.name,
            )
        if isinstance(error, ssl.SSLCertVerificationError):
            return LostConnection(
                f"{self.name}: the certificate of {where} is not trusted: {error.verify_message}; if it is "
                "your own authority's, set 'ca_file'",
                service=self.name,
                recoverable=False,
            )
        cut = isinstance(error.__cause__, (EOFError, OSError))  # in the midst of the handshake
        if isinstance(error, (ssl.SSLError, InvalidHandshake, ValueError)) and not cut:
            return LostConnection(
                f"{self.name}: {where} is no such WebSocket server: {said}",
                service=self.name,
                recoverable=False,
            )
        return LostConnection(
            f"{self.name}: no connection to {where}: {said}; is it running, and is 'url' right?",
            service=self.name,
        )

    # --- Reading

    def _need_topics(self, topics: tuple[str, ...]) -> None:
        """A WebSocket can be read without."""

    def _feed(self, topics: tuple[str, ...], start: int | str) -> Feed:
        if start != "new" and not self.config.resume:
            raise InvalidArgument(f"{self.name}: 'start' needs 'resume', or is 'new'; got {start!r}")
        return _WebSocketFeed(self, topics, None if start in ("new", "all") else start)

    def greetings(self, topics: tuple[str, ...], last: Any) -> list[str]:
        """What is sent after a connection."""
        if self.config.subscribe is None:
            return []
        return [
            json.dumps(_filled(self.config.subscribe, {"$topic": one, "$last": last}), allow_nan=False)
            for one in topics or (None,)
        ]

    # --- Writing

    def _write(self, block: Block, topic: str) -> None:
        payload, _ = self.codec().encode(block)
        text = self.config.format in ("json", "text")
        with self._writing:
            if self._closed:  # by another thread meanwhile
                raise SessionClosed(f"{self.name} was closed; make a new {type(self).__name__}")
            if self._writer is None:
                self._writer = self.connecting(lambda: self.dial(self.config.ping), lambda late: late.close())
                # The library waits for ever.
                seconds, part = divmod(round(self.config.timeouts.call * 1e6) or 1, 1_000_000)
                self._writer.socket.setsockopt(
                    socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", seconds, part)
                )
                self._drain = threading.Thread(target=_drained, args=(self._writer,), daemon=True)
                self._drain.start()
            try:
                self._writer.send(payload.decode() if text else payload)
            except ConnectionClosed as error:
                self._hang_up()
                if isinstance(error.__cause__, (BlockingIOError, ssl.SSLWantWriteError)):
                    raise IntegrationTimeout(
                        f"{self.name}: the server took no message within {self.config.timeouts.call:g} s "
                        "(setting 'timeouts.call')",
                        service=self.name,
                        executed="maybe",
                    ) from error
                self._still_open()
                raise self._ended(error) from error

    def write(self, block: Any, *, topic: str | None = None) -> None:
        names = self.config.topic
        super().write(block, topic=topic or (names[0] if names else "websocket"))

    def flush(self) -> None:
        with self._writing:
            writer = self._writer
            if writer is None:
                return
            try:
                # The server answers a ping after everything that was sent before it.
                answered = writer.ping()
            except ConnectionClosed as error:
                self._hang_up()
                raise self._ended(error) from error
        end = time.monotonic() + self.config.timeouts.call
        while not answered.wait(_SLICE):
            if writer.protocol.state is State.CLOSED:
                raise self._ended(writer.protocol.close_exc)
            if time.monotonic() > end:
                raise IntegrationTimeout(
                    f"{self.name}: the server did not answer a ping (setting 'timeouts.call')",
                    service=self.name,
                    executed="maybe",
                )

    def _hang_up(self) -> None:
        writer, self._writer, drain = self._writer, None, self._drain
        if writer is not None and drain is not None:
            writer.close()
            drain.join(5)

    def _ended(self, error: ConnectionClosed) -> IntegrationError:
        if error.rcvd is None and error.sent is not None and error.sent.code == 1009:
            return DataError(
                f"{self.name}: a message has more than {self.config.limit:,} bytes (setting 'limit')",
                service=self.name,
            )
        code = error.rcvd.code if error.rcvd is not None else 1006
        if code in closing.ENDED:  # for who writes
            return LostConnection(
                f"{self.name}: the server closed the connection in order",
                service=self.name,
                status=code,
                executed="maybe",
            )
        said = self.conceal(error.rcvd.reason) if error.rcvd is not None else ""
        return closing.of_code(self.name, "the connection", code, said)


def _filled(template: Any, values: Mapping[str, Any]) -> Any:
    """A template of JSON with values in the place of texts that are exactly their names."""
    if isinstance(template, str):
        return values.get(template, template)
    if isinstance(template, Mapping):
        return {key: _filled(one, values) for key, one in template.items()}
    if isinstance(template, (list, tuple)):
        return [_filled(one, values) for one in template]
    return template


def _drained(connection: ClientConnection) -> None:
    """Throws away what a server says to a writer, so that its pings are seen."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            connection.recv()


class _WebSocketFeed(Feed):
    """Asks a connection, and makes it again when it was lost."""

    def __init__(self, stream: WebSocketStream, topics: tuple[str, ...], last: Any) -> None:
        super().__init__()
        self._stream, self._topics, self._last = stream, topics, last
        self._topic = topics[0] if len(topics) == 1 else ""
        self._codec = stream.codec()
        self._sequence = 0
        self._closed = False
        self._lost_at: float | None = None
        self._heard = time.monotonic()
        self._pong: threading.Event | None = None
        self._pinged = 0.0
        self._pause = 0.1
        self._again_at = 0.0
        self._connection: ClientConnection | None = self._connected()

    def _connected(self) -> ClientConnection:
        connection = self._stream.dial()
        try:
            for text in self._stream.greetings(self._topics, self._last):
                connection.send(text)
        except ConnectionClosed as error:
            connection.close()
            raise self._stream._ended(error) from error
        self._heard, self._pong = time.monotonic(), None
        self._made_at = self._heard
        return connection

    def next(self, timeout: float) -> Block | None:
        if self._closed:
            raise EOFError
        connection = self._connection or self._again(timeout)
        if connection is None:
            return None
        try:
            message = connection.recv(timeout)
        except TimeoutError:
            self._look(connection)
            return None
        except ConnectionClosed as error:
            self._gone(error)
            return None
        self._lost_at, self._heard = None, time.monotonic()
        return self._stream.decoded(lambda: self._block(message))

    def _look(self, connection: ClientConnection) -> None:
        """Nothing came: is the server still there? Not asked by the library, for it takes a reader that is
        slow, and leaves the answer unread, for a server that is gone.
        """
        now, most = time.monotonic(), float(self._stream.config.ping)
        if self._pong is not None and self._pong.is_set():
            self._pong, self._heard = None, now
        elif self._pong is not None and now - self._pinged > most:
            connection.close(1011, "no answer to a ping")
        elif self._pong is None and now - self._heard > most:
            with contextlib.suppress(ConnectionClosed):
                self._pong, self._pinged = connection.ping(), now

    def _gone(self, error: ConnectionClosed) -> None:
        """The connection ended: in order, for good, or to be made again."""
        if self._closed or (error.rcvd is not None and error.rcvd.code in closing.ENDED):
            raise EOFError
        ended = self._stream._ended(error)
        self._connection = None
        if time.monotonic() - self._made_at > float(self._stream.config.patience):
            self._lost_at = None  # it was a good one, though nothing came
        if not ended.recoverable or self._out_of_patience():
            raise ended
        if not self._stream.config.resume:
            self.lost(self._topic, None, self._sequence)

    def _out_of_patience(self) -> bool:
        now = time.monotonic()
        if self._lost_at is None:
            self._lost_at, self._pause = now, 0.1
        self._again_at = now + self._pause
        self._pause = min(5.0, 2 * self._pause)
        return now - self._lost_at > float(self._stream.config.patience)

    def _again(self, timeout: float) -> ClientConnection | None:
        wait = self._again_at - time.monotonic()
        if wait > 0:
            time.sleep(min(wait, timeout))  # so short that nobody need be able to end it
            if wait > timeout:
                return None
        try:
            self._connection = self._connected()
        except IntegrationError as error:
            if not error.recoverable or self._out_of_patience():
                raise
            return None
        if self._closed:
            self._connection.close()
        return self._connection

    def _block(self, message: str | bytes) -> Block:
        sequence, self._sequence = self._sequence, self._sequence + 1
        payload = message.encode() if isinstance(message, str) else message
        block = self._codec.decode(payload, topic=self._topic, sequence=sequence)
        data: Any = block.data
        if isinstance(message, str) and data is payload:
            data = message  # text that is no JSON
        key, known = self._stream.config.resume, ""
        if key and isinstance(data, Mapping) and key in data:
            self._last = data[key]
            known = str(self._last)
        return dataclasses.replace(block, data=data, id=known)

    def close(self) -> None:
        self._closed = True
        if self._connection is not None:
            self._connection.close()
