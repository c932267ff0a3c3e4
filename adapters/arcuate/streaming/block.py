"""What streams are made of: blocks of labelled data, and what is known about each."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from arcuate.errors import InvalidArgument

__all__ = [
    "ARRIVED",
    "CHANNEL",
    "RATE",
    "TIME",
    "TIMESTAMP",
    "Block",
    "Settle",
    "labelled",
    "labels_of",
]

TIME = "time"
CHANNEL = "channel"
RATE = "sampling_rate"
TIMESTAMP = "timestamp"
ARRIVED = "arrived"
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
"""Of the units of time that labels have; one made of another may not reach as far."""
Settle = Callable[[bool], object]
"""Told once how a block ended: True, it is dealt with; False, it is wanted again."""


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A piece of a stream.

    Attributes:
        data: a labelled array with the dimensions ``time`` and ``channel`` for signals; a table, a mapping,
            text or bytes for other messages.
        sequence: the system's own number where it has one, else counted from 0 in each stream.
        timestamp: when its first sample was taken, in seconds since 1970; ``None`` where nobody says.
        sampling_rate: in Hz; ``None`` when irregular or unknown.
        channels: names; empty when there are none.
        topic: where it was published.
        id: the system's own identifier; empty when it has none.
        headers: what was published beside the data.
        follows_gap: whether the system lost blocks of the topic before this one.
        arrived: whether ``timestamp`` is only when the system took the block: its publisher did not say when
            its first sample was taken.
    """

    data: Any
    sequence: int | None = None
    timestamp: float | None = None
    sampling_rate: float | None = None
    channels: tuple[str, ...] = ()
    topic: str = ""
    id: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    settle: Settle | None = field(default=None, repr=False)
    received: float = field(default_factory=time.perf_counter, repr=False)
    follows_gap: bool = field(default=False, repr=False)
    arrived: bool = field(default=False, repr=False)

    @classmethod
    def of(cls, data: Any, **known: Any) -> Block:
        """A block of a value; a block stays one. What its labels say is taken from there.

        Args:
            data: the value. A labelled array says its channels by the coordinate ``channel``, its rate by the
                attribute ``sampling_rate``, its time by ``timestamp`` or a coordinate ``time`` of datetime64.
            known: attributes of the block; they win.
        """
        if isinstance(data, Block):
            if "timestamp" in known:
                known.setdefault("arrived", False)
            return dataclasses.replace(data, **known) if known else data
        found = labels_of(data)
        for name, value in known.items():
            if value is not None and (value or not isinstance(value, tuple)):
                found[name] = value
        return cls(data, **found)

    def ack(self) -> None:
        """Tells the system that the block is dealt with; nothing happens where it does not ask for that."""
        if self.settle is not None:
            self.settle(True)

    def nack(self) -> None:
        """Tells the system that the block is wanted again, where it can do that."""
        if self.settle is not None:
            self.settle(False)

    def with_data(self, data: Any) -> Block:
        """The same block with other data, such as a function's result; labels of the data win.

        A block as data says itself what is known of it; where it comes from and how it is acknowledged stay.
        """
        if isinstance(data, Block):
            return dataclasses.replace(
                data,
                sequence=self.sequence if data.sequence is None else data.sequence,
                topic=data.topic or self.topic,
                id=data.id or self.id,
                settle=self.settle,
                received=self.received,
                follows_gap=self.follows_gap,
            )
        said = labels_of(data)
        return dataclasses.replace(self, data=data, arrived=self.arrived and TIMESTAMP not in said, **said)

    @property
    def samples(self) -> int | None:
        """How many samples it has; ``None`` for what is no signal."""
        sizes = getattr(self.data, "sizes", None)
        return int(sizes[TIME]) if isinstance(sizes, Mapping) and TIME in sizes else None

    @property
    def duration(self) -> float | None:
        """Seconds that its samples cover; ``None`` where that is not known."""
        samples = self.samples
        return samples / self.sampling_rate if samples is not None and self.sampling_rate else None


def labels_of(data: Any) -> dict[str, Any]:
    """What the labels of a value say of its block; empty for what is no labelled array."""
    if not hasattr(data, "coords") or not hasattr(data, "attrs") or not hasattr(data, "dims"):
        return {}
    found: dict[str, Any] = {}
    if CHANNEL in data.dims and CHANNEL in data.coords:
        found["channels"] = _channels(data)
    for name, unit in ((RATE, "Hz"), (TIMESTAMP, "seconds since 1970")):
        value = data.attrs.get(name)
        if value is not None:
            try:
                found[name] = float(value)
            except (TypeError, ValueError):
                raise InvalidArgument(
                    f"the attribute {name!r} of a block is a number of {unit}; got {value!r}"
                ) from None
    if (
        TIMESTAMP not in found
        and TIME in data.coords
        and data.coords[TIME].size
        and data.coords[TIME].dtype.kind == "M"
    ):
        first = data.coords[TIME].values.reshape(-1)[0]
        unit = str(first.dtype).partition("[")[2][:-1]
        if unit not in _PER_SECOND:
            unit, first = "s", first.astype("datetime64[s]")
        if first == first:  # NaT says nothing
            found["timestamp"] = first.astype("int64").item() / _PER_SECOND[unit]
    return found


def _channels(data: Any) -> tuple[str, ...]:
    # The index has the names as they are; by way of the coordinate it takes ten times as long.
    index = getattr(getattr(data, "xindexes", {}).get(CHANNEL), "index", None)
    if index is not None and index.dtype == object:
        return tuple(map(str, index.tolist()))
    return tuple(map(str, data.coords[CHANNEL].values.tolist()))


def labelled(block: Block) -> Any:
    """The data, with labels that say what is known of the block; other values than arrays as they are.

    A time that is only of arrival is the attribute ``arrived``, in seconds since 1970.
    """
    data = block.data
    if not all(hasattr(data, name) for name in ("coords", "dims", "attrs", "assign_attrs")):
        return data
    said = labels_of(data)
    more = {
        name: getattr(block, name)
        for name in (TIMESTAMP, RATE)
        if getattr(block, name) is not None and getattr(block, name) != said.get(name)
    }
    if block.arrived and TIMESTAMP in more:  # or whoever reads it would take it for a sample's time
        more = {name: value for name, value in more.items() if name != TIMESTAMP}
        if ARRIVED not in data.attrs:
            more[ARRIVED] = block.timestamp
    if more:
        data = data.assign_attrs(more)
    if block.channels and CHANNEL in data.dims and CHANNEL not in data.coords:
        data = data.assign_coords({CHANNEL: list(block.channels)})
    return data
