"""What leaves for NATS: blocks and acknowledgements, from any thread, in order."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import threading
import time
from collections import deque
from itertools import islice
from typing import TYPE_CHECKING, Any

import nats.errors
import nats.js.errors

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.streaming.loop import LoopThread
from arcuate.streaming.nats_errors import translated
from arcuate.streaming.nats_flush import flushed, queued, sent

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

    from arcuate.streaming.nats import NATSStream

__all__ = ["Outbox"]

log = logging.getLogger(__name__)
_WAITING = 2048
"""Blocks that may wait here to be sent, and as many that JetStream has not confirmed."""
_BYTES = 32 << 20
_PENDING = 4 << 20
"""Bytes that the library may have before it is made to send them."""
_TURN = 256
"""Blocks that are sent before others get their turn."""
_AGAIN = 2.0
"""Seconds after which a block that JetStream did not confirm is sent again."""
_RECOVERY = 10.0
"""Seconds that a server may take after its start until JetStream knows its streams."""
_ID = "Nats-Msg-Id"
Item = tuple[str, bytes, "dict[str, str] | None"]


class Outbox:
    """Sends in the loop's thread what others put in.

    With JetStream each block has an identifier of its own, by which the server recognises one that is sent
    again after a lost connection.
    """

    def __init__(self, stream: NATSStream, client: Client, loop: LoopThread, *, jetstream: bool) -> None:
        self._stream = stream
        self._client = client
        self._loop = loop
        self._jetstream = jetstream
        self._items: deque[tuple[bool, Item]] = deque()
        self._bytes = 0
        self._changed = threading.Condition(threading.Lock())
        self._scheduled = False
        self._sending = False
        self._connected = asyncio.Event()
        self._connected.set()
        self._idle = asyncio.Event()
        self._error: BaseException | None = None
        self._ended: BaseException | None = None
        self._doubt = self._unflushed = False
        self._inbox = ""
        self._prefix = secrets.token_hex(8)
        self._count = 0
        self._back = -_RECOVERY
        self._open: dict[int, tuple[float, Item]] = {}
        self._watch: asyncio.Task[None] | None = None

    # --- From any thread

    def put(self, topic: str, payload: bytes, headers: dict[str, str]) -> None:
        """Adds a block; waits while too much waits."""
        size = len(payload)
        with self._changed:
            if not self._room(size):
                limit = self._stream.config.timeouts.call
                if not self._changed.wait_for(lambda: self._room(size) or self._ended is not None, limit):
                    raise IntegrationTimeout(
                        f"{self._stream.name}: the server took nothing for {limit:g} s",
                        service=self._stream.name,
                    )
            if self._ended is not None:
                raise self._ended
            self._bytes += size
            self._unflushed = True
            self._add(True, (topic, payload, headers or None))

    def acknowledge(self, reply: str, text: bytes) -> None:
        """Adds what is said of a block that was received."""
        with self._changed:
            if self._ended is None:
                self._add(False, (reply, text, None))

    def _add(self, block: bool, item: Item) -> None:
        self._items.append((block, item))
        if not self._scheduled:
            self._scheduled = True
            self._idle.clear()
            self._loop.soon(self._begin)

    def _room(self, size: int) -> bool:
        waiting = len(self._items) + len(self._open)
        return not waiting or (waiting < _WAITING and self._bytes + size <= _BYTES)

    def flush(self, timeout: float) -> None:
        """Waits until all of it has arrived."""
        if self._jetstream:
            with self._changed:
                done = self._changed.wait_for(lambda: self._ended is not None or not self._pending(), timeout)
                if self._ended is not None:
                    raise self._ended
            if not done:
                raise self._late(timeout)
        elif self._ended is not None:
            raise self._ended
        elif self._unflushed or self._items:
            self._stream._ask(self._flushed(timeout), timeout + 5)
        with self._changed:
            error, self._error = self._error, None
            doubt, self._doubt, self._unflushed = self._doubt, False, False
        if error is not None:
            raise error
        if doubt:
            raise ConnectionError(
                f"{self._stream.name}: the connection was lost while blocks were on their way, and nobody "
                "knows which arrived; with jetstream=True they would be sent again",
                service=self._stream.name,
                executed="maybe",
            )

    async def _flushed(self, timeout: float) -> None:
        """In the loop's thread: each change of threads takes a while."""
        end = time.monotonic() + timeout
        while self._scheduled and self._ended is None:
            try:
                await asyncio.wait_for(self._idle.wait(), max(0.0, end - time.monotonic()))
            except (TimeoutError, asyncio.TimeoutError):
                raise self._late(timeout) from None
        if self._ended is not None:
            raise self._ended
        await flushed(self._client, max(1, round(end - time.monotonic())))

    def _late(self, timeout: float) -> IntegrationTimeout:
        return IntegrationTimeout(
            f"{self._stream.name}: {self._pending()} blocks did not arrive within {timeout:g} s",
            service=self._stream.name,
            executed="maybe",
        )

    def _pending(self) -> int:
        return len(self._items) + len(self._open) + self._sending

    def close(self) -> None:
        """What waits is sent, as far as that goes quickly."""
        with self._changed:
            if self._client.is_connected:
                wait = 0.1 if self._stream.silent else 2
                self._changed.wait_for(lambda: self._ended is not None or not self._pending(), wait)
            left = sum(block for block, _ in self._items) + len(self._open)
            error = self._error or (self._ended if left else None)
            if self._unflushed and (left or error):
                log.warning(
                    "blocks were not stored before close()%s",
                    f": {error}" if error else "; flush() waits longer",
                    extra={"service": self._stream.name, "blocks": left},
                )
            self._ended = self._ended or ConnectionError(
                f"{self._stream.name} was closed", service=self._stream.name
            )
            self._changed.notify_all()
        self._loop.soon(self._idle.set)

    # --- In the loop's thread

    def disconnected(self) -> None:
        """The connection is lost."""
        self._connected.clear()
        with self._changed:
            self._doubt = self._doubt or (self._unflushed and not self._jetstream)

    def reconnected(self) -> None:
        """It is back: what JetStream did not confirm is sent again."""
        self._back = time.monotonic()
        self._connected.set()
        self._repeat(0.0)

    def refused(self, error: BaseException, *, for_good: bool = False) -> None:
        """The server refused something; the next flush says so."""
        with self._changed:
            self._error = self._error or error
            if for_good:
                self._ended = error
            self._changed.notify_all()
        self._connected.set()
        if for_good:
            self._idle.set()

    def _begin(self) -> None:
        self._task = asyncio.ensure_future(self._send())

    async def _send(self) -> None:
        self._sending = True
        try:
            if self._jetstream and not self._inbox:
                await self._listen()
            await self._send_all()
        except Exception as error:
            self.refused(translated(error, self._stream.name, self._stream.conceal), for_good=True)
        finally:
            with self._changed:
                self._sending = False
                self._changed.notify_all()

    async def _send_all(self) -> None:
        client = self._client
        while True:
            with self._changed:
                items = list(islice(self._items, _TURN))
                if not items:
                    self._scheduled = False
                    self._idle.set()
                    return
            for block, item in items:
                while not client.is_connected and self._ended is None:
                    await self._connected.wait()
                    await asyncio.sleep(0)
                if self._ended is not None:
                    return
                topic, payload, headers = item
                if block and self._jetstream:
                    await self._send_kept(item)
                elif headers:
                    await client.publish(topic, payload, headers=headers)
                else:
                    queued(client, topic, payload)
                    if client._pending_data_size > _PENDING:
                        await sent(client)
            await sent(client)
            with self._changed:
                for block, item in items:
                    self._items.popleft()
                    if block and not self._jetstream:
                        self._bytes -= len(item[1])
                self._changed.notify_all()
            await asyncio.sleep(0)

    # --- JetStream

    async def _listen(self) -> None:
        inbox = self._client.new_inbox()
        await self._client.subscribe(f"{inbox}.*", cb=self._confirmed)
        self._inbox = inbox
        self._watch = asyncio.ensure_future(self._look())

    async def _send_kept(self, item: Item) -> None:
        topic, payload, headers = item
        self._count += 1
        number = self._count
        headers = {_ID: f"{self._prefix}-{number}", **(headers or {})}
        kept = (topic, payload, headers)
        self._open[number] = (time.monotonic(), kept)
        await self._client.publish(topic, payload, reply=f"{self._inbox}.{number}", headers=headers)

    async def _confirmed(self, message: Msg) -> None:
        number = int(message.subject.rpartition(".")[2])
        if number not in self._open:
            return
        error = self._of(message)
        if isinstance(error, NotFoundError) and time.monotonic() - self._back < _RECOVERY:
            return  # it is sent again
        with self._changed:
            _, item = self._open.pop(number)
            self._bytes -= len(item[1])
            self._error = self._error or error
            if len(self._open) in (0, _WAITING // 2):
                self._changed.notify_all()

    def _of(self, message: Msg) -> BaseException | None:
        name, conceal = self._stream.name, self._stream.conceal
        if message.headers and message.headers.get("Status") == "503":
            return translated(nats.js.errors.NoStreamResponseError(), name, conceal)
        try:
            answer: dict[str, Any] = json.loads(message.data)
        except ValueError:
            return IntegrationError(f"{name}: JetStream's answer cannot be read", service=name)
        if "error" not in answer:
            return None
        try:
            nats.js.errors.APIError.from_error(answer["error"])
        except nats.errors.Error as error:
            return translated(error, name, conceal)
        return None

    async def _look(self) -> None:
        while self._ended is None:
            await asyncio.sleep(_AGAIN / 4)
            self._repeat(_AGAIN)

    def _repeat(self, age: float) -> None:
        """Sends again what is older than so many seconds and not confirmed."""
        if self._open:
            self._repeating = asyncio.ensure_future(self._repeated(time.monotonic() - age))

    async def _repeated(self, before: float) -> None:
        for number, (when, item) in list(self._open.items()):
            if when <= before and self._client.is_connected and number in self._open:
                self._open[number] = (time.monotonic(), item)
                topic, payload, headers = item
                await self._client.publish(topic, payload, reply=f"{self._inbox}.{number}", headers=headers)
