"""How a connector is doing."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from arcuate.values.record import field, record

__all__ = ["Health", "Status"]

Status = Literal["ok", "degraded", "down", "unknown"]


@record(frozen=True)
class Health:
    """The state of one system.

    Attributes:
        name: the connector.
        status: ``ok``; ``degraded``: it answers again after failures, or another address of its fallback
            does; ``down``; ``unknown``: it was not asked.
        latency: seconds that the check took; ``None`` when it is down or was not asked.
        since: when this status began (UTC).
        detail: what was found, and what to do; fit to be shown.
        facts: the system's version and the like.
    """

    name: str
    status: Status
    latency: float | None = None
    since: dt.datetime | None = None
    detail: str = ""
    facts: dict[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.status in ("ok", "degraded")

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "name": self.name,
            "status": self.status,
            "latency": self.latency,
            "since": self.since.isoformat() if self.since else None,
            "detail": self.detail,
            "facts": dict(self.facts),
        }
