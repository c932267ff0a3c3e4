"""Windows of the same length out of blocks of any length."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from arcuate.client.streams import GapWarning
from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.streaming.block import TIME, TIMESTAMP, Block, Settle, labels_of

__all__ = ["Window"]

_ROUNDING = 1e-3
"""Part of a sample by which a length may be no whole number: rates and seconds are rounded decimals."""


class Window:
    """Cuts streams into windows.

    Windows never reach across a gap: where the system lost blocks, where the timestamps of two blocks are
    further apart than their samples (by half a block; times of arrival say nothing of that), or where rate,
    channels, type, units or coordinates change, they begin anew, with a GapWarning. Attributes that are not
    the same in all its blocks are no window's.

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
    if round(count) < 1 or abs(count - round(count)) > min(1e-6 * count, _ROUNDING):
        raise InvalidArgument(
            f"{seconds:g} s at {rate:g} Hz are {count:g} samples, which is no whole number; use samples=..."
        )
    return round(count)


class _Held:
    """A block; acknowledged when the cutter and all windows of it have let it go, in whatever order.

    One of the windows may be dropped, or be acknowledged early, while another one still waits for its sink.
    """

    __slots__ = ("_lock", "_over", "block", "holds")

    def __init__(self, block: Block) -> None:
        self.block = block
        self.holds = 1
        self._over = False
        self._lock = threading.Lock()

    def hold(self) -> None:
        with self._lock:
            self.holds += 1

    def let_go(self, done: bool) -> None:
        with self._lock:
            if self._over:  # wanted again, by another window
                return
            if self.block.settle is not None and (self.holds == 1 or not done):
                self.block.settle(done)
                self._over = True
            self.holds -= 1


def _settle_of(blocks: list[_Held]) -> Settle | None:
    """How a window of these blocks is settled."""
    held = [one for one in blocks if one.block.settle is not None]
    for one in held:
        one.hold()

    def settle(done: bool) -> None:
        while held:  # what raises is tried again when it is asked again
            held[0].let_go(done)
            del held[0]

    return settle if held else None


class _Cutter:
    """The windows of one topic."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._blocks: list[_Held] = []
        self._total = 0
        self._offset = 0  # of the next window in the first block; may lie beyond all of them
        self._count = 0
        self._last: Block | None = None
        self._gapped = False

    def take(self, block: Block) -> list[Block]:
        samples = block.samples
        if samples is None:
            raise DataError(
                f"a block of {block.topic!r} is no signal ({type(block.data).__name__}); windows need "
                f"labelled arrays with a dimension {TIME!r}"
            )
        size, step = self._window.size(block)
        last, self._last = self._last, block
        why = (
            "blocks were lost" if block.follows_gap else _difference(last, block) if last is not None else ""
        )
        if why:
            self._anew(why, block)
        self._blocks.append(_Held(block))
        self._total += samples
        found = []
        while self._total - self._offset >= size:
            found.append(self._cut(size, step))
        self._release()
        return found

    def _anew(self, why: str, block: Block) -> None:
        """Lets what waits go: it belongs to no window."""
        self._gapped = True
        if not self._blocks and not self._offset:
            return  # a window has just ended there
        gone, self._blocks = self._blocks, []
        self._total = self._offset = 0
        for one in gone:
            one.let_go(True)
        text = f"the windows of {block.topic!r} begin anew: {why} before number {block.sequence}"
        warnings.warn(GapWarning(text, block.topic, None, block.sequence or 0), stacklevel=2)

    def _cut(self, size: int, step: int) -> Block:
        self._release()
        used, have = [], 0
        for one in self._blocks:
            used.append(one)
            have += one.block.samples or 0
            if have >= self._offset + size:
                break
        whole = _joined([one.block.data for one in used])
        data = whole.isel({TIME: slice(self._offset, self._offset + size)})
        data = data.copy(deep=False)  # a data set would share its attributes with the block's
        first, newest = used[0].block, used[-1].block
        stamped = data.attrs.pop(TIMESTAMP, None) is not None or TIMESTAMP in first.data.attrs
        at, rate = first.timestamp, first.sampling_rate
        if at is not None and self._offset:  # without a rate only the signal's own times can say it
            at = at + self._offset / rate if rate else labels_of(data).get(TIMESTAMP)
        if stamped and at is not None:
            data.attrs[TIMESTAMP] = at
        settle = _settle_of(used)
        self._offset += step
        self._release()
        window = replace(
            first,
            data=data,
            sequence=self._count,
            timestamp=at,
            id="",
            settle=settle,
            received=newest.received,
            follows_gap=self._gapped,
        )
        self._count += 1
        self._gapped = False
        return window

    def _release(self) -> None:
        """Lets go of blocks that lie before the next window."""
        while self._blocks and self._offset >= (samples := self._blocks[0].block.samples or 0):
            one = self._blocks.pop(0)
            self._offset -= samples
            self._total -= samples
            one.let_go(True)


def _difference(last: Block, block: Block) -> str:
    """Why a block does not go on where the last one ended; empty: it does."""
    if (last.sampling_rate, last.channels) != (block.sampling_rate, block.channels):
        return "its rate or its channels changed"
    one, other = last.data, block.data
    if _type(one) != _type(other):
        return f"its type changed from {_type(one)} to {_type(other)}"
    if tuple(one.dims) != tuple(other.dims) or any(
        one.sizes[name] != other.sizes[name] for name in one.dims if name != TIME
    ):
        return "its dimensions changed"
    if _units(one) != _units(other):
        return f"its units changed from {_units(one)!r} to {_units(other)!r}"
    if set(one.coords) != set(other.coords) or not all(
        _same(one.coords[name], other.coords[name]) for name in one.coords
    ):
        return "its coordinates changed"
    before, now = last.timestamp, block.timestamp
    again = last.sequence is not None and block.sequence is not None and block.sequence <= last.sequence
    arrived = last.arrived or block.arrived
    if before is None or now is None or arrived or not last.duration:
        # It need not arrive at the pace at which it was recorded, but in that order. One that comes again,
        # because it was not acknowledged, does not.
        step = 0.0 if before is None or now is None or last.arrived != block.arrived else now - before
        wrong = step < 0 or (again and (arrived or not step))
        return "a block came again, or in another order," if wrong else ""
    off = now - (before + last.duration)
    most = last.duration / 2
    if not again or off > 0:  # clocks are not exact; a sample that comes again is back by no more
        most = max(most, 1.5 / (last.sampling_rate or 1.0))
    if abs(off) > most:
        return f"{off:g} s are missing" if off > 0 else f"it goes back by {-off:g} s"
    return ""


def _units(data: Any) -> Any:
    """Of an array, or by name of the variables of a data set that have some."""
    if hasattr(data, "dtype"):
        return data.attrs.get("units")
    found = {name: one.attrs["units"] for name, one in data.data_vars.items() if "units" in one.attrs}
    return found or data.attrs.get("units")


def _type(data: Any) -> Any:
    return data.dtype if hasattr(data, "dtype") else dict(data.dtypes)


def _same(one: Any, other: Any) -> bool:
    if one.dims != other.dims or one.dtype.kind != other.dtype.kind:
        return False
    return TIME in one.dims or bool(one.variable.equals(other.variable))


def _joined(arrays: list[Any]) -> Any:
    if len(arrays) == 1:
        return arrays[0]
    import xarray as xr

    found = xr.concat(arrays, dim=TIME, join="exact", combine_attrs="drop_conflicts")
    for name in [name for name in found.attrs if any(name not in one.attrs for one in arrays)]:
        del found.attrs[name]
    return found
