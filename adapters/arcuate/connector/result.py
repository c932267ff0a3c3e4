"""What a request brought, and whether it is what the system says now."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from arcuate.values.record import record

__all__ = ["DegradedWarning", "Result"]

T = TypeVar("T")


class DegradedWarning(UserWarning):
    """A value is not what the system says now: a fallback was given."""


@record(frozen=True)
class Result(Generic[T]):
    """A value and where it is from.

    Attributes:
        value: the value.
        degraded: whether it is a fallback.
        source: ``live``, ``cache``, ``default``, or the name of another endpoint.
        age: seconds since the system said it; 0 for a live value, ``None`` for a default.
        reason: why a fallback was given.
        attempts: how often the system was asked.
    """

    value: T
    degraded: bool = False
    source: str = "live"
    age: float | None = 0.0
    reason: BaseException | None = None
    attempts: int = 1

    def map(self, function: Any) -> Result[Any]:
        """The same with another value."""
        return Result(function(self.value), self.degraded, self.source, self.age, self.reason, self.attempts)
