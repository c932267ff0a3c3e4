"""Subscriptions over WebSocket, by the protocol graphql-transport-ws: a connection for each.

gql's own transport keeps events in a queue without a bound and loses those that come before its reader is
there, so that this one reads from the connection itself, event by event.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

from typing_extensions import Self

from arcuate.client.streams import GapWarning
from arcuate.connector import (
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    Resilience,
    jsontext,
)
from arcuate.connector.background import Background
from arcuate.connector.link import Dialer, Ended, Link, Patience
from arcuate.errors import SessionClosed
from arcuate.graphql.document import Operation
from arcuate.graphql.result import GraphQLResult, faults_of, of_faults, of_payload

__all__ = ["PROTOCOL", "Events", "Subscription"]

PROTOCOL = "graphql-transport-ws"
Resume = Callable[[GraphQLResult], Mapping[str, Any]]


class Subscription:
    """The events of one subscription, for asyncio.

    Args:
        operation: what is subscribed to.
        dialer: makes connections.
        resilience: how often.
        payload: of ``connection_init``.
        resume: the variables with which it goes on after an event.
    """

    def __init__(
        self,
        operation: Operation,
        dialer: Dialer,
        resilience: Resilience,
        payload: Mapping[str, Any],
        resume: Resume | None,
    ) -> None:
        self._operation, self._dialer, self._resilience = operation, dialer, resilience
        self._payload, self._resume = payload, resume
        self._patience = Patience(dialer, resilience.retry)
        self._link: Link | None = None
        self._last: GraphQLResult | None = None
        self._closed = False
        self._reading = asyncio.Lock()
        self.loop = asyncio.get_running_loop()
        self.connections = 0

    def __aiter__(self) -> AsyncIterator[GraphQLResult]:
        return self

    async def __anext__(self) -> GraphQLResult:
        async with self._reading:
            while not self._closed:
                link = self._link or await self._connected()
                try:
                    message = self._message(await link.receive())
                    kind = message["type"]
                    if kind == "next":
                        found = of_payload(self._dialer.service, message.get("payload"), self._dialer.conceal)
                        self._patience.rewarded()
                        self._last = found
                        return found
                    if kind == "error":
                        await self.aclose()
                        raise self._refused(message)
                    if kind == "complete":
                        await self.aclose()
                        break
                    await self._other(link, message)
                except Ended:
                    await self.aclose()
                    break
                except ConnectionError as error:
                    await self._lost(link, error)
                except IntegrationError as error:
                    if error.status is None:  # an error of the subscription, not of the connection
                        raise
                    await self._lost(link, error)
        raise StopAsyncIteration

    async def _lost(self, link: Link, error: IntegrationError) -> None:
        self._link = None
        if isinstance(error, DataError):
            link.abort()  # an orderly end would be another's to understand
        await link.close()
        if self._closed:
            return
        link.messages -= 1  # the acknowledgement is no event
        await self._patience.after(error, link)
        if self._resume is not None and self._last is not None:
            self._operation = self._operation.with_variables(
                {**self._operation.variables, **self._resume(self._last)}
            )
        elif self._resume is None:
            warnings.warn(
                f"{self._dialer.service}: the subscription was lost and made again; events in between may be "
                "missing: give 'resume'",
                GapWarning,
                stacklevel=2,
            )

    async def _connected(self) -> Link:
        async def attempt() -> Link:
            link = await self._dialer.dial()
            try:
                if link.subprotocol != PROTOCOL:
                    raise DataError(
                        f"{self._dialer.service}: {self._dialer.what}: it does not speak {PROTOCOL}",
                        service=self._dialer.service,
                    )
                payload = {**link.authorization.headers, **self._payload}
                await link.send(jsontext.dumps({"type": "connection_init", "payload": payload}))
                await asyncio.wait_for(self._acknowledged(link), self._dialer.timeouts.connect)
                parts = {"id": "1", "type": "subscribe", "payload": self._operation.parts()}
                await link.send(jsontext.dumps(parts, "the variables"))
            except Ended:
                await link.close()
                raise ConnectionError(
                    f"{self._dialer.service}: {self._dialer.what} was closed before it began",
                    service=self._dialer.service,
                ) from None
            except IntegrationError as error:
                await link.close()
                if error.status in (3000, 4401, 4403) and self._dialer.refuse(link.authorization):
                    return await attempt()
                raise
            except asyncio.TimeoutError:
                await link.close()
                raise IntegrationTimeout(
                    f"{self._dialer.service}: {self._dialer.what}: no acknowledgement in time (setting "
                    "'timeouts.connect')",
                    service=self._dialer.service,
                ) from None
            except BaseException:
                await link.close()
                raise
            return link

        found = await self._resilience.arun(attempt, name="subscribe", repeatable=True)
        self._link = found.value
        self.connections += 1
        if self._closed:  # meanwhile, by another task
            await self.aclose()
            raise StopAsyncIteration
        return found.value

    async def _acknowledged(self, link: Link) -> None:
        while (message := self._message(await link.receive()))["type"] != "connection_ack":
            await self._other(link, message)

    async def _other(self, link: Link, message: Mapping[str, Any]) -> None:
        if message["type"] == "ping":
            await link.send('{"type":"pong"}')
        elif message["type"] != "pong":
            raise self._bad(f"of the type {message['type']!r}, which is not expected here")

    def _message(self, data: str | bytes) -> dict[str, Any]:
        if isinstance(data, bytes):
            raise self._bad("that is binary")
        try:
            found = jsontext.loads(data)
        except jsontext.BadJSON as error:
            raise self._bad(f"that {error}") from None
        if not isinstance(found, dict) or not isinstance(found.get("type"), str):
            raise self._bad("without a type")
        return found

    def _bad(self, what: str) -> DataError:
        service = self._dialer.service
        return DataError(
            f"{service}: {self._dialer.what}: a message came {what}", service=service, status=4400
        )

    def _refused(self, message: Mapping[str, Any]) -> IntegrationError:
        payload = message.get("payload")
        faults = faults_of(payload if isinstance(payload, list) else [payload], self._dialer.conceal)
        return of_faults(self._dialer.service, faults, None, {})

    def end(self) -> None:
        """Gives no event any more; what is connecting is closed when it is."""
        self._closed = True

    async def aclose(self) -> None:
        """Tells the system that no more events are wanted, and closes the connection."""
        self.end()
        link, self._link = self._link, None
        if link is None:
            return
        if link.open:
            try:
                await asyncio.wait_for(link.send('{"id":"1","type":"complete"}'), 1.0)
            except (Ended, IntegrationError, asyncio.TimeoutError):
                pass  # it is told by the end of the connection
        await link.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


class Events:
    """The events of one subscription, for threads: an iterator that is closed after its use."""

    def __init__(self, subscription: Subscription, background: Background) -> None:
        self._subscription, self._background = subscription, background

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self._subscription.connections

    def __iter__(self) -> Iterator[GraphQLResult]:
        return self

    def __next__(self) -> GraphQLResult:
        found = self._background.run(_next(self._subscription))
        if found is None:
            raise StopIteration
        return found

    def close(self) -> None:
        """As :meth:`Subscription.aclose`; nothing where the client was closed before."""
        with contextlib.suppress(SessionClosed):
            self._background.run(self._subscription.aclose())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


async def _next(subscription: Subscription) -> GraphQLResult | None:
    """A StopAsyncIteration cannot leave a task."""
    try:
        return await subscription.__anext__()
    except StopAsyncIteration:
        return None
