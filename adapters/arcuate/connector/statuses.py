"""What the statuses of HTTP mean, as errors of connectors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from arcuate.connector.errors import (
    AuthenticationError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)

__all__ = ["of_status", "retry_after"]

_MEANING: dict[int, tuple[type[IntegrationError], str]] = {
    304: (IntegrationError, "it says that nothing has changed, and there is nothing that could have"),
    400: (IntegrationError, "it does not understand the request"),
    401: (AuthenticationError, "it does not accept the credentials; see 'auth' and 'headers'"),
    403: (AuthenticationError, "it knows the caller and refuses this"),
    404: (NotFoundError, "there is no such thing; look at the endpoint and at 'url'"),
    405: (IntegrationError, "it has no such method there"),
    406: (IntegrationError, "it cannot answer in the format that was asked for"),
    408: (IntegrationTimeout, "it waited too long for the request"),
    409: (IntegrationError, "it conflicts with what is there"),
    410: (NotFoundError, "it is there no longer"),
    412: (IntegrationError, "it was changed in between"),
    413: (IntegrationError, "the request is too large"),
    415: (IntegrationError, "it does not take this format"),
    422: (IntegrationError, "it understands the request and finds its values wrong"),
    429: (RateLimitError, "it was asked too often; set 'rate' to stay below its limit"),
}
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


def retry_after(headers: Mapping[str, str], now: dt.datetime | None = None) -> float | None:
    """Seconds that a ``Retry-After`` header asks for, in either form; ``None`` without a valid one."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=dt.timezone.utc)
    return max(0.0, (when - (now or dt.datetime.now(dt.timezone.utc))).total_seconds())


def of_status(
    service: str, what: str, status: int, headers: Mapping[str, str], body: str
) -> IntegrationError:
    """The error of a status of 300 or more.

    Args:
        service: the connector's name.
        what: the method and address, without secrets.
        status: the status.
        headers: by name in lower case.
        body: what the system said, without secrets.
    """
    kind, meaning = _MEANING.get(
        status,
        (IntegrationError, "it failed" if status >= 500 else "it refused"),
    )
    if 300 <= status < 400 and status != 304:
        meaning = "it is elsewhere, and that redirection is not followed; see 'redirects' and 'url'"
    said = " ".join(body.split())
    if len(said) > 300:
        said = said[:300] + "..."
    return kind(
        f"{service}: {what} gave {status}: {meaning}" + (f": {said}" if said else ""),
        service=service,
        recoverable=status in _PASSING,
        status=status,
        retry_after=retry_after(headers),
        detail=said or None,
        executed="maybe" if status >= 500 else "no",
    )
