"""The settings of a WebSocket connector."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from arcuate.connector.link import LinkSettings
from arcuate.connector.network import NetworkConfig

__all__ = ["WebSocketConfig"]


class WebSocketConfig(NetworkConfig, LinkSettings):
    """What a WebSocket connector has beside what every connector of a network has."""

    schemes: ClassVar[tuple[str, ...]] = ("ws", "wss")

    format: Literal["raw", "json"] = Field(
        default="raw",
        description="raw: texts and bytes as they come; json: texts are JSON, bytes as they come",
    )
    subprotocols: list[str] = Field(default_factory=list, description="what is offered to the other side")
    reconnect: bool = Field(
        default=True, description="whether a connection that is lost is made again, as 'retry' says"
    )
