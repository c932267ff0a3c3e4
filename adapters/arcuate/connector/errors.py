"""Errors of connectors, in the tree of :mod:`arcuate.errors`.

::

    ArcuateError
    └── IntegrationError                              a system outside failed, or refused
        ├── AuthenticationError (AuthenticationFailed)    it does not know us, or no longer
        ├── RateLimitError (RateLimited)                  we asked too often, by its count or by ours
        ├── ConnectionError (ConnectionLost)              it cannot be reached, or the connection broke
        │   └── CircuitOpenError                          it failed so often that it is left alone for a while
        ├── NotFoundError (NameNotFound)                  it has no such thing
        ├── DataError (ProtocolError)                     what it sent, or a file, cannot be read
        └── IntegrationTimeout (CallTimeout)              it did not answer in time

``recoverable`` says whether the same request may succeed later without any change; only such errors are
retried, and only where a request may be repeated.
"""

from __future__ import annotations

from typing import Any

from arcuate.errors import (
    ArcuateError,
    AuthenticationFailed,
    CallTimeout,
    ConnectionLost,
    NameNotFound,
    ProtocolError,
    RateLimited,
)

__all__ = [
    "AuthenticationError",
    "CircuitOpenError",
    "ConnectionError",
    "DataError",
    "IntegrationError",
    "IntegrationTimeout",
    "NotFoundError",
    "RateLimitError",
]


class IntegrationError(ArcuateError):
    """A system outside failed or refused.

    Attributes:
        service: the connector's name.
        recoverable: whether the same request may succeed later.
        status: the system's own code: an HTTP status, an SQLSTATE; ``None`` where there is none.
        retry_after: seconds after which the system wants to be asked again, or ``None``.
        detail: what the system said, as far as it is fit to be shown.
    """

    code = "UNAVAILABLE"
    always_recoverable = False

    def __init__(
        self,
        message: str = "",
        *,
        service: str = "",
        recoverable: bool | None = None,
        status: int | str | None = None,
        retry_after: float | None = None,
        detail: Any = None,
        executed: str = "no",
    ) -> None:
        super().__init__(message, executed=executed)
        self.service = service
        self.recoverable = self.always_recoverable if recoverable is None else recoverable
        self.status = status
        self.retry_after = retry_after
        self.detail = detail


class AuthenticationError(IntegrationError, AuthenticationFailed):
    """The system does not accept who we say we are, or no longer."""

    code = "AUTHENTICATION_FAILED"


class RateLimitError(IntegrationError, RateLimited):
    """We asked too often: by the system's count, or by the limit set on our side."""

    code = "RATE_LIMITED"
    always_recoverable = True


class ConnectionError(IntegrationError, ConnectionLost):  # noqa: A001  (the name is part of the public face)
    """The system cannot be reached, or the connection broke."""

    code = "CONNECTION_LOST"
    always_recoverable = True


class CircuitOpenError(ConnectionError):
    """The system failed so often that it is not asked again before some time has passed."""


class NotFoundError(IntegrationError, NameNotFound):
    """The system has no such thing."""

    code = "NAME_NOT_FOUND"


class DataError(IntegrationError, ProtocolError):
    """What the system sent, or what a file holds, cannot be read."""

    code = "PROTOCOL_ERROR"


class IntegrationTimeout(IntegrationError, CallTimeout):
    """The system did not answer in time."""

    code = "CALL_TIMEOUT"
    always_recoverable = True
