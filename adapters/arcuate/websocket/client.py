"""The client: messages out and in, over connections that are made again when they are lost."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar

from typing_extensions import Self

from arcuate.client.streams import GapWarning
from arcuate.connector import (
    ConnectionError,  # noqa: A004
    Connector,
    ConnectorConfig,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    jsontext,
)
from arcuate.connector.background import Background
from arcuate.connector.link import Dialer, Ended, Link, Patience
from arcuate.connector.network import private_of, revealed
from arcuate.errors import ConversionError, InvalidArgument, SessionClosed
from arcuate.websocket.config import WebSocketConfig

__all__ = ["WebSocketClient"]


class WebSocketClient(Connector):
    """A system that sends and takes messages.

    It connects when it is first used. A connection that is lost is made again, and then :meth:`greeting` says
    what is sent first, so that a subclass, or a function, goes on where it was::

        class Ticks(WebSocketClient):
            def identify(self, message):
                return message["id"]

            def greeting(self, last):
                return [{"subscribe": "ticks", "after": last}]

        with Ticks(url="wss://api.example/ticks", format="json") as ticks:
            for tick in ticks:
                ...

    Args:
        config: settings.
        greeting: instead of the method.
        identify: instead of the method.
        **arguments: settings (:class:`WebSocketConfig`).

    Attributes:
        headers: sent with each handshake.
        connections: how many were made.
        last: what :meth:`identify` gave for the last message.
    """

    Config: ClassVar[type[ConnectorConfig]] = WebSocketConfig
    default_name = "websocket"

    def __init__(
        self,
        config: ConnectorConfig | Mapping[str, Any] | None = None,
        /,
        *,
        greeting: Callable[[Any], Iterable[Any]] | None = None,
        identify: Callable[[Any], Any] | None = None,
        **arguments: Any,
    ) -> None:
        super().__init__(config, **arguments)
        self.headers: dict[str, str] = revealed(self.config.headers)
        self.connections = 0
        self.last: Any = None
        self._greet, self._identify = greeting, identify
        self._background = Background(f"arcuate-{self.name}")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._link: Link | None = None
        self._dialer: Dialer | None = None
        self._patience: Patience | None = None
        self._some = self._gap = False

    # --- What a subclass says

    def greeting(self, last: Any) -> Iterable[Any]:
        """What is sent after each connection.

        Args:
            last: what :meth:`identify` gave for the last message that was given; ``None`` at first.
        """
        return self._greet(last) if self._greet is not None else ()

    def identify(self, message: Any) -> Any:
        """By what the other side knows a message; ``None``: by nothing, or this message is no part of what
        could be missing.
        """
        return self._identify(message) if self._identify is not None else None

    # --- For threads

    def send(self, data: Any, *, repeatable: bool = False) -> None:
        """Sends a message: bytes as binary; text as text; with ``format="json"``, or anything else, as JSON.

        Args:
            data: the message.
            repeatable: whether it may be sent again when the connection was lost while it was sent.

        Raises:
            IntegrationError: ``executed`` says whether it may have been sent.
            ConversionError: it is no JSON.
        """
        self._background.run(self.asend(data, repeatable=repeatable))

    def receive(self, timeout: float | None = None) -> Any:
        """The next message.

        Args:
            timeout: seconds to wait; ``None``: as long as the other side answers pings.

        Raises:
            IntegrationTimeout: none came in time; the connection stays.
            IntegrationError: the connection is lost and could not be made again, or was closed for a reason.
            DataError: the message is no JSON; the next one can be received.
            EOFError: the other side said that there is none.
        """
        return self._background.run(self.areceive(timeout))

    def __iter__(self) -> Iterator[Any]:
        """The messages, until the other side ends in order. After an error it can be iterated anew."""
        return self

    def __next__(self) -> Any:
        try:
            return self.receive()
        except EOFError:
            raise StopIteration from None

    def connect(self) -> Self:
        """Connects now, instead of at the first use."""
        self._background.run(self.aconnect())
        return self

    # --- For asyncio

    async def asend(self, data: Any, *, repeatable: bool = False) -> None:
        """As :meth:`send`, for asyncio."""
        text = self._encoded(data)
        for last in (False, True):
            link = await self._up()
            try:
                await self.resilience.arun(lambda link=link: self._sent(link, text), name="send")  # type: ignore[misc]
            except IntegrationError as error:
                if not link.open:
                    await self._drop(link)
                if last or not (error.executed == "no" or repeatable) or not error.recoverable:
                    raise
            else:
                return

    async def _sent(self, link: Link, data: str | bytes) -> None:
        was_open = link.open
        try:
            await link.send(data)
        except Ended:
            raise ConnectionError(
                f"{self.name}: the other side closed the connection in order",
                service=self.name,
                status=1000,
                executed="maybe" if was_open else "no",
            ) from None

    async def areceive(self, timeout: float | None = None) -> Any:
        """As :meth:`receive`, for asyncio; may be cancelled without losing a message."""
        if timeout is None:
            return await self._next()
        try:
            return await asyncio.wait_for(self._next(), timeout)
        except asyncio.TimeoutError as error:
            if isinstance(error, IntegrationError):
                raise
            raise IntegrationTimeout(
                f"{self.name}: no message came within {timeout:g} s", service=self.name
            ) from None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self.areceive()
        except EOFError:
            raise StopAsyncIteration from None

    async def aconnect(self) -> Self:
        """As :meth:`connect`, for asyncio."""
        await self._up()
        return self

    # --- Messages

    def _encoded(self, data: Any) -> str | bytes:
        if isinstance(data, (bytes, bytearray, memoryview)):
            return bytes(data)
        if isinstance(data, str) and self.config.format == "raw":
            try:
                data.encode()
            except UnicodeEncodeError:
                raise ConversionError("the message has half a surrogate pair, which is no Unicode") from None
            return data
        return jsontext.dumps(data, "the message")

    def _decoded(self, data: str | bytes) -> Any:
        if self.config.format == "raw" or isinstance(data, bytes):
            return data
        try:
            return jsontext.loads(data)
        except jsontext.BadJSON as error:
            raise DataError(
                f"{self.name}: a message of {len(data)} characters {error}", service=self.name, executed="yes"
            ) from None

    async def _next(self) -> Any:
        self._here()
        async with self._reading:
            while True:
                link = await self._up()
                if self._gap:
                    self._gap = False
                    warnings.warn(
                        f"{self.name}: the connection was lost and made again; what was sent in between "
                        "may be missing: write identify() and greeting()",
                        GapWarning,
                        stacklevel=2,
                    )
                try:
                    data = await link.receive()
                except Ended as ended:
                    await self._drop(link)
                    if self._closed:  # it was this side
                        raise self._over() from None
                    raise EOFError(f"{self.name}: the other side has ended: {ended}") from None
                except IntegrationError as error:
                    await self._drop(link)
                    if not self.config.reconnect:
                        raise
                    assert self._patience is not None
                    await self._patience.after(error, link)
                    continue
                except BaseException:
                    if not link.open:
                        await self._drop(link)
                    raise
                self._some = True
                if self._patience is not None:
                    self._patience.rewarded()
                message = self._decoded(data)
                found = self.identify(message)
                if found is not None:
                    self.last = found
                return message

    # --- Connections

    def _here(self) -> None:
        """Binds the client to the loop that uses it first."""
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
            self._dialling, self._reading = asyncio.Lock(), asyncio.Lock()
        elif self._loop is not loop:
            raise InvalidArgument(
                f"{self.name} is open in another event loop, or is used by threads; make one for each"
            )

    async def _up(self) -> Link:
        """The connection; a new one if there is none."""
        self._here()
        link = self._link
        if link is not None:
            return link
        async with self._dialling:
            if self._link is None:
                if not self._opened:
                    self.open()
                await self.resilience.arun(self._dial, name="connect", repeatable=True)
                if self._closed:
                    await self._drop(self._link)
            if self._closed or self._link is None:
                raise self._over()
            return self._link

    def _over(self) -> SessionClosed:
        return SessionClosed(f"{self.name} was closed; make a new {type(self).__name__}")

    async def _dial(self) -> None:
        assert self._dialer is not None
        link = await self._dialer.dial()
        try:
            for message in self.greeting(self.last):
                await self._sent(link, self._encoded(message))
        except BaseException:
            await link.close()
            raise
        self._link = link
        self._gap = self._some and self._unidentified
        self.connections += 1

    @property
    def _unidentified(self) -> bool:
        return type(self).identify is WebSocketClient.identify and self._identify is None

    async def _drop(self, link: Link | None) -> None:
        if link is not None:
            if self._link is link:
                self._link = None
            await link.close()

    # --- Life

    def _open(self) -> None:
        self._dialer = self._dialer_of()
        self._patience = Patience(self._dialer, self.resilience.retry)

    def _dialer_of(self) -> Dialer:
        return Dialer(
            self.name,
            self.config.url,
            settings=self.config,
            timeouts=self.config.timeouts,
            headers=lambda: self.headers,
            authorizer=self.config.auth,
            ca_file=self.config.ca_file,
            subprotocols=self.config.subprotocols,
            conceal=self.conceal,
        )

    async def aclose(self) -> None:
        """As :meth:`close`, for asyncio."""
        if self._loop is asyncio.get_running_loop():
            await self._drop(self._link)
        await super().aclose()

    def close(self) -> None:
        """Closes the connection in order. Who waits for a message gets none."""
        try:
            super().close()
        finally:
            self._background.close()

    def _close(self) -> None:
        loop, link = self._loop, self._link
        if loop is None or link is None or not loop.is_running():
            return
        try:
            here = asyncio.get_running_loop()
        except RuntimeError:
            here = None
        if here is loop:
            raise InvalidArgument(f"{self.name} was used by asyncio; close it by 'await aclose()'")
        asyncio.run_coroutine_threadsafe(self._drop(link), loop).result(10)

    def _check(self) -> Mapping[str, Any]:
        """By a connection of its own: the other one may be busy."""

        async def asked() -> Mapping[str, Any]:
            link = await self._dialer_of().dial()
            try:
                await link.pinged()
                return {"subprotocol": link.subprotocol} if link.subprotocol else {}
            except Ended:
                return {}
            finally:
                await link.close()

        own = Background(f"arcuate-{self.name}-health")
        try:
            return own.run(asked())
        finally:
            own.close()

    def secrets(self) -> list[str]:
        """Also those that are in :attr:`headers`, in ``config.extra`` and the authenticator's."""
        found = super().secrets()
        found += private_of(self.headers, self.config.extra, authorizer=self.config.auth)
        return [text for text in found if text]
