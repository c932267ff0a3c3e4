"""The messages of streams on one connection: ``publish``, ``subscribe``, ``credit`` and the rest."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from arcuate.errors import ArcuateError, InvalidArgument, LimitExceeded
from arcuate.hub.relay import Request, error_message, reply_message
from arcuate.hub.streams import BUFFER, Sample, Subscription
from arcuate.values import codes
from arcuate.values.nodes import Cursor, Nodes, Row, signed

if TYPE_CHECKING:
    from collections.abc import Callable

    from arcuate.hub.connection import Connection
    from arcuate.hub.principal import Principal

__all__ = ["HANDLERS", "Feeds"]


class Feeds:
    """The subscriptions of one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._readers: dict[int, Subscription] = {}

    def publish(self, principal: Principal, request: Request) -> None:
        """Publishes; the answer is sent when the sample has its number."""
        answer = self._connection.answer
        begun = time.monotonic()

        def done(result: int | ArcuateError) -> None:
            if isinstance(result, ArcuateError):
                self._observe(principal, request, result.code, begun)
                answer(error_message(request.id, result))
            else:
                self._observe(principal, request, "", begun)
                answer(reply_message(request.id, result))

        milliseconds = request.controls.get("deadline")
        try:
            self._connection.hub.streams.offer(
                principal,
                _text(request, "topic"),
                _value(request),
                done,
                timeout=None if milliseconds is None else milliseconds / 1000,
                publisher=_text(request, "publisher", ""),
                number=_int(request, "number", 0),
            )
        except ArcuateError as error:
            self._observe(principal, request, error.code, begun)
            raise

    def subscribe(self, principal: Principal, request: Request) -> None:
        """Begins a subscription: the reply first, then samples as far as the credit goes."""
        connection, number = self._connection, request.id
        most = connection.hub.config.limits.subscriptions
        begun = time.monotonic()

        def deliver(sample: Sample, lost: int) -> None:
            connection.send(sample.message(number, lost))

        def ended(error: ArcuateError) -> None:
            self._readers.pop(number, None)
            connection.answer(error_message(number, error))

        try:
            if number in self._readers:
                raise InvalidArgument(f"the subscription {number} exists already; use a new id for each")
            if len(self._readers) >= most:
                raise LimitExceeded(
                    f"this connection has {most} subscriptions already; end some, or raise the setting "
                    "'subscriptions'",
                    setting="subscriptions",
                )
            buffer = _int(request, "buffer", BUFFER)
            start = request.row("from")
            epoch = request.row("epoch")
            credit = _int(request, "credit", buffer)
            reader = connection.hub.streams.subscribe(
                principal,
                _text(request, "topic"),
                deliver,
                ended=ended,
                start=None if start is None else _int(request, "from", 0),
                epoch=None if epoch is None else _int(request, "epoch", 0),
                policy=_text(request, "policy", "drop"),
                buffer=buffer,
            )
        except ArcuateError as error:
            self._observe(principal, request, error.code, begun)
            raise
        self._readers[number] = reader
        self._observe(principal, request, "", begun)
        place = reader.topic
        fields = {"next": place.next, "oldest": place.oldest, "first": reader.at, "epoch": place.epoch}
        connection.answer(reply_message(number, fields))
        reader.more(credit)
        if connection.gone:
            self.close()

    def credit(self, request: Request) -> None:
        """Takes more credit; for a subscription that has ended it comes too late and says nothing."""
        reader = self._readers.get(_int(request, "subscription", 0))
        if reader is not None:
            reader.more(_int(request, "count", 0))

    def unsubscribe(self, request: Request) -> None:
        """Ends a subscription."""
        reader = self._readers.pop(_int(request, "subscription", 0), None)
        if reader is not None:
            reader.close()
        self._connection.answer(reply_message(request.id, None))

    def topics(self, principal: Principal, request: Request) -> None:
        """Lists the topics."""
        found = self._connection.hub.streams.topics(principal)
        self._connection.answer(reply_message(request.id, found))

    def close(self) -> None:
        """Ends all subscriptions, when the connection is gone."""
        while self._readers:
            self._readers.popitem()[1].close()

    def end(self, error: ArcuateError) -> None:
        """Ends all subscriptions, and says why."""
        while self._readers:
            number, reader = self._readers.popitem()
            reader.close()
            self._connection.answer(error_message(number, error))

    def _observe(self, principal: Principal, request: Request, code: str, begun: float) -> None:
        self._connection.hub.observe(principal, "", "", request, code, time.monotonic() - begun)


def _publish(connection: Connection, request: Request) -> None:
    connection.feeds.publish(connection.recognised(), request)


def _subscribe(connection: Connection, request: Request) -> None:
    connection.feeds.subscribe(connection.recognised(), request)
    try:
        connection.recognised()
    except ArcuateError as error:  # its time ended in this very moment
        connection.feeds.end(error)


def _credit(connection: Connection, request: Request) -> None:
    connection.feeds.credit(request)


def _unsubscribe(connection: Connection, request: Request) -> None:
    connection.feeds.unsubscribe(request)


def _topics(connection: Connection, request: Request) -> None:
    connection.feeds.topics(connection.recognised(), request)


HANDLERS: dict[str, Callable[[Connection, Request], None]] = {
    "publish": _publish,
    "subscribe": _subscribe,
    "credit": _credit,
    "unsubscribe": _unsubscribe,
    "topics": _topics,
}


def _text(request: Request, key: str, default: str | None = None) -> str:
    if request.row(key) is None and default is not None:
        return default
    found = request.text(key)
    if found is None:
        raise InvalidArgument(f"{request.op!r} needs a {key!r} that is a text")
    return found


def _int(request: Request, key: str, default: int) -> int:
    row = request.row(key)
    if row is None:
        return default
    if row[0] != codes.INT:
        raise InvalidArgument(f"the field {key!r} of {request.op!r} must be an int")
    return signed(row[5])


def _value(request: Request) -> Nodes:
    """The field ``value`` of a message as a value of its own, without decoding it."""
    message = request.message
    at = request.places.get("value")
    if at is None:
        raise InvalidArgument("'publish' needs a 'value'")
    cursor = Cursor(message)
    cursor.next()
    while cursor.place[0] < at:
        cursor.skip()
    row, number, buffer = cursor.place
    cursor.skip()
    end, last_number, last_buffer = cursor.place
    first: Row = (*message.rows[row][:6], "", message.rows[row][7])
    return Nodes(
        [first, *message.rows[row + 1 : end]],
        message.pool[number:last_number],
        message.buffers[buffer:last_buffer],
    )
