"""What nats-py raises, as errors of connectors."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable

import nats.errors
import nats.js.errors

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.errors import ArcuateError

__all__ = ["translated"]

_LOST = (
    nats.errors.ConnectionClosedError,
    nats.errors.ConnectionDrainingError,
    nats.errors.ConnectionReconnectingError,
    nats.errors.NoServersError,
    nats.errors.OutboundBufferLimitError,
    nats.errors.StaleConnectionError,
)


def translated(error: BaseException, name: str, conceal: Callable[[object], str]) -> BaseException:
    """The error of ours for one of the library's; others stay what they are."""
    if isinstance(error, ArcuateError) or not isinstance(error, Exception):
        return error
    text = conceal(error) or type(error).__name__
    said = f"{name}: {text}"
    if isinstance(error, nats.js.errors.APIError):
        return _of_jetstream(error, name, text)
    if isinstance(error, nats.js.errors.NoStreamResponseError):
        return NotFoundError(
            f"{name}: no stream of JetStream takes the topic; make one, or set create=True", service=name
        )
    if isinstance(error, nats.errors.NoRespondersError):
        return IntegrationError(
            f"{name}: the server has no JetStream (start it with -js), or nobody answers", service=name
        )
    if isinstance(error, nats.errors.AuthorizationError) or "authorization violation" in text.lower():
        return AuthenticationError(
            f"{name}: the server does not accept who we are; look at user, password, token", service=name
        )
    if isinstance(error, ssl.SSLError):
        return ConnectionError(
            f"{said}; for a certificate of your own authority set ca_file", service=name, recoverable=False
        )
    if isinstance(error, nats.errors.SecureConnRequiredError | nats.errors.SecureConnWantedError):
        return ConnectionError(f"{said}; use tls://", service=name, recoverable=False)
    if isinstance(error, (TimeoutError, asyncio.TimeoutError, nats.errors.TimeoutError)):
        return IntegrationTimeout(f"{name}: the server did not answer in time", service=name)
    if isinstance(error, (OSError, *_LOST)) or "empty response from server" in text:  # cut before it spoke
        refused = "; is it running, and is 'url' right?" if isinstance(error, ConnectionRefusedError) else ""
        return ConnectionError(said + refused, service=name)
    return IntegrationError(said, service=name)


def _of_jetstream(error: nats.js.errors.APIError, name: str, text: str) -> IntegrationError:
    status = error.err_code or error.code
    if isinstance(error, nats.js.errors.NotFoundError):
        return NotFoundError(
            f"{name}: JetStream has no stream or consumer for this ({error.description or text}); "
            "make one, or set create=True",
            service=name,
            status=status,
        )
    if isinstance(error, nats.js.errors.ServiceUnavailableError):
        return IntegrationError(
            f"{name}: JetStream does not answer ({error.description or 'is it on?'})",
            service=name,
            status=status,
            recoverable=True,
        )
    return IntegrationError(
        f"{name}: JetStream refused: {error.description or text}", service=name, status=status
    )
