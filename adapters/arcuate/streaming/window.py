"""Windows of the same length out of blocks of any length."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from arcuate.client.streams import GapWarning
from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.streaming.block import TIME, Block, combined

__all__ = ["Window"]


class Window:
    """Cuts streams into windows.

    Windows never reach across a gap: where the timestamps of two blocks are further apart than their samples
    (by half a block), or rate or channels change, they begin anew, with a GapWarning.

    Args:
        seconds: length; the blocks must have a sampling rate of which it is a whole number of samples.
        samples: length instead of ``seconds``.
        step: from one window's begin to the next, in the same unit; left out, the length: no overlap.
    """

    def __init__(
        self,
        seconds: float | None = None,
        *,
        samples: int | None = None,
        step: float | int | None = None,
    ) -> None:
        if (seconds is None) == (samples is None):
            raise InvalidArgument("a window has a length: give either seconds=... or samples=...")
        for name, value in (("seconds", seconds), ("samples", samples), ("step", step)):
            if value is not None and not value > 0:
                raise InvalidArgument(f"{name} of a window is more than 0; got {value!r}")
        if samples is not None and (samples != int(samples) or (step is not None and step != int(step))):
            raise InvalidArgument("samples and step of a window are whole numbers")
        self.seconds, self.samples, self.step = seconds, samples, step

    def begin(self) -> Callable[[Block], list[Block]]:
        """A function that takes blocks and gives the windows that they complete."""
        running: dict[str, _Cutter] = {}

        def cut(block: Block) -> list[Block]:
            cutter = running.get(block.topic)
            if cutter is None:
                cutter = running[block.topic] = _Cutter(self)
            return cutter.take(block)

        return cut

    def size(self, block: Block) -> tuple[int, int]:
        """Length and step in samples, for blocks like this."""
        if self.samples is not None:
            return int(self.samples), int(self.step or self.samples)
        rate = block.sampling_rate
        if not rate:
            raise DataError(
                f"a block of {block.topic!r} has no sampling rate, so there are no windows in seconds; "
                "use samples=..., or give the array the attribute 'sampling_rate'"
            )
        assert self.seconds is not None
        return _whole(self.seconds, rate), _whole(self.step or self.seconds, rate)


def _whole(seconds: float, rate: float) -> int:
    count = seconds * rate
    if round(count) < 1 or abs(count - round(count)) > 1e-6 * count:
        raise InvalidArgument(
            f"{seconds:g} s at {rate:g} Hz are {count:g} samples, which is no whole number; use samples=..."
        )
    return round(count)


class _Cutter:
    """The windows of one topic."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._blocks: list[Block] = []
        self._total = 0
        self._offset = 0  # of the next window in the first block; may lie beyond all of them
        self._done: list[Block] = []  # no longer needed, and not yet settled by a window
        self._count = 0

    def take(self, block: Block) -> list[Block]:
        samples = block.samples
        if samples is None:
            raise DataError(
                f"a block of {block.topic!r} is no signal ({type(block.data).__name__}); windows need "
                f"labelled arrays with a dimension {TIME!r}"
            )
        if self._blocks:
            self._compare(self._blocks[-1], block)
        self._blocks.append(block)
        self._total += samples
        size, step = self._window.size(block)
        found = []
        while self._total - self._offset >= size:
            found.append(self._cut(size, step))
        self._release()
        return found

    def _compare(self, last: Block, block: Block) -> None:
        why = ""
        if (last.sampling_rate, last.channels) != (block.sampling_rate, block.channels):
            why = "its rate or its channels changed"
        elif last.timestamp is not None and block.timestamp is not None and last.duration:
            off = block.timestamp - (last.timestamp + last.duration)
            if abs(off) > max(last.duration / 2, 1.5 / (last.sampling_rate or 1.0)):
                why = f"{off:g} s are missing" if off > 0 else f"it goes back by {-off:g} s"
        if not why:
            return
        self._done += self._blocks
        self._blocks, self._total, self._offset = [], 0, 0
        text = f"the windows of {block.topic!r} begin anew: {why} before number {block.sequence}"
        warnings.warn(GapWarning(text, block.topic, None, block.sequence or 0), stacklevel=2)

    def _cut(self, size: int, step: int) -> Block:
        self._release()
        used, have = [], 0
        for block in self._blocks:
            used.append(block)
            have += block.samples or 0
            if have >= self._offset + size:
                break
        data = _joined([one.data for one in used]).isel({TIME: slice(self._offset, self._offset + size)})
        first, newest = used[0], used[-1]
        at = first.timestamp
        if at is not None and first.sampling_rate:
            at += self._offset / first.sampling_rate
        self._offset += step
        self._release()
        whole = replace(
            first,
            data=data,
            sequence=self._count,
            timestamp=at,
            id="",
            settle=combined(self._done),
            received=newest.received,
        )
        self._count += 1
        self._done = []
        return whole

    def _release(self) -> None:
        """Lets go of blocks that lie before the next window."""
        while self._blocks and self._offset >= (samples := self._blocks[0].samples or 0):
            self._done.append(self._blocks.pop(0))
            self._offset -= samples
            self._total -= samples


def _joined(arrays: list[Any]) -> Any:
    if len(arrays) == 1:
        return arrays[0]
    import xarray as xr

    return xr.concat(arrays, dim=TIME, join="exact", combine_attrs="override")
