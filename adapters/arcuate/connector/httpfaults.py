"""What httpx2 raises, as errors of connectors: for those that use it."""

from __future__ import annotations

from collections.abc import Callable

import httpx2

from arcuate.connector import deadline
from arcuate.connector.errors import (
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationTimeout,
)
from arcuate.errors import ArcuateError, InvalidArgument

__all__ = ["aheard", "heard", "late", "of_exception"]


def late(service: str, what: str, seconds: float) -> IntegrationTimeout:
    """The error for an attempt that took more than these seconds, or than its :mod:`deadline` had left.

    Args:
        service: the connector's name.
        what: the request, without secrets.
        seconds: the setting ``timeouts.call``.
    """
    left = deadline.left()
    limit = f"than {seconds:g} s (setting 'timeouts.call')"
    if left is not None and left <= 0:
        limit = "time than all its attempts may take together (setting 'retry.total')"
    return IntegrationTimeout(f"{service}: {what} took more {limit}", service=service, executed="maybe")


def of_exception(service: str, what: str, error: Exception, conceal: Callable[[object], str]) -> ArcuateError:
    """The error for what httpx2 raised."""
    said = conceal(error) or type(error).__name__
    if isinstance(error, (httpx2.ConnectTimeout, httpx2.PoolTimeout)):
        return IntegrationTimeout(
            f"{service}: {what}: no connection in time (setting 'timeouts.connect')", service=service
        )
    if isinstance(error, httpx2.TimeoutException):
        return IntegrationTimeout(
            f"{service}: {what}: nothing came in time (setting 'timeouts.read')",
            service=service,
            executed="maybe",
        )
    if isinstance(error, httpx2.ConnectError):
        if "CERTIFICATE_VERIFY_FAILED" in said:
            return ConnectionError(
                f"{service}: {what}: the server's certificate is not trusted: {said}; if it is your own "
                "authority's, set 'ca_file'",
                service=service,
                recoverable=False,
            )
        return ConnectionError(
            f"{service}: {what}: no connection: {said}; is it running, and is 'url' right?",
            service=service,
            recoverable="SSL" not in said,
        )
    if isinstance(error, httpx2.DecodingError):
        return DataError(
            f"{service}: {what}: the body cannot be decompressed: {said}", service=service, executed="yes"
        )
    if isinstance(error, (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError)):
        return InvalidArgument(f"{service}: {what} cannot be sent: {said}")
    return ConnectionError(
        f"{service}: {what}: the connection broke: {said}", service=service, executed="maybe"
    )


def heard(response: httpx2.Response) -> None:
    """A hook for answers: a redirection to no address is none, for httpx2 raises a bare ValueError for it."""
    if response.has_redirect_location:
        try:
            _ = response.request.url.join(response.headers["location"]).origin
        except (httpx2.InvalidURL, ValueError):
            del response.headers["location"]


async def aheard(response: httpx2.Response) -> None:
    """As :func:`heard`, for asyncio."""
    heard(response)
