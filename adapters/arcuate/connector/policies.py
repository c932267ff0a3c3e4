"""What a connector does when its system is slow, busy or away: declared once, the same for all."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from arcuate.connector.secrets import redacted

__all__ = ["Breaker", "Fallback", "Rate", "Retry", "Timeouts"]


class _Policy(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Retry(_Policy):
    """Repeating what may be repeated, with exponentially growing pauses and jitter."""

    attempts: int = Field(default=4, ge=1, description="attempts in all, the first included")
    initial: float = Field(default=0.2, gt=0, description="seconds before the second attempt, at least")
    maximum: float = Field(default=10.0, gt=0, description="seconds between attempts, at most")
    jitter: float = Field(
        default=0.5, ge=0, description="seconds of chance that are added to each pause, at most"
    )
    total: float = Field(
        default=60.0,
        gt=0,
        description="seconds for all attempts and pauses together: none begins later, and those of HTTP end "
        "by then, but for files",
    )


class Timeouts(_Policy):
    """How long one attempt waits."""

    connect: float = Field(default=10.0, gt=0, description="seconds for a connection")
    read: float = Field(default=30.0, gt=0, description="seconds without a byte")
    call: float = Field(default=60.0, gt=0, description="seconds for one request with its answer")


class Rate(_Policy):
    """A limit on our side, so that the system's own is not met."""

    calls: int = Field(ge=1, description="so many calls")
    seconds: float = Field(default=1.0, gt=0, description="in so many seconds")
    wait: float = Field(default=30.0, ge=0, description="seconds that a call waits for its turn, at most")


class Breaker(_Policy):
    """A system that keeps failing is left alone for a while."""

    failures: int = Field(default=5, ge=1, description="failures in a row after which it is left alone")
    seconds: float = Field(default=30.0, gt=0, description="seconds until one call tries it again")


class Fallback(_Policy):
    """What is given when the system does not answer: to what only reads."""

    kind: Literal["cache", "default", "endpoint"] = Field(
        default="cache", description="the last good value, a fixed one, or nothing but another endpoint's"
    )
    urls: tuple[str, ...] = Field(
        default=(),
        description="other addresses of the same system, which get the same credentials; asked before 'kind' "
        "is given, each once, in this order",
    )
    max_age: float = Field(
        default=86400.0, gt=0, description="seconds after which a kept value is no longer given"
    )
    default: Any = Field(default=None, description="the fixed value")

    def __repr_args__(self) -> Any:
        for key, value in super().__repr_args__():
            yield key, tuple(redacted(one) for one in value) if key == "urls" else value

    @model_validator(mode="before")
    @classmethod
    def _only_endpoints(cls, found: Any) -> Any:
        if isinstance(found, dict) and found.get("urls") and "kind" not in found:
            return {**found, "kind": "endpoint"}
        return found

    @field_validator("urls", mode="before")
    @classmethod
    def _one_or_many(cls, urls: Any) -> Any:
        return (urls,) if isinstance(urls, str) else urls

    @model_validator(mode="after")
    def _somewhere(self) -> Fallback:
        if self.kind == "endpoint" and not self.urls:
            raise ValueError("kind 'endpoint' needs 'urls', the addresses that are asked instead")
        return self
