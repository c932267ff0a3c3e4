"""One WebSocket connection, on websockets: its handshake, its pings, its end, all as errors of connectors."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pydantic import Field

from arcuate.connector import closing, statuses, tls
from arcuate.connector.authorization import Authorization, Authorizer
from arcuate.connector.config import ConnectorConfig
from arcuate.connector.errors import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
)
from arcuate.connector.policies import Retry, Timeouts
from arcuate.connector.secrets import cause, redacted
from arcuate.errors import InvalidArgument, LimitExceeded, Unsupported

__all__ = ["Dialer", "Ended", "Link", "LinkSettings", "Patience"]

log = logging.getLogger(__name__)
_FRAMES = logging.getLogger(f"{__name__}.frames")
_FRAMES.setLevel(logging.INFO)  # at DEBUG, headers and messages would be in the log


class LinkSettings(ConnectorConfig):
    """What a connector with such connections is told about them."""

    limit: int = Field(default=16 << 20, ge=1, description="bytes of one message, after decompression")
    queue: int = Field(
        default=16, ge=1, description="parts of messages that wait here to be read; then the other side waits"
    )
    ping_interval: float = Field(
        default=20.0, gt=0, description="seconds without a message after which the other side is asked"
    )
    ping_timeout: float = Field(
        default=20.0, gt=0, description="seconds for its answer; without one the connection is lost"
    )


class Ended(Exception):
    """The other side has closed the connection and said that nothing failed."""


class Dialer:
    """Makes connections to one address.

    Args:
        service: the connector's name.
        url: ``ws://`` or ``wss://``.
        settings: of its connections.
        timeouts: how long things may take.
        headers: of the handshake, asked for each time.
        authorizer: who proves who we are.
        ca_file: whom to trust.
        subprotocols: what is offered.
        conceal: takes secrets out of a text.
    """

    def __init__(
        self,
        service: str,
        url: str,
        *,
        settings: Any,
        timeouts: Timeouts,
        headers: Callable[[], Mapping[str, str]],
        authorizer: Authorizer | None,
        ca_file: str | None,
        subprotocols: Sequence[str] = (),
        conceal: Callable[[Any], str] = str,
    ) -> None:
        if not url:
            raise InvalidArgument(f"{service}: there is no address: set 'url', such as wss://api.example")
        self.service, self.settings, self.timeouts, self.conceal = service, settings, timeouts, conceal
        self._url, self._headers, self._subprotocols = url, headers, list(subprotocols)
        self._authorizer = authorizer
        self._refused: Authorization | None = None
        self.what = f"the connection to {conceal(redacted(url))}"
        self._tls = (
            tls.context(ca_file, authorizer.certificate if authorizer else None)
            if urlsplit(url).scheme == "wss"
            else None
        )

    def refuse(self, authorization: Authorization) -> bool:
        """What a connection carried is no longer taken; whether another one can be asked for."""
        if self._authorizer is None or authorization == self._refused:
            return False
        self._refused = authorization
        return True

    async def dial(self) -> Link:
        """A connection.

        Raises:
            IntegrationError: there is none; says why.
        """
        auth = await self._authorization(self._refused)
        try:
            return await self._dialled(auth)
        except AuthenticationError as error:
            if error.status != 401 or self._authorizer is None or auth == self._refused:
                raise
        return await self._dialled(await self._authorization(auth))

    async def _authorization(self, refused: Authorization | None) -> Authorization:
        if self._authorizer is None:
            return Authorization()
        return await asyncio.to_thread(self._authorizer.authorization, refused)

    async def _dialled(self, auth: Authorization) -> Link:
        connect, watched = _client()
        url = self._url
        if auth.params:
            from urllib.parse import urlencode

            url += ("&" if "?" in url else "?") + urlencode(dict(auth.params))
        headers = {**self._headers(), **auth.headers}
        if any(ord(one) < 32 or ord(one) > 255 for name, value in headers.items() for one in name + value):
            raise InvalidArgument(f"{self.service}: a header has a line break or the like in it")
        try:
            connection = await connect(
                url,
                create_connection=watched,
                additional_headers=headers,
                subprotocols=self._subprotocols or None,
                ssl=self._tls,
                open_timeout=self.timeouts.connect,
                close_timeout=min(2.0, self.timeouts.connect),
                ping_interval=None,  # ours do not take a slow reader for a dead connection
                max_size=self.settings.limit,
                max_queue=self.settings.queue,
                logger=_FRAMES,
            )
        except Exception as error:
            raise self._refusal(error) from cause(error, self.conceal)
        return Link(self, connection, auth)

    def _refusal(self, error: Exception) -> Exception:
        """The error for what a handshake raised."""
        from websockets import exceptions as theirs

        service, said = self.service, self.conceal(error) or type(error).__name__
        if isinstance(error, theirs.InvalidStatus):
            answer = error.response
            if answer.status_code < 300:
                return DataError(
                    f"{service}: {self.what}: it answers by HTTP ({answer.status_code}) and does not speak "
                    "WebSocket there; look at 'url'",
                    service=service,
                    status=answer.status_code,
                )
            headers = {name.lower(): value for name, value in answer.headers.raw_items()}
            body = self.conceal(bytes(answer.body or b"")[:2000].decode("utf-8", "backslashreplace"))
            return statuses.of_status(service, self.what, answer.status_code, headers, body)
        if isinstance(error, asyncio.TimeoutError):
            return IntegrationTimeout(
                f"{service}: {self.what}: no connection in time (setting 'timeouts.connect')", service=service
            )
        if isinstance(error, ssl.SSLError):
            hint = (
                "; if the certificate is your own authority's, set 'ca_file'"
                if isinstance(error, ssl.SSLCertVerificationError)
                else ""
            )
            return ConnectionError(
                f"{service}: {self.what}: TLS failed: {said}{hint}", service=service, recoverable=False
            )
        if isinstance(error, theirs.InvalidMessage) and isinstance(error.__cause__, EOFError):
            return ConnectionError(f"{service}: {self.what}: it broke in the handshake", service=service)
        if isinstance(error, OSError):
            return ConnectionError(
                f"{service}: {self.what}: no connection: {said}; is it running, and is 'url' right?",
                service=service,
            )
        if isinstance(error, theirs.InvalidHandshake):
            return DataError(
                f"{service}: {self.what}: it does not speak WebSocket: {said}; look at 'url'", service=service
            )
        return InvalidArgument(f"{service}: {self.what} cannot be made: {said}")


class Patience:
    """Says whether a connection that was lost is made again, and when.

    Args:
        dialer: who made it.
        retry: how often in a row without a message, and after which pauses; ``None``: never.
    """

    def __init__(self, dialer: Dialer, retry: Retry | None) -> None:
        self._dialer, self._retry = dialer, retry
        self._barren = 0

    def rewarded(self) -> None:
        """A message came."""
        self._barren = 0

    async def after(self, error: IntegrationError, link: Link | None) -> None:
        """Waits until it may be made again.

        Raises:
            IntegrationError: what it was lost by, if it may not.
        """
        retry = self._retry
        refused = isinstance(error, AuthenticationError) and link is not None
        if retry is None or not (error.recoverable or refused):
            raise error
        if refused and link is not None and not self._dialer.refuse(link.authorization):
            raise error
        self._barren += link is None or link.messages == 0
        if self._barren >= retry.attempts:
            raise error
        log.info("connection lost", extra={"service": self._dialer.service, "status": error.status})
        pause = error.retry_after
        if pause is None and self._barren:
            chance = random.random() * retry.jitter  # noqa: S311
            pause = min(retry.initial * 2 ** (self._barren - 1), retry.maximum) + chance
        if pause:
            await asyncio.sleep(pause)


class Link:
    """A connection that is there. One reader at a time.

    Attributes:
        authorization: what its handshake carried.
        messages: how many came.
    """

    def __init__(self, dialer: Dialer, connection: Any, authorization: Authorization) -> None:
        self._dialer, self._connection, self.authorization = dialer, connection, authorization
        self.messages = 0

    @property
    def subprotocol(self) -> str | None:
        """What the other side chose of what was offered."""
        found: str | None = self._connection.subprotocol
        return found

    @property
    def open(self) -> bool:
        """Whether nothing says that it is closed."""
        return bool(self._connection.state.name == "OPEN")

    async def receive(self) -> str | bytes:
        """The next message. Waits as long as the other side answers pings; may be cancelled.

        Raises:
            Ended: there is none.
            IntegrationError: the connection is lost, or was closed for a reason.
            LimitExceeded: a message is too large.
        """
        settings = self._dialer.settings
        try:
            found = await self._within(settings.ping_interval)
            while found is None:
                asked = self._connection.heard = self._connection.loop.time()
                pong = await asyncio.wait_for(self._connection.ping(), settings.ping_timeout)
                found = await self._within(settings.ping_timeout)
                if found is None and not pong.done() and self._connection.heard == asked:
                    raise asyncio.TimeoutError  # not even a part of a long message came
                if found is None:
                    found = await self._within(settings.ping_interval)
        except asyncio.TimeoutError:
            self.abort()
            raise ConnectionError(
                f"{self._dialer.service}: {self._dialer.what} is dead: nothing came, and no answer to a ping "
                f"within {settings.ping_timeout:g} s",
                service=self._dialer.service,
                status=1006,
                executed="maybe",
            ) from None
        except Exception as error:
            raise self._lost(error) from cause(error, self._dialer.conceal)
        self.messages += 1
        return found

    async def _within(self, seconds: float) -> str | bytes | None:
        try:
            found: str | bytes = await asyncio.wait_for(self._connection.recv(), seconds)
        except asyncio.TimeoutError:
            return None
        return found

    async def send(self, data: str | bytes) -> None:
        """Sends a message; waits while the other side does not read.

        Raises:
            IntegrationError: ``executed`` says whether it may have been sent.
        """
        dialer = self._dialer
        was_open = self.open
        try:
            await asyncio.wait_for(self._connection.send(data), dialer.timeouts.call)
        except asyncio.TimeoutError:
            self.abort()
            raise IntegrationTimeout(
                f"{dialer.service}: {dialer.what}: the other side did not take a message within "
                f"{dialer.timeouts.call:g} s (setting 'timeouts.call')",
                service=dialer.service,
                executed="maybe",
            ) from None
        except Exception as error:
            lost = self._lost(error)
            if isinstance(lost, IntegrationError) and not was_open:
                lost.executed = "no"
            raise lost from cause(error, dialer.conceal)

    async def pinged(self) -> None:
        """Asks for a sign of life, whether or not somebody reads.

        Raises:
            IntegrationError: there is none.
        """
        dialer = self._dialer
        try:
            pong = await self._connection.ping()
            await asyncio.wait_for(pong, dialer.timeouts.read)
        except asyncio.TimeoutError:
            raise IntegrationTimeout(
                f"{dialer.service}: {dialer.what}: no answer to a ping within {dialer.timeouts.read:g} s",
                service=dialer.service,
            ) from None
        except Exception as error:
            raise self._lost(error) from cause(error, self._dialer.conceal)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes it in order, or after two seconds without."""
        with contextlib.suppress(Exception):
            await self._connection.close(code, reason)

    def abort(self) -> None:
        """Closes it at once."""
        self._connection.transport.abort()

    def _lost(self, error: Exception) -> Exception:
        """What ended it."""
        from websockets.exceptions import ConnectionClosed

        dialer = self._dialer
        if not isinstance(error, ConnectionClosed):
            if isinstance(error, OSError):
                said = dialer.conceal(error)
                return ConnectionError(
                    f"{dialer.service}: {dialer.what} broke: {said}",
                    service=dialer.service,
                    status=1006,
                    executed="maybe",
                )
            return error
        sent, received = error.sent, error.rcvd
        if sent is not None and not error.rcvd_then_sent:
            if sent.code == 1009:
                return LimitExceeded(
                    f"{dialer.service}: {dialer.what}: a message has more than {dialer.settings.limit} "
                    "bytes; raise the setting 'limit'"
                )
            if sent.code in (1002, 1007):
                what = "bytes that are no WebSocket" if sent.code == 1002 else "a text that is not UTF-8"
                return DataError(
                    f"{dialer.service}: {dialer.what}: {what} came: {dialer.conceal(sent.reason)}",
                    service=dialer.service,
                    status=sent.code,
                    executed="maybe",
                )
        if received is None:
            return closing.of_code(dialer.service, dialer.what, 1006, "")
        if received.code in closing.ENDED:
            return Ended(dialer.conceal(received.reason))
        return closing.of_code(dialer.service, dialer.what, received.code, dialer.conceal(received.reason))


def _client() -> tuple[Any, Any]:
    """How websockets connects, but for redirections, which would take credentials elsewhere; and to what."""
    try:
        from websockets.asyncio.client import ClientConnection, connect
    except ModuleNotFoundError:
        raise Unsupported("WebSocket needs a library; type: pip install 'arcuate[websocket]'") from None

    class Direct(connect):
        """Stays where it was sent."""

        def process_redirect(self, exc: Exception) -> Exception | str:
            return exc

    class Watched(ClientConnection):
        """Knows when it heard something."""

        heard = 0.0

        def data_received(self, data: bytes) -> None:
            self.heard = self.loop.time()
            super().data_received(data)

    return Direct, Watched
