"""uvicorn's HTTP/1.1 connection with what it leaves open: limits and time for heads, large bodies, its end.

The parser is llhttp in its strict mode: it refuses what smuggles requests (a length and chunks at once, two
lengths, bare line feeds). What it does not bound is bounded here.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from arcuate.http.tls import subject

__all__ = ["HttpConnection"]

_HEAD_BYTES = 64 << 10
"""Bytes of a request's head; and of what surrounds the pieces of a chunked body."""
_HEAD_SECONDS = 10.0
_ORDER = itertools.count()
_STATUS = {
    408: b"HTTP/1.1 408 Request Timeout\r\n",
    431: b"HTTP/1.1 431 Request Header Fields Too Large\r\n",
    503: b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n",
}


class HttpConnection(HttpToolsProtocol):
    """One TCP connection.

    Attributes:
        most: how many there may be at once.
        patience: seconds within which the first request must have begun.
        held: sessions live as long as this connection; it is not closed for being idle then.
        watchers: called when it is lost.
        filled: bytes of a large body that have arrived.
        known: its client has been authenticated.
    """

    most = 1024
    patience = _HEAD_SECONDS

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.held: set[Any] = set()
        self.watchers: set[Callable[[], None]] = set()
        self.filled = 0
        self.known = False
        self._made = next(_ORDER)
        self._target: memoryview | None = None
        self._done: asyncio.Future[bool] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._heading = True
        self._overhead = 0  # bytes that are no body
        self._head = 0  # bytes of the fields of the head that is being read
        self._refused = False
        self._body = self._piece = 0

    # -------------------------------------------------------------------- life

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.known = self.certificate() is not None
        if len(self.connections) > self.most and not self._make_room():
            self._refuse(503)
            return
        self._timer = self.loop.call_later(self.patience, self._slow)

    def _make_room(self) -> bool:
        """Cuts the oldest of the connections that do nothing and are nobody's; says whether there was one."""
        others: Any = self.connections - {self}
        spare = [one for one in others if isinstance(one, HttpConnection) and one._idle()]
        if not spare:
            return False
        oldest = min(spare, key=lambda one: one._made)
        self.connections.discard(oldest)  # at once: others may come before its end is noticed
        oldest.transport.abort()
        return True

    def _idle(self) -> bool:
        """Whether no request has come; where such may wait for long, whether none of a known client has."""
        cycle: Any = self.cycle
        if cycle is None:
            return not self.known
        return self.patience > _HEAD_SECONDS and not self.known and cycle.response_complete

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._no_timer()
        done, self._done, self._target = self._done, None, None
        if done is not None and not done.done():
            done.set_result(False)
        for held in list(self.held):
            held.let_go(self)
        for watcher in list(self.watchers):
            watcher()
        self.watchers.clear()

    def _slow(self) -> None:
        self._timer = None
        if not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        self._no_timer()
        self._refused = True
        self.transport.write(_STATUS[status] + b"content-length: 0\r\nconnection: close\r\n\r\n")
        self.transport.close()

    def _no_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # ----------------------------------------------------------------- arrival

    def data_received(self, data: bytes) -> None:
        self._piece = 0  # by packet: a message that begins in this one has its own count of its body
        super().data_received(data)
        if self.transport.is_closing() or self.parser is None:
            return
        self._overhead += len(data) - self._piece
        if self._overhead > _HEAD_BYTES + self._body // 8:
            self._refuse(431)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["arcuate.protocol"] = self  # type: ignore[typeddict-unknown-key]
        self._heading = True
        self._overhead = self._body = self._head = 0
        if self.patience > _HEAD_SECONDS:  # the head itself gets no more time than others
            self._no_timer()
        if self._timer is None:
            self._timer = self.loop.call_later(_HEAD_SECONDS, self._slow)

    def on_url(self, url: bytes) -> None:
        self._head += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head += len(name) + len(value)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._heading = False
        self._overhead = 0
        self._no_timer()
        if self._refused:
            return
        if self._head > _HEAD_BYTES:  # it came in one packet, which was not counted yet
            self._refuse(431)
            return
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        if not self._refused:
            super().on_message_complete()

    def on_body(self, body: bytes) -> None:
        if self._refused:
            return
        size = len(body)
        self._body += size
        self._piece += size
        target = self._target
        if target is None:
            super().on_body(body)
            return
        at = self.filled
        target[at : at + size] = body
        self.filled = at + size
        if self.filled == len(target):
            self._full()

    def sink(self, scope: MutableMapping[str, Any], target: memoryview) -> asyncio.Future[bool]:
        """Has the rest of a request's body written to ``target``.

        Returns:
            A future: ``True`` when it is full, ``False`` when the connection was lost.
        """
        done: asyncio.Future[bool] = self.loop.create_future()
        cycle: Any = self.cycle
        if cycle.scope is not scope or cycle.disconnected:
            done.set_result(False)
            return done
        self._done = done
        self.filled = len(cycle.body)
        target[: self.filled] = cycle.body
        cycle.body = bytearray()
        if self.filled == len(target):
            self._full()
            return done
        self._target = target
        if cycle.waiting_for_100_continue and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            cycle.waiting_for_100_continue = False
        self.flow.resume_reading()
        return done

    def _full(self) -> None:
        done, self._done, self._target = self._done, None, None
        if done is not None and not done.done():
            done.set_result(True)

    # ------------------------------------------------------------------ answer

    def on_response_complete(self) -> None:
        done, self._done, self._target = self._done, None, None  # answered before the body was there
        if done is not None and not done.done():
            done.set_result(False)
        super().on_response_complete()
        if self.held:
            self._unset_keepalive_if_required()

    def certificate(self) -> str | None:
        """The subject of the certificate that the client has shown, as ``CN=...,O=...``."""
        return subject(self.transport.get_extra_info("ssl_object"))
