"""A request before it is sent, and what both faces of the client, sync and async, do with its answer."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import httpx2

from arcuate.connector.authorization import Authorization, Certificate
from arcuate.errors import ConversionError, InvalidArgument

__all__ = ["MOVES", "address", "body_of", "origin", "params_of", "tls"]

MOVES = 10
"""Redirections that are followed for one request."""


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: who gets the credentials."""
    parts = urlsplit(url)
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), parts.port or usual


def address(base: str, endpoint: str) -> str:
    """The address of an endpoint, which is relative to the base, or within its origin.

    Raises:
        InvalidArgument: there is no base, or the endpoint leads elsewhere.
    """
    if not base:
        raise InvalidArgument(
            "there is no address: set 'url' (or self.base_url), such as https://api.example"
        )
    if "://" in endpoint.partition("?")[0]:
        if origin(endpoint) != origin(base):
            raise InvalidArgument(
                f"the endpoint {endpoint.partition('?')[0]!r} is not at {base}: it would be sent this "
                "system's credentials; make another client for it"
            )
        return endpoint
    path = endpoint.partition("?")[0]
    if any(unquote(part) in ("..", ".") for part in path.split("/")):
        raise InvalidArgument(
            f"the endpoint {path!r} climbs out of its place; percent-encode values that are part of a path"
        )
    if not endpoint:
        return base
    return base.rstrip("/") + "/" + endpoint.lstrip("/")


def moved(base: str, here: str, location: str) -> str | None:
    """Where a redirection leads, ``None`` if that is another origin."""
    there = urljoin(here, location)
    return there if origin(there) == origin(base) else None


def params_of(given: Mapping[str, Any] | None, extra: Mapping[str, str]) -> dict[str, Any] | None:
    """The query: without what is ``None``."""
    found = {name: value for name, value in (given or {}).items() if value is not None}
    found.update(extra)
    return found or None


def _native(value: Any) -> Any:
    """NumPy's numbers and arrays as Python's; anything else is no JSON."""
    if type(value).__module__ == "numpy" and hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(
        f"a {type(value).__name__} is no JSON; pass text, numbers, booleans, None, lists and mappings"
    )


def body_of(data: Any) -> tuple[bytes | None, dict[str, str]]:
    """The body and its headers: bytes as they are, anything else as JSON.

    Raises:
        ConversionError: it is no JSON.
    """
    if data is None:
        return None, {}
    if isinstance(data, (bytes, bytearray, memoryview)):
        return bytes(data), {"content-type": "application/octet-stream"}
    try:
        text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_native)
        return text.encode(), {"content-type": "application/json"}
    except UnicodeEncodeError:
        raise ConversionError("data has half a surrogate pair in a text, which is no Unicode") from None
    except (TypeError, ValueError, RecursionError) as error:
        said = str(error)
        if "Out of range float" in said:
            said = "JSON has no NaN and no infinity; pass None, or text, as the system wants it"
        raise ConversionError(f"data cannot be sent as JSON: {said}") from None


def tls(ca_file: str | None, certificate: Certificate | None) -> ssl.SSLContext:
    """Whom connections trust, and what they show.

    Raises:
        InvalidArgument: a file cannot be read.
    """
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise InvalidArgument(f"ca_file {ca_file!r} cannot be used: {error}") from None
    if certificate is not None:
        try:
            context.load_cert_chain(
                certificate.certificate, certificate.key, password=certificate.password or ""
            )
        except (OSError, ssl.SSLError) as error:
            raise InvalidArgument(
                f"the client certificate {certificate.certificate!r} or its key cannot be used: {error}"
            ) from None
    return context


def asked(
    headers: Mapping[str, str], sent: Mapping[str, str], extra: Mapping[str, str] | None, auth: Authorization
) -> httpx2.Headers:
    """The headers of a request: the later win."""
    found = httpx2.Headers({"accept": "application/json, */*;q=0.5"})
    for one in (sent, headers, auth.headers, extra or {}):
        found.update(one)
    return found
