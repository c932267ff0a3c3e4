"""What connectors have in common that speak HTTP, or WebSocket, which begins as HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator

from arcuate.connector.authorization import Authorizer
from arcuate.connector.config import ConnectorConfig
from arcuate.connector.policies import Fallback
from arcuate.connector.secrets import Secret, reveal

__all__ = ["NetworkConfig", "is_downgrade", "private_of", "revealed"]

_PRIVATE = re.compile(r"(?i)auth|cookie|key|passw|secret|token")


class NetworkConfig(ConnectorConfig):
    """What each of them is told."""

    schemes: ClassVar[tuple[str, ...]] = ("http", "https")

    headers: dict[str, Secret] = Field(
        default_factory=dict, description="sent with each request; a value may be env:NAME and the like"
    )
    auth: Any = Field(default=None, repr=False, description="an authenticator of arcuate.auth")
    ca_file: str | None = Field(
        default=None, description="PEM file of authorities that are trusted instead of the system's"
    )

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in cls.schemes or not parts.hostname:
            raise ValueError("is " + " or ".join(f"{one}://HOST..." for one in cls.schemes))
        if parts.username is not None or parts.password is not None:
            raise ValueError("has no user or password in it; use auth=BasicAuthenticator(...)")
        return url

    @field_validator("fallback")
    @classmethod
    def _addresses(cls, fallback: Fallback | None, info: ValidationInfo) -> Fallback | None:
        for one in fallback.urls if fallback is not None else ():
            cls._address(one)
            if is_downgrade(str(info.data.get("url", "")), one):
                raise ValueError("'urls' has an address without TLS: the credentials would be sent in clear")
        return fallback

    @field_validator("auth")
    @classmethod
    def _authorizer(cls, auth: Any) -> Any:
        if auth is not None and (isinstance(auth, type) or not isinstance(auth, Authorizer)):
            found = f"the class {auth.__name__}" if isinstance(auth, type) else f"a {type(auth).__name__}"
            raise ValueError(f"is an authenticator of arcuate.auth, not {found}")
        return auth


def is_downgrade(url: str, other: str) -> bool:
    """Whether an address has no TLS though the first one has."""
    return urlsplit(url).scheme in ("https", "wss") and urlsplit(other).scheme not in ("https", "wss")


def revealed(headers: Mapping[str, Secret]) -> dict[str, str]:
    """The headers of a configuration as they are sent."""
    return {name: reveal(value, f"the header {name}") or "" for name, value in headers.items()}


def private_of(*named: Mapping[str, Any], authorizer: Authorizer | None = None) -> Iterable[str]:
    """Secrets among headers and settings of a program's own, by their names; and an authenticator's."""
    for one in named:
        for name, value in one.items():
            if isinstance(value, str) and _PRIVATE.search(name):
                yield value
                yield value.rpartition(" ")[2]
    if authorizer is not None:
        yield from authorizer.secrets()
