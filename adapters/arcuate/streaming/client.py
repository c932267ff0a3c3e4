"""One class for all systems: the scheme of the address chooses which."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import Self

from arcuate.connector.config import load
from arcuate.errors import InvalidArgument
from arcuate.streaming.block import Block
from arcuate.streaming.feed import Feed
from arcuate.streaming.schemes import stream_class
from arcuate.streaming.source import Blocks, Stream, StreamConfig

__all__ = ["StreamMessage", "StreamingClient"]

log = logging.getLogger(__name__)


class StreamMessage(dict[str, Any]):
    """A message as a mapping.

    What was published as a mapping is that mapping. Anything else has the keys ``type`` (the header of that
    name, else the last part of the topic's name), ``data`` and ``topic``.

    Attributes:
        block: the block that it came in.
    """

    def __init__(self, block: Block) -> None:
        data = block.data
        if isinstance(data, Mapping) and not hasattr(data, "dims"):
            super().__init__(data)
        else:
            last = block.topic.replace("/", ".").rpartition(".")[2]
            super().__init__(type=block.headers.get("type", last), data=data, topic=block.topic)
        self.block = block


class StreamingClient(Stream):
    """A stream of the system that the scheme of ``url`` names. Used as it is, or subclassed.

    A subclass that has :meth:`process_stream_data` is given each message of the topics that it subscribes to,
    in a thread of its own, one after the other; a message is acknowledged when the method has returned.

    Args:
        stream_config: a mapping with a ``url``, or a configuration; keys that the system does not know are in
            ``config.extra``.
        **arguments: settings.

    Attributes:
        stream: the stream of the system.
        error: what ended the thread that handles messages, or ``None``.
    """

    default_name = "stream"

    def __init__(
        self, stream_config: StreamConfig | Mapping[str, Any] | None = None, /, **arguments: Any
    ) -> None:
        if isinstance(stream_config, StreamConfig):
            url = arguments.get("url", stream_config.url)
        else:
            known = {name: value for name, value in arguments.items() if name in StreamConfig.model_fields}
            url = load(StreamConfig, stream_config, known, name=self.default_name).url
        if not url:
            raise InvalidArgument("a stream has an address: give url='nats://host:4222', 'mqtt://...', ...")
        kind = stream_class(url)
        given: Any = stream_config
        if not isinstance(given, StreamConfig):
            given = dict(given or {}, url=url)
            arguments.pop("url", None)
            given.setdefault("name", arguments.pop("name", "") or self.default_name)
        self.stream: Stream = kind(given, **arguments)
        super().__init__(self.stream.config)
        self.has_headers = self.stream.has_headers  # type: ignore[misc]
        self.error: BaseException | None = None
        self._handled: list[tuple[Blocks, threading.Thread]] = []

    # --- The pattern

    def connect_stream(self) -> Stream:
        """Connects; the stream of the system.

        Raises:
            IntegrationError: it cannot be reached, or does not know us.
        """
        self.open()
        return self.stream

    def subscribe_to_topics(self, topics: Sequence[str]) -> Self:
        """Adds topics. A subclass with :meth:`process_stream_data` is given their messages from now on."""
        super().subscribe_to_topics(topics)
        if type(self).process_stream_data is not StreamingClient.process_stream_data:
            reader = self.blocks(topics)
            thread = threading.Thread(
                target=self._handle, args=(reader,), name=f"arcuate-{self.name}-messages", daemon=True
            )
            self._handled.append((reader, thread))
            thread.start()
        return self

    def process_stream_data(self, message: Any) -> Any:
        """Is given each message, as a :class:`StreamMessage`; for a subclass to write."""
        raise NotImplementedError

    def handle_error(self, error: BaseException, message: StreamMessage | None) -> None:
        """Is told what ended the handling of messages: an error of the system, or of the method above."""
        log.error("messages are no longer handled", extra={"service": self.name}, exc_info=error)

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until messages are no longer handled; whether that is so.

        Raises:
            Exception: what ended it.
        """
        end = None if timeout is None else time.monotonic() + timeout
        for _, thread in self._handled:
            thread.join(None if end is None else max(0.0, end - time.monotonic()))
        if self.error is not None:
            raise self.error
        return not any(thread.is_alive() for _, thread in self._handled)

    def _handle(self, reader: Blocks) -> None:
        message: StreamMessage | None = None
        block: Block | None = None
        try:
            for block in reader:
                message = StreamMessage(block)
                self.process_stream_data(message)
                block.ack()
                block = message = None
        except BaseException as error:
            if block is not None:
                block.nack()
            self.error = error
            self.handle_error(error, message)
        finally:
            reader.close()

    # --- As a stream

    @property
    def malformed(self) -> int:
        """Messages that could not be read and were left out."""
        return self.stream.malformed

    @malformed.setter
    def malformed(self, count: int) -> None:
        """The stream counts."""

    def _open(self) -> None:
        self.stream.open()

    def _close(self) -> None:
        self.stream.close()

    def _end_connecting(self) -> None:
        super()._end_connecting()
        self.stream._end_connecting()

    def close(self) -> None:
        self._end_connecting()
        for reader, _ in self._handled:
            reader.stop()
        for _, thread in self._handled:
            if thread is not threading.current_thread():
                thread.join(10)
        super().close()

    def _check(self) -> Mapping[str, Any]:
        return self.stream._check()

    def _feed(self, topics: tuple[str, ...], start: int | str) -> Feed:
        return self.stream._feed(topics, start)

    def _need_topics(self, topics: tuple[str, ...]) -> None:
        self.stream._need_topics(topics)

    def write(self, block: Any, *, topic: str | None = None) -> None:
        """Publishes a block, or any value as one; see :meth:`~arcuate.streaming.source.Sink.write`."""
        self.open()
        self.stream.write(block, topic=topic)

    def flush(self) -> None:
        """Waits until the system has everything that was written."""
        self.stream.flush()
