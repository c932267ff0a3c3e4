"""A client's connection to the hub across many HTTP requests.

HTTP has no connection in the sense of the bus. A :class:`Channel` stands for it: it holds a
:class:`~arcuate.hub.Connection`, collects what the hub sends and hands it to the requests that wait for it.

Each message goes to one reader: to the request whose call it belongs to, else to the one that has waited
longest, else it waits for the next. All of it runs in the bridge's own loop, but for :meth:`Channel.send`.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from arcuate.client import messages
from arcuate.errors import ConnectionLost, SessionClosed
from arcuate.hub import Connection
from arcuate.values import codes
from arcuate.values.nodes import Nodes

if TYPE_CHECKING:
    from arcuate.hub import Credentials, Hub, Principal
    from arcuate.hub.session import HubSession

__all__ = ["LEASE", "Channel", "Reader", "call_of", "sequence"]

LEASE = 300.0
"""Seconds that a session lives without a request, a connection that it came on, or anybody who waits."""
_LARGE = 1 << 20
_OWN = 1 << 51
"""Ids that the bridge chooses begin here."""
_numbers = itertools.count(_OWN + 1)


class Reader:
    """A request that waits for messages.

    Args:
        call: the id whose messages are its own; 0: any that nobody else wants.
        only: takes only events and the reply of its call; callbacks go to others.
    """

    def __init__(self, channel: Channel, call: int = 0, *, only: bool = False) -> None:
        self.channel = channel
        self.call = call
        self.only = only
        self.queue: deque[Nodes] = deque()
        self.closed = False
        self._waiter: asyncio.Future[None] | None = None

    def put(self, message: Nodes) -> None:
        """Gives it a message."""
        self.queue.append(message)
        self.wake()

    def wake(self) -> None:
        """Has it look again."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def end(self) -> None:
        """No more messages will come."""
        self.closed = True
        self.wake()

    async def next(self, timeout: float) -> Nodes | None:
        """The next message; ``None`` after ``timeout`` seconds, or at the end (``closed``)."""
        if not self.queue and not self.closed and timeout > 0:
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(timeout, self.wake)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        return self.queue.popleft() if self.queue else None


