"""A request before it is sent, and what both faces of the client, sync and async, do with its answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from arcuate.connector import jsontext, redacted
from arcuate.connector.authorization import Authorization
from arcuate.errors import InvalidArgument

__all__ = ["MOVES", "address", "asked", "body_of", "origin", "params_of", "rebased"]

_UNFIT = re.compile(r"^[ \t]|[\x00-\x08\x0a-\x1f\x7f]|[ \t]$").search  # RFC 9110, 5.5
MOVES = 10
"""Redirections that are followed for one request."""


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: who gets the credentials.

    Raises:
        InvalidArgument: it is no address.
    """
    try:
        parts = urlsplit(url)
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        return parts.scheme, (parts.hostname or "").lower(), parts.port or usual
    except ValueError as error:
        raise InvalidArgument(f"{_shown(url)!r} is no address: {error}") from None


def _shown(url: str) -> str:
    return redacted(re.split("[?#]", url)[0])


def address(base: str, endpoint: str) -> str:
    """The address of an endpoint, which is relative to the base, or within its origin.

    Raises:
        InvalidArgument: the endpoint leads elsewhere.
    """
    if "://" in endpoint.partition("?")[0]:
        if origin(endpoint) != origin(base):
            raise InvalidArgument(
                f"the endpoint {_shown(endpoint)!r} is not at {_shown(base)}: it would be sent this system's "
                "credentials; make another client for it"
            )
        return endpoint
    path = endpoint.partition("?")[0]
    if any(unquote(part) in ("..", ".") for part in path.split("/")):
        raise InvalidArgument(
            f"the endpoint {path!r} climbs out of its place; percent-encode values that are part of a path"
        )
    if not endpoint:
        return base
    if "?" in base or "#" in base:
        raise InvalidArgument(
            f"{_shown(base)!r} has a query or a fragment, behind which no endpoint can be: what belongs to "
            "every request is 'headers' or 'auth', such as APIKeyAuthenticator(key, name, place='query')"
        )
    return base.rstrip("/") + "/" + endpoint.lstrip("/")


def rebased(url: str, base: str, other: str) -> str | None:
    """An address below one base as it is below another; ``None`` if it is not below the first."""
    root = base.rstrip("/")
    if origin(url) != origin(base) or not (url == root or url.startswith((f"{root}/", f"{root}?"))):
        return None
    return other.rstrip("/") + url[len(root) :]


def params_of(given: Mapping[str, Any] | None, extra: Mapping[str, str]) -> dict[str, Any] | None:
    """The query: without what is ``None``."""
    found = {name: value for name, value in (given or {}).items() if value is not None}
    found.update(extra)
    return found or None


def body_of(data: Any) -> tuple[bytes | None, dict[str, str]]:
    """The body and its headers: bytes as they are, anything else as JSON.

    Raises:
        ConversionError: it is no JSON.
    """
    if data is None:
        return None, {}
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), {"content-type": "application/octet-stream"}
    return jsontext.dumps(data).encode(), {"content-type": "application/json"}


def asked(
    headers: Mapping[str, str], sent: Mapping[str, str], extra: Mapping[str, str] | None, auth: Authorization
) -> dict[str, str]:
    """The headers of a request, in lower case: the later win.

    Raises:
        ValueError: one cannot be sent; does not show it, for it may be a secret.
    """
    found = {"accept": "application/json, */*;q=0.5"}
    for one in (sent, headers, auth.headers, extra or {}):
        for name, value in one.items():
            if not isinstance(value, str):
                raise ValueError(f"the header {name!r} is a {type(value).__name__}, and not a text")
            if _UNFIT(value):
                raise ValueError(
                    f"the header {name!r} has a line break or the like in it, or blanks around it; "
                    "a value that comes from a file needs .strip()"
                )
            found[name.lower()] = value
    return found
