"""What the close codes of WebSocket mean, as errors of connectors."""

from __future__ import annotations

from arcuate.connector.errors import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    RateLimitError,
)

__all__ = ["ENDED", "of_code"]

ENDED = frozenset({1000, 1005})
"""Nothing failed: the other side has no more to say."""
_MEANING: dict[int, tuple[type[IntegrationError], bool, str]] = {
    1001: (ConnectionError, True, "it goes away"),
    1002: (DataError, False, "it finds that we break the protocol"),
    1003: (DataError, False, "it does not take this kind of data, text or binary"),
    1006: (ConnectionError, True, "the connection broke"),
    1007: (DataError, False, "it finds that the data are not what they say they are"),
    1008: (IntegrationError, False, "its rules do not allow this"),
    1009: (IntegrationError, False, "a message of ours is larger than it takes"),
    1010: (DataError, False, "it lacks an extension that was asked for"),
    1011: (ConnectionError, True, "it failed"),
    1012: (ConnectionError, True, "it is starting anew"),
    1013: (ConnectionError, True, "it is busy"),
    1014: (ConnectionError, True, "what is behind it failed"),
    3000: (AuthenticationError, False, "it does not accept the credentials; see 'auth' and 'headers'"),
    3003: (AuthenticationError, False, "it knows the caller and refuses this"),
    3008: (IntegrationTimeout, True, "it waited too long for us"),
    # graphql-transport-ws, and the habit of adding 4000 to a status of HTTP
    4400: (DataError, False, "it does not understand a message of ours"),
    4401: (AuthenticationError, False, "it does not accept the credentials; see 'auth' and 'headers'"),
    4403: (AuthenticationError, False, "it knows the caller and refuses this"),
    4408: (IntegrationTimeout, True, "it waited too long for us"),
    4429: (RateLimitError, True, "it was asked too often"),
}
"""Code: (error, whether the same may succeed later, why). RFC 6455, 7.4.1 and IANA's registry."""


def of_code(service: str, what: str, code: int, reason: str) -> IntegrationError:
    """The error of a close code other than those of :data:`ENDED`.

    Args:
        service: the connector's name.
        what: the connection, without secrets.
        code: the code.
        reason: what the other side said, without secrets.
    """
    usual = (IntegrationError, False, "it closed the connection with a code of its own")
    kind, recoverable, meaning = _MEANING.get(code, usual)
    return kind(
        f"{service}: {what} was closed with {code}: {meaning}" + (f": {reason}" if reason else ""),
        service=service,
        recoverable=recoverable,
        status=code,
        detail=reason or None,
        executed="maybe",
    )
