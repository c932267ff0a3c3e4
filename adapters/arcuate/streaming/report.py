"""How a pipeline is doing."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from arcuate.streaming.block import Block
from arcuate.values.record import record

__all__ = ["Meter", "Quantiles", "Report"]

_KEPT = 65_536


@record(frozen=True)
class Quantiles:
    """Of seconds; of the last 65,536.

    Attributes:
        p50: half took no longer.
        p99: 99 of 100 took no longer.
        most: the longest.
    """

    p50: float
    p99: float
    most: float


@record(frozen=True)
class Report:
    """What a pipeline did so far.

    Attributes:
        blocks: taken from the source.
        written: that the sink took.
        dropped: for which a function returned ``None``.
        lost: that the system lost before they were read.
        late: that took longer than the deadline.
        latency: seconds from when a block came to this process until the sink had it.
        age: seconds from when its last sample was taken until the sink had it, where blocks say that.
        seconds: since the pipeline began, or until it ended.
        error: what ended it.
        failed: that were put aside, because a function failed for them.
    """

    blocks: int
    written: int
    dropped: int
    lost: int
    late: int
    latency: Quantiles | None
    age: Quantiles | None
    seconds: float
    error: BaseException | None
    failed: int = 0

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        found: dict[str, Any] = {}
        for name in ("blocks", "written", "dropped", "failed", "lost", "late", "seconds"):
            found[name] = getattr(self, name)
        for name in ("latency", "age"):
            one = getattr(self, name)
            found[name] = None if one is None else {"p50": one.p50, "p99": one.p99, "max": one.most}
        found["error"] = None if self.error is None else str(self.error)
        return found


class Meter:
    """Counts and measures.

    Args:
        deadline: seconds that a block may take; ``None``: as long as its samples cover.
    """

    def __init__(self, deadline: float | None) -> None:
        self.blocks = self.written = self.dropped = self.failed = self.late = 0
        self._deadline = deadline
        self._latency: deque[float] = deque(maxlen=_KEPT)
        self._age: deque[float] = deque(maxlen=_KEPT)
        self._begun = time.perf_counter()
        self._began_at = time.time()
        self._ended: float | None = None

    def took(self, blocks: list[Block]) -> None:
        """The sink has these blocks."""
        now, clock = time.perf_counter(), time.time()
        for block in blocks:
            behind = now - block.received
            self._latency.append(behind)
            if block.timestamp is not None:
                duration = 0.0 if block.arrived else block.duration or 0.0
                age = clock - block.timestamp - duration
                self._age.append(age)
                if block.timestamp >= self._began_at:  # else it is from the past, on purpose
                    behind = max(behind, age)
            limit = self._deadline if self._deadline is not None else block.duration
            self.late += limit is not None and behind > limit
        self.written += len(blocks)

    def end(self) -> None:
        """The pipeline has ended."""
        self._ended = time.perf_counter()

    def report(self, lost: int, error: BaseException | None) -> Report:
        """All of it."""
        seconds = (self._ended or time.perf_counter()) - self._begun
        return Report(
            self.blocks,
            self.written,
            self.dropped,
            lost,
            self.late,
            _quantiles(self._latency),
            _quantiles(self._age),
            seconds,
            error,
            self.failed,
        )


def _quantiles(values: deque[float]) -> Quantiles | None:
    found = sorted(values.copy())
    if not found:
        return None
    last = len(found) - 1
    return Quantiles(found[round(last * 0.5)], found[round(last * 0.99)], found[last])
