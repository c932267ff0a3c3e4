"""The settings of a REST connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from arcuate.connector import ConnectorConfig, Secret
from arcuate.connector.authorization import Authorizer

__all__ = ["RESTConfig", "renamed"]


class RESTConfig(ConnectorConfig):
    """What a REST connector has beside what every connector has."""

    headers: dict[str, Secret] = Field(
        default_factory=dict, description="sent with each request; a value may be env:NAME and the like"
    )
    auth: Any = Field(default=None, repr=False, description="an authenticator of arcuate.auth")
    ca_file: str | None = Field(
        default=None, description="PEM file of authorities that are trusted instead of the system's"
    )
    redirects: Literal["same-origin", "none"] = Field(
        default="same-origin", description="which redirections are followed"
    )
    cache: int = Field(
        default=0, ge=0, description="answers that are kept and asked for again with If-None-Match; 0: none"
    )
    limit: int = Field(
        default=256 << 20, ge=1, description="bytes of one answer, after decompression; a download has none"
    )
    check: str = Field(default="", description="the endpoint that health() asks")

    @field_validator("url")
    @classmethod
    def _http(cls, url: str) -> str:
        if not url:
            return url
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("is http://HOST... or https://HOST...")
        if parts.username is not None or parts.password is not None:
            raise ValueError("has no user or password in it; use auth=BasicAuthenticator(...)")
        return url

    @field_validator("auth")
    @classmethod
    def _authorizer(cls, auth: Any) -> Any:
        if auth is not None and not isinstance(auth, Authorizer):
            raise ValueError(f"is an authenticator of arcuate.auth, not a {type(auth).__name__}")
        return auth


def renamed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A program's mapping with ``base_url`` and ``timeout`` under the names that they have here."""
    found = dict(mapping)
    if "base_url" in found and "url" not in found:
        found["url"] = found.pop("base_url")
    timeout = found.get("timeout")
    if isinstance(timeout, (int, float)) and not isinstance(timeout, bool) and "timeouts" not in found:
        del found["timeout"]
        found["timeouts"] = {"connect": timeout, "read": timeout}
    return found
