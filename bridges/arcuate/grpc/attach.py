"""One ``Attach``: the stream of a client, and its connection to the hub."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any

import grpc

from arcuate.client import messages
from arcuate.client.net.chunks import CHUNK, Reader, Refused, chunk, pack, pack_plain
from arcuate.errors import ArcuateError, ConnectionLost, ProtocolError
from arcuate.grpc.identity import credentials
from arcuate.hub import Connection
from arcuate.hub.relay import error_message
from arcuate.values.limits import Limits
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub import Hub

__all__ = ["Stream"]

log = logging.getLogger(__name__)

HELLO = 30.0
"""Seconds that a client has to say its first word."""
BACKLOG = 10_000
"""Messages that may wait for a client that does not read."""
BACKLOG_BYTES = 1 << 28
"""Bytes of them; large buffers do not count, since they are not copied before they are sent."""
_LAST = 1.0
"""Seconds in which a client that has said its last word must take what was said to it."""
_BUSY_ROWS, _BUSY_BYTES = 1000, 1 << 17
"""Messages from these sizes on are read in another thread: the loop serves others meanwhile."""

Item = tuple[bytes, list[memoryview]]


class Stream:
    """A client.

    Args:
        hub: the hub.
        context: gRPC's side of the stream.
        loop: the loop that serves it.
        readers: threads for large messages.
        count: told what went wrong.

    Attributes:
        connection: the hub's side.
        stuck: since when a message waits to be taken, or 0.
    """

    def __init__(
        self,
        hub: Hub,
        context: Any,
        loop: asyncio.AbstractEventLoop,
        readers: Executor,
        count: Callable[[str], None],
    ) -> None:
        self._context = context
        self._loop = loop
        self._readers = readers
        self._count = count
        self._lock = threading.Lock()
        self._queue: deque[Item | None] = deque()
        self._bytes = 0
        self._stirred = False
        self._gone = False
        self._plain = False
        self._event = asyncio.Event()
        self._over = asyncio.Event()
        self._ended = False
        self.stuck = 0.0
        self.connection = Connection(
            hub, self.send, transport="grpc", credentials=credentials(context), end=self.end
        )

    # ----------------------------------------------------------------- arrival

    async def serve(self) -> None:
        """Serves the client until it or the hub ends the stream."""
        reader, writer, over = tasks = [
            asyncio.create_task(work) for work in (self._read(), self._write(), self._over.wait())
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if reader.done() and not writer.done() and not over.done():
                self.end()
                await asyncio.wait((writer,), timeout=_LAST)  # what the hub said last is still on its way
        finally:
            self.leave()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _read(self) -> None:
        connection = self.connection
        depth = connection.limits.depth
        reader = Reader(Limits(message=CHUNK, array=CHUNK, nodes=4096, text=CHUNK, depth=depth))
        read: Callable[[], Awaitable[Any]] = self._context.read
        receive = connection.receive
        greeted = False
        try:
            while not self._ended:
                data = await (read() if greeted else asyncio.wait_for(read(), HELLO))
                if data is grpc.aio.EOF:
                    break
                try:
                    if len(data) < _BUSY_BYTES or (data[0] == 0x1A and not reader.in_frame):
                        message = reader.feed(data)
                    else:
                        message = await self._loop.run_in_executor(self._readers, reader.feed, data)
                except Refused as refused:
                    connection.refuse(refused.number, refused.error)
                    if not (refused.number and greeted):
                        self.end()
                    continue
                if message is None:
                    continue
                if greeted and len(message.rows) < _BUSY_ROWS and not _heavy(message):
                    receive(message, checked=reader.plain)
                    continue
                if not greeted:
                    self._plain = reader.plain
                await self._loop.run_in_executor(self._readers, self._take, message, reader.plain)
                if not greeted and connection.principal is not None:
                    greeted = True
                    reader.limits = connection.limits
            if reader.pending:
                self._count("truncated")
        except asyncio.TimeoutError:
            self._count("silent")
            self._fail(ProtocolError(f"no 'hello' came within {HELLO:g} s"))
        except ArcuateError as error:
            self._count("garbage")
            self._fail(error)
        except Exception as error:  # a defect of the reader must end this stream only
            log.exception("a message of %s could not be read", connection.credentials.peer)
            self._count("garbage")
            self._fail(ProtocolError(f"the message cannot be read: {type(error).__name__}"))

    def _take(self, message: Nodes, checked: bool) -> None:
        self.connection.receive(message, checked=checked)

    def _fail(self, error: ArcuateError) -> None:
        """Tells the client why its stream ends."""
        self.connection.refuse(0, error)
        self.end()

    # ----------------------------------------------------------------- leaving

    def send(self, message: Nodes) -> None:
        """Sends a message, from any thread, without waiting.

        Raises:
            ConnectionLost: the client is gone, or does not read.
        """
        if self._gone:
            raise ConnectionLost("the client is gone")
        if self._plain:
            try:
                item: Item = pack_plain(message), []
            except ArcuateError as error:
                item = pack_plain(error_message(max(0, messages.head(message)[1]), error)), []
        else:
            item = pack(message)
        with self._lock:
            self._queue.append(item)
            self._bytes += len(item[0])
            full = len(self._queue) > BACKLOG or self._bytes > BACKLOG_BYTES
            stirred, self._stirred = self._stirred, True
        if full:
            self.give_up()
            raise ConnectionLost("the client does not read what it is sent")
        if not stirred:
            self._stir()

    def _stir(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._event.set)
        except RuntimeError:  # the loop has ended, with the process
            raise ConnectionLost("the hub has been stopped") from None

    async def _write(self) -> None:
        write = self._context.write
        queue = self._queue
        while True:
            await self._event.wait()
            self._event.clear()
            while True:
                with self._lock:
                    if not queue:
                        self._stirred = False
                        self.stuck = 0.0
                        break
                    item = queue.popleft()
                    if item is not None:
                        self._bytes -= len(item[0])
                if item is None:
                    return
                first, rest = item
                self.stuck = time.monotonic()
                await write(first)
                for view in rest:
                    self.stuck = time.monotonic()
                    await write(chunk(view))
                del item, rest

    def end(self) -> None:
        """Ends the stream after what was sent already. From any thread."""
        with self._lock:
            self._ended = True
            self._queue.append(None)
            stirred, self._stirred = self._stirred, True
        if not stirred:
            self._stir()

    def give_up(self) -> None:
        """Ends the stream of a client that does not read. From any thread."""
        self._count("slow")
        self._gone = True
        self._loop.call_soon_threadsafe(self._over.set)

    def leave(self) -> None:
        """The client is gone: its session waits for it. Idempotent."""
        self._gone = True
        with self._lock:
            self._queue.clear()
        self.connection.lost()


def _heavy(message: Nodes) -> bool:
    """Whether looking at a message takes so long that others would notice."""
    return any((len(one) if isinstance(one, bytes) else one.nbytes) >= _BUSY_BYTES for one in message.buffers)
