"""The settings of a REST connector."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field

from arcuate.connector.network import NetworkConfig

__all__ = ["RESTConfig", "renamed"]


class RESTConfig(NetworkConfig):
    """What a REST connector has beside what every connector of a network has."""

    schemes: ClassVar[tuple[str, ...]] = ("http", "https")
    elsewhere: ClassVar[bool] = True

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


def renamed(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A program's mapping with ``base_url`` and ``timeout`` under the names that they have here."""
    found = dict(mapping)
    if "base_url" in found and "url" not in found:
        found["url"] = found.pop("base_url")
    timeout = found.get("timeout")
    if timeout is not None and not isinstance(timeout, bool) and "timeouts" not in found:
        del found["timeout"]
        found["timeouts"] = {"connect": timeout, "read": timeout}
    return found
