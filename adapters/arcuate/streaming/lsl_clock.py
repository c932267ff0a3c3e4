"""Times of LSL: onto this machine's clock since 1970, cut where they jump, smoothed where that is wanted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

__all__ = ["Smoother", "epoch", "pieces"]

Times = np.ndarray[Any, np.dtype[np.float64]]


def epoch(clock: Callable[[], float]) -> int:
    """Nanoseconds that are added to LSL's clock, which counts from an arbitrary moment, to count from 1970.

    The smallest of several measurements is taken: nothing came between the two clocks in it.
    """
    found = []
    for _ in range(9):
        before = clock()
        now = time.time_ns()
        after = clock()
        found.append((after - before, now - round((before + after) / 2 * 1e9)))
    return min(found)[1]


def pieces(
    times: Times, last: float | None, rate: float | None, tolerance: float
) -> Iterator[tuple[int, int, int | None]]:
    """Divides samples where their times jump.

    Args:
        times: of the samples, in seconds.
        last: of the sample before them.
        rate: nominal, in Hz; ``None``: irregular streams have no gaps.
        tolerance: seconds by which a time must be later (or earlier) than expected.

    Yields:
        (first, end, lost): ``None`` at the beginning; else how many samples are missing before it, -1 when
        time went back and nobody can tell.
    """
    if rate is None:
        yield 0, len(times), None
        return
    steps = np.diff(times, prepend=times[0] - 1 / rate if last is None else last) - 1 / rate
    jumps = np.flatnonzero(np.abs(steps) > tolerance)
    if not jumps.size or jumps[0]:
        yield 0, int(jumps[0]) if jumps.size else len(times), None
    for place, first in enumerate(jumps):
        end = int(jumps[place + 1]) if place + 1 < jumps.size else len(times)
        yield int(first), end, round(float(steps[first]) * rate) if steps[first] > 0 else -1


class Smoother:
    """Takes the jitter out of the times of a regular stream: a line through them, old ones weighing less.

    A line by recursive least squares with forgetting, as liblsl has it (its flag ``proc_dejitter``), but
    begun anew at each gap: liblsl's goes on over gaps, and times are wrong by them for minutes.

    Args:
        rate: nominal, in Hz.
        half: seconds after which a sample weighs half.
    """

    def __init__(self, rate: float, half: float = 90.0) -> None:
        self.rate = rate
        self._decay = 0.5 ** (1.0 / (rate * half))
        # A slope other than the nominal one is believed slowly: 5 seconds of samples must say so.
        self._doubt = (5.0 * rate) ** 2
        self._weight = self._n = self._nn = self._y = self._ny = 0.0
        self._origin: float | None = None
        self._last = -np.inf

    def __call__(self, times: Times) -> Times:
        """The times of the next samples, smoothed: never going back."""
        count = len(times)
        if self._origin is None:
            self._origin = float(times[0]) - 1.0 / self.rate
        # The last one is number 0; deviations from the nominal line are small and keep their digits.
        number = np.arange(1.0 - count, 1.0)
        base = self._origin + (number + count) / self.rate
        deviation = times - base
        kept = self._decay**count
        self._nn = kept * (self._nn - 2 * count * self._n + count**2 * self._weight)
        self._ny = kept * (self._ny - count * self._y)
        self._n = kept * (self._n - count * self._weight)
        self._y, self._weight = kept * self._y, kept * self._weight
        weights = self._decay**-number
        self._weight += float(weights.sum())
        self._n += float(weights @ number)
        self._nn += float(weights @ number**2)
        self._y += float(weights @ deviation)
        self._ny += float(weights @ (number * deviation))
        spread = self._weight * self._nn - self._n**2 + self._weight**2 * self._doubt
        slope = (self._weight * self._ny - self._n * self._y) / spread
        level = (self._y - slope * self._n) / self._weight
        smooth = np.maximum.accumulate(np.maximum(base + level + slope * number, self._last))
        self._origin = float(base[-1])
        self._last = float(smooth[-1])
        return smooth
