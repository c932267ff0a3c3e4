"""The settings of a GraphQL connector."""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, field_validator

from arcuate.connector.link import LinkSettings
from arcuate.connector.network import NetworkConfig

__all__ = ["GraphQLConfig"]


class GraphQLConfig(NetworkConfig, LinkSettings):
    """What a GraphQL connector has beside what every connector of a network has."""

    schemes: ClassVar[tuple[str, ...]] = ("http", "https")
    elsewhere: ClassVar[bool] = True

    limit: int = Field(
        default=64 << 20, ge=1, description="bytes of one answer or event, after decompression"
    )
    subscription_url: str = Field(
        default="", description="ws:// or wss://; by default 'url' with that scheme"
    )
    connection: dict[str, Any] = Field(
        default_factory=dict,
        repr=False,
        description="payload of connection_init, beside the headers that an authenticator gives",
    )
    check_documents: bool = Field(
        default=False, description="documents are held against the system's schema before they are sent"
    )

    @field_validator("subscription_url")
    @classmethod
    def _socket(cls, url: str) -> str:
        parts = urlsplit(url)
        if url and (parts.scheme not in ("ws", "wss") or not parts.hostname):
            raise ValueError("is ws://HOST... or wss://HOST...")
        return url

    @property
    def socket_url(self) -> str:
        """Where subscriptions go."""
        if self.subscription_url or not self.url:
            return self.subscription_url
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(scheme="wss" if parts.scheme == "https" else "ws"))