class Channel:
    """One client of the hub.

    Args:
        hub: the hub.
        loop: the bridge's loop.
        principal: who it is.
        credentials: and what that was recognised by.
        lease: see :data:`LEASE`.
        transport: the protocol, for logs and metrics.

    Attributes:
        delivered: all messages up to this ``seq`` have been handed out.
        gone: the hub was told that the client is gone; the session may still be resumed.
    """

    def __init__(
        self,
        hub: Hub,
        loop: asyncio.AbstractEventLoop,
        principal: Principal,
        credentials: Credentials,
        lease: float = LEASE,
        *,
        transport: str = "http",
    ) -> None:
        self.hub = hub
        self._transport = transport
        self.loop = loop
        self.principal = principal
        self.credentials = credentials
        self.lease = lease
        self.delivered = 0
        self.gone = False
        self.over: Callable[[Channel], None] | None = None
        self.used = time.monotonic()
        self._pending: deque[Nodes] = deque()
        self._came: deque[int] = deque()  # what the session has sent since, by ``seq``
        self._handed: set[int] = set()  # and what of it was handed out before others
        self._readers: list[Reader] = []
        self._holders: set[Any] = set()
        self._order = asyncio.Lock()
        self.connection = self._connect()

    def _connect(self) -> Connection:
        connection = Connection(
            self.hub, self.send, transport=self._transport, credentials=self.credentials, end=self._end
        )
        self.hub.admit(connection)
        connection.recognise(self.principal)
        return connection

    @property
    def session(self) -> HubSession | None:
        """Its session."""
        return self.connection.session

    def number(self) -> int:
        """A new id for a request whose client has chosen none; no other channel has it."""
        return next(_numbers)

    # ------------------------------------------------------------- from the hub

    def send(self, message: Nodes) -> None:
        """Takes a message of the hub; from any thread."""
        if self.gone:
            raise ConnectionLost("the HTTP client is gone")
        try:
            self.loop.call_soon_threadsafe(self._came_in, message)
        except RuntimeError:
            raise ConnectionLost("the HTTP bridge has been stopped") from None

    def _end(self) -> None:
        try:
            self.loop.call_soon_threadsafe(self.close)
        except RuntimeError:
            pass

    def _came_in(self, message: Nodes) -> None:
        if not self.gone and (number := sequence(message)):
            self._came.append(number)
        self._arrived(message)

    def _arrived(self, message: Nodes) -> None:
        if self.gone:
            return
        reader = self._reader(message)
        if reader is None:
            self._pending.append(message)
        else:
            reader.put(message)

    def _reader(self, message: Nodes) -> Reader | None:
        call, op = call_of(message)
        for reader in self._readers:
            if reader.call == call and not (reader.only and op == "callback"):
                return reader
        for reader in self._readers:
            if not reader.only:
                return reader
        return None

    # ------------------------------------------------------------ to the readers

    def read(self, call: int = 0, *, only: bool = False) -> Reader:
        """A reader; it is given what has waited for one. :meth:`done` ends it."""
        reader = Reader(self, call, only=only)
        self._readers.append(reader)
        self.used = time.monotonic()
        waiting, self._pending = self._pending, deque()
        for message in waiting:
            found = self._reader(message)
            if found is None:
                self._pending.append(message)
            else:
                found.put(message)
        if self.gone:
            reader.end()
        return reader

    def done(self, reader: Reader) -> None:
        """A reader that is finished: what it did not hand out goes to others."""
        if reader in self._readers:
            self._readers.remove(reader)
        self.used = time.monotonic()
        left, reader.queue = reader.queue, deque()
        for message in left:
            self._arrived(message)

    def broken(self, reader: Reader) -> None:
        """A reader whose client went away in the middle."""
        self.done(reader)
        if not self._readers:
            self.lost()

    def end(self, call: int) -> None:
        """Ends the readers of a call, once they have handed out what they have."""
        for reader in self._readers:
            if reader.call == call:
                reader.end()

    @property
    def attached(self) -> bool:
        """Whether the session sends to this channel: another connection may have taken it over."""
        session = self.session
        return session is not None and session._send is self.connection._send

    def handed(self, message: Nodes) -> None:
        """A message has been written to a client."""
        if sequence(message) <= self.delivered:
            return
        self._handed.add(sequence(message))
        while self._came and self._came[0] in self._handed:
            self.delivered = self._came.popleft()
            self._handed.discard(self.delivered)

    def again(self, after: int) -> None:
        """Has the session send once more what came after a number; the client has all before it."""
        session = self.session
        if session is None:
            return
        handed = max(self._handed, default=self.delivered)
        if after < handed or any(sequence(message) <= after for message in self._pending):
            self._pending = deque(message for message in self._pending if not sequence(message))
            self._begin_after(after)
            session.attach(self.connection._send, after)
        else:
            session.acknowledge(after)

    def settle(self) -> None:
        """Lets the hub forget what was handed out, for a client that cannot ask for it again."""
        session = self.session
        if session is None or not self.attached:
            return
        session.acknowledge(self.delivered, self._handed)
        self._came = deque(number for number in self._came if number not in self._handed)
        self._handed.clear()

    def _begin_after(self, after: int) -> None:
        self.delivered = after
        self._came.clear()
        self._handed.clear()

    # ----------------------------------------------------------- from the client

    async def receive(self, message: Nodes, size: int = 0) -> None:
        """Hands a message of the client to the hub, in the order of arrival."""
        self.used = time.monotonic()
        async with self._order:
            if len(message.rows) > 1000 or size > _LARGE:
                await asyncio.to_thread(self.connection.receive, message)
            else:
                self.connection.receive(message)

    def hold(self, protocol: Any) -> None:
        """The client is there as long as this TCP connection is."""
        if protocol is None or protocol.transport.is_closing():
            return  # it may have been lost while its request was read: nothing would let go again
        if protocol not in self._holders:
            self._holders.add(protocol)
            protocol.held.add(self)

    def let_go(self, protocol: Any) -> None:
        """A TCP connection ended."""
        self._holders.discard(protocol)
        protocol.held.discard(self)
        self.used = time.monotonic()
        if not self._holders and not self._readers and not self.lease:
            self.lost()

    def tick(self, now: float) -> None:
        """Gives a client up that has not been heard of for too long."""
        if not self._holders and not self._readers and now - self.used >= self.lease:
            self.lost()

    # -------------------------------------------------------------------- ends

    def lost(self) -> None:
        """The client is gone: the grace period of its session begins."""
        if self.gone:
            return
        self.gone = True
        self.connection.lost()
        self._pending.clear()
        for reader in self._readers:
            reader.end()
        if self.over is not None:
            self.over(self)

    def close(self) -> None:
        """Ends it, after what is under way has been handed out."""
        for reader in self._readers:
            reader.end()
        for protocol in list(self._holders):
            self._holders.discard(protocol)
            protocol.held.discard(self)

    def revive(self) -> None:
        """The client is back, with the session's id and secret.

        Raises:
            SessionClosed: the session has ended meanwhile.
        """
        session = self.session
        if session is None or session.closed:
            raise SessionClosed("the session is over; open another")
        self.connection.lost()
        self.gone = False
        self.used = time.monotonic()
        self._pending.clear()
        self.connection = self._connect()
        self.take(session, self.delivered)

    def take(self, session: HubSession, seen: int = 0) -> None:
        """Has a session send to this channel, from after ``seen`` on."""
        self.connection.session = session
        self._begin_after(seen)
        session.attach(self.connection._send, seen)


def call_of(message: Nodes) -> tuple[int, str]:
    """The call that a message belongs to, and its ``op``."""
    op, number = messages.head(message)
    if op == "callback":
        row = message.rows[3] if len(message.rows) > 3 else None
        if row is not None and row[6] == "call" and row[0] == codes.INT:
            return row[5], op
        return 0, op
    return number, op


def sequence(message: Nodes) -> int:
    """The place of a message in what its session sends; 0 for one that belongs to no session."""
    last = message.rows[-1]
    return last[5] if last[6] == "seq" else 0
