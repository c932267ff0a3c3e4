"""Windows against what numpy cuts: any blocks, rates, gaps and changes, and hours of them."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.connector import DataError
from arcuate.errors import InvalidArgument
from arcuate.hub import Config, Server
from arcuate.streaming import Block, GapWarning, NATSStream, TopicStream, Window
from arcuate.streaming.block import labelled
from arcuate.streaming.payload import Codec

from .memory import MemoryStream
from .nats_server import NATSServer
from .test_nats import make

RATES = [1 / 3, 0.1, 7.0, 250.0, 512.03, 1000 / 3, 44_100.0]
BEGUN = 1_764_370_000.25


@pytest.fixture(scope="module")
def hub() -> Iterator[Server]:
    with Server(Config(zmq=["127.0.0.1:0"])) as one:
        yield one


def block(first: int, samples: int, rate: float, *, channels: int = 1, **more: Any) -> Block:
    """Samples that are their own numbers, of a recording that began at BEGUN."""
    values = np.arange(first, first + samples, dtype=float)[:, None] + np.zeros(channels)
    attrs = {"sampling_rate": rate, **more.pop("attrs", {})}
    data = xr.DataArray(
        values, {"channel": [f"c{n}" for n in range(channels)]}, ("time", "channel"), attrs=attrs
    )
    return Block.of(data, timestamp=BEGUN + first / rate, **more)


def cut(window: Window, blocks: list[Block]) -> list[Block]:
    take = window.begin()
    return [one for each in blocks for one in take(each)]


pieces = st.lists(
    st.tuples(st.integers(1, 40), st.sampled_from(["on", "on", "on", "gap", "lost", "channels", "rate"])),
    min_size=1,
    max_size=12,
)


@given(pieces, st.sampled_from(RATES), st.integers(0, 10**9), st.integers(1, 50), st.integers(1, 70))
@settings(max_examples=30, deadline=None)
def test_windows_are_those_that_numpy_cuts_from_each_piece(
    parts: list[tuple[int, str]], rate: float, first: int, size: int, step: int
) -> None:
    """``first`` is far from the begin of the recording: at 44.1 kHz six hours, at 1/3 Hz a century."""
    blocks: list[Block] = []
    runs: list[list[int]] = [[]]
    channels, now, longest = 1, rate, 0
    for samples, what in parts:
        if what == "gap":
            first += longest + 2  # more than half a block
        elif what == "channels":
            channels = 3 - channels
        elif what == "rate":
            now = rate if now != rate else 2 * rate
        if what != "on" and blocks:
            runs.append([])
        blocks.append(block(first, samples, now, channels=channels, follows_gap=what == "lost"))
        runs[-1] += range(first, first + samples)
        first += samples
        longest = max(longest, samples)
    wanted = [
        run[at : at + size] for run in runs for at in range(0, len(run) - size + 1, step) if len(run) >= size
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", GapWarning)
        found = cut(Window(samples=size, step=step), blocks)
    assert [one.data.values[:, 0].tolist() for one in found] == wanted
    for one in found:
        assert one.sampling_rate is not None
        exact = Fraction(BEGUN) + Fraction(one.data.values[0, 0]) / Fraction(one.sampling_rate)
        assert abs(Fraction(one.timestamp) - exact) < Fraction(1, 10**6)


@pytest.mark.parametrize("rate", [1 / 3, 512.03, 44_100.0])
@pytest.mark.parametrize("samples", [1, 17])
def test_the_rounding_of_a_clock_is_no_gap(rate: float, samples: int) -> None:
    """As a publisher counts that adds a block's seconds to its clock, where a float has 0.2 microseconds."""
    data = block(0, samples, rate).data
    take, at, count = Window(samples=samples).begin(), BEGUN, 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(200):
            count += len(take(Block.of(data, timestamp=at)))
            at += samples / rate
    assert count == 200


@pytest.mark.parametrize(
    ("seconds", "rate", "samples"),
    [
        (3, 1 / 3, 1), (3600, 1 / 3, 1200), (3, 0.3333333, 1), (100, 512.03, 51_203), (0.1, 44_100, 4410),
        (10_800, 44_100, 476_280_000), (1 / 44_100, 44_100, 1), (0.3, 10, 3), (0.1 * 3, 10, 3),
        (1, 512.03, None), (12.00001, 44_100, None), (10_800.00001, 44_100, None), (1, 1 / 3, None),
        (0.4 / 44_100, 44_100, None),
    ],
)  # fmt: skip
def test_seconds_are_a_whole_number_of_samples(seconds: float, rate: float, samples: int | None) -> None:
    window, one = Window(seconds), block(0, 1, rate)
    if samples is None:
        with pytest.raises(InvalidArgument, match="no whole number"):
            window.size(one)
    else:
        assert window.size(one) == (samples, samples)


def test_an_irregular_signal_says_the_times_of_its_windows_itself() -> None:
    times = np.array([0, 5, 6, 7, 20, 21], dtype="datetime64[s]")
    data = xr.DataArray(np.arange(6.0), {"time": times}, ("time",))
    found = cut(Window(samples=2), [Block.of(data)])
    assert [one.timestamp for one in found] == [0.0, 6.0, 20.0]
    unknown = cut(Window(samples=2), [Block.of(data.drop_vars("time").assign_attrs(timestamp=3.0))])
    assert [(one.timestamp, one.data.attrs.get("timestamp")) for one in unknown] == [
        (3.0, 3.0), (None, None), (None, None)
    ]  # fmt: skip


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_times_of_labels_in_each_unit(unit: str) -> None:
    year = "2026" if unit == "ns" else "3026"  # which nanoseconds do not reach
    moment = np.datetime64(f"{year}-11-28T12:00:00", unit)
    found = Block.of(xr.DataArray(np.zeros(1), {"time": [moment]}, ("time",))).timestamp
    assert found == dt.datetime(int(year), 11, 28, 12, tzinfo=dt.timezone.utc).timestamp()


def test_attributes_of_some_blocks_are_none_of_the_window() -> None:
    blocks = [block(0, 5, 10), block(5, 5, 10, attrs={"subject": "s2", "timestamp": BEGUN + 0.5})]
    (found,) = cut(Window(samples=10), blocks)
    assert (found.data.attrs, found.timestamp) == ({"sampling_rate": 10}, BEGUN)
    assert blocks[1].data.attrs["subject"] == "s2"


@pytest.mark.parametrize("times", [None, np.arange(5.0)])
def test_windows_begin_anew_where_times_are_another_kind(times: Any) -> None:
    first, second = block(0, 5, 10), block(5, 5, 10)
    moments = np.arange(5).astype("datetime64[ms]")
    other = second.data if times is None else second.data.assign_coords(time=times)
    blocks = [first.with_data(first.data.assign_coords(time=moments)), second.with_data(other)]
    with pytest.warns(GapWarning, match="coordinates changed"):
        assert cut(Window(samples=10), blocks) == []


def test_a_block_without_a_rate_is_no_part_of_a_window() -> None:
    """It may be put aside, and then nothing is left of it here."""
    take = Window(1.0).begin()
    assert take(block(0, 6, 10)) == []
    with pytest.raises(DataError, match="no sampling rate"):
        take(Block.of(xr.DataArray(np.zeros(6), dims="time")))
    (found,) = take(block(6, 6, 10))
    assert found.data.values[:, 0].tolist() == list(range(10))


@pytest.mark.parametrize("system", ["nats", "topics"])
def test_a_signal_may_arrive_at_another_pace(system: str, server: NATSServer, hub: Server) -> None:
    """Its publisher says no times; those of the system are when it took the blocks."""
    if system == "nats":
        make(server.url, "paced", "paced")
        stream: Any = NATSStream(url=server.url, topic="paced", jetstream=True, start="all")
    else:
        stream = TopicStream(url=hub.endpoints["zmq"], topic="paced", start="all")
    sink = MemoryStream()
    with stream, warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(10):
            stream.write(block(10 * number, 10, 100.0).data)
        stream.flush()
        (stream.window(samples=15) | sink).run(limit=10)
    assert [one.data.values[0, 0] for one in sink.written] == [0.0, 15.0, 30.0, 45.0, 60.0, 75.0]
    assert all(one.arrived for one in sink.written)


@pytest.mark.parametrize("known", [{"timestamp": 5.0, "arrived": True}, {}])
def test_a_block_that_comes_again_is_not_taken_for_the_next_one(known: dict[str, Any]) -> None:
    """As after a crash, or where it was not acknowledged in time; nobody says when it was recorded."""

    def came(number: int) -> Block:
        return Block.of(block(10 * number, 10, 100.0).data, sequence=number, **known)

    take = Window(samples=15).begin()
    assert [len(take(came(number))) for number in (0, 1)] == [0, 1]
    with pytest.warns(GapWarning, match="a block came again, or in another order, before number 1"):
        assert take(came(1)) == []
    (found,) = take(came(2))
    assert found.data.values[:, 0].tolist() == list(range(10, 25))


def test_windows_of_a_data_set_do_not_share_its_attributes() -> None:
    """Two of one block: what one says of itself is not said of the other, nor of the block."""
    data = xr.Dataset(
        {"eeg": ("time", np.arange(10.0))}, attrs={"sampling_rate": 10.0, "timestamp": BEGUN, "subject": "s1"}
    )
    found = cut(Window(samples=5), [Block.of(data)])
    assert [one.data.attrs["timestamp"] for one in found] == [BEGUN, BEGUN + 0.5]
    assert data.attrs["timestamp"] == BEGUN


def test_windows_of_a_data_set_begin_anew_where_a_unit_changes() -> None:
    def came(number: int, unit: str) -> Block:
        data = xr.Dataset({"eeg": ("time", np.full(5, number), {"units": unit})})
        return Block.of(data, sequence=number)

    take = Window(samples=10).begin()
    assert take(came(0, "uV")) == []
    with pytest.warns(GapWarning, match=r"units changed from \{'eeg': 'uV'\} to \{'eeg': 'mV'\}"):
        assert take(came(1, "mV")) == []


@pytest.mark.parametrize(("number", "moment"), [(1, 1.0), (2, 0.5)])
def test_an_irregular_signal_that_comes_again_is_noticed(number: int, moment: float) -> None:
    """It says its times itself; without a rate nobody knows where the next block begins, but not before."""

    def came(number: int, moment: float) -> Block:
        return Block.of(xr.DataArray(np.full(3, number), dims="time"), sequence=number, timestamp=moment)

    take = Window(samples=10).begin()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [take(came(5, 0.0)), take(came(1, 1.0))] == [[], []]  # as of two partitions
    with pytest.warns(GapWarning, match="a block came again, or in another order"):
        assert take(came(number, moment)) == []


def test_each_of_several_gaps_is_told_of_its_block() -> None:
    """A system may have told of all before the first block is taken."""
    stream = MemoryStream([block(10 * number, 10, 100.0).data for number in range(6)])
    with stream.blocks() as reader:
        for number in (2, 4):
            stream.feeds[0].lost("t", 1, number)
        with pytest.warns(GapWarning) as told:
            found = list(reader)
    assert [one.sequence for one in found if one.follows_gap] == [2, 4]
    assert (len(told), stream.lost) == (2, 2)


@pytest.mark.parametrize("payload", [b"[1, 2, 3]", b"\x00\x01\x02"])
def test_when_a_message_of_others_arrived_is_not_when_it_was_recorded(payload: bytes) -> None:
    """A function makes a signal of it; that one comes faster than it was recorded is no gap."""
    codec, sink = Codec(), MemoryStream()
    given = [codec.decode(payload, sequence=number, timestamp=5.0 + number / 1e3) for number in range(4)]

    def signal(data: Any) -> Any:
        return xr.DataArray(list(data), dims="time", attrs={"sampling_rate": 1.0})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (MemoryStream(given) | signal | Window(samples=6) | sink).run()
    assert len(sink.written) == 2
    assert labelled(sink.written[0]).attrs == {"sampling_rate": 1.0, "arrived": 5.0}


def test_what_is_no_window_s_is_acknowledged_though_no_window_comes() -> None:
    """Where gaps are closer together than windows are long; a system would soon give out no more."""
    stream = MemoryStream([block(10 * number, 10, 100.0).data for number in range(8)])
    sink = MemoryStream()

    def watched(data: Any) -> Any:
        if not data.values[0, 0]:
            for number in (2, 5, 6, 7):
                stream.feeds[0].lost("t", 1, number)
        return data

    with pytest.warns(GapWarning):
        (stream | watched | Window(samples=15, step=10) | sink).run()
    assert [one.data.values[0, 0] for one in sink.written] == [0.0, 20.0, 30.0]
    assert sorted(stream.acknowledged) == list(range(7))
    assert sink.flushed[-1] == 3


@pytest.mark.parametrize(("samples", "settled"), [(5, []), (20, [0])])
def test_what_waits_in_a_second_window_is_not_acknowledged(samples: int, settled: list[int]) -> None:
    """It is left over in the first one; the second one is told of the gap by the first window after it."""
    stream = MemoryStream([block(0, 20, 100.0).data, block(20, samples, 100.0).data])
    sink = MemoryStream()

    def watched(data: Any) -> Any:
        if not data.values[0, 0]:
            stream.feeds[0].lost("t", 1, 1)
        return data

    with pytest.warns(GapWarning):
        (stream | watched | Window(samples=10) | (lambda data: data) | Window(samples=1000) | sink).run()
    assert (sink.written, stream.acknowledged) == ([], settled)


def test_a_block_is_acknowledged_with_the_last_of_its_windows_in_whatever_order() -> None:
    """Windows are handed to threads, or one is dropped while the one before waits to be stored."""
    stream = MemoryStream([block(10 * number, 10, 100.0).data for number in range(4)])
    first, second, third = stream.window(samples=15, step=10)  # blocks 0 and 1, 1 and 2, 2 and 3
    second.ack()
    assert stream.acknowledged == []
    first.ack()
    first.ack()
    assert stream.acknowledged == [0, 1]
    third.nack()
    third.ack()
    assert (stream.acknowledged, stream.refused) == ([0, 1], [2, 3])


def test_a_dropped_window_leaves_what_an_earlier_one_needs() -> None:
    """The reader has not acknowledged the first one yet; after a crash it must come again."""
    stream = MemoryStream([block(10 * number, 10, 100.0).data for number in range(4)])
    results = iter(stream.window(samples=15) | (lambda data: None if data.values[0, 0] == 15 else data))
    found = next(results)
    assert list(results) == []
    assert stream.acknowledged == [2]
    found.ack()
    assert sorted(stream.acknowledged) == [0, 1, 2]


def test_a_dropped_window_leaves_what_waits_in_a_longer_one() -> None:
    stream, sink = MemoryStream([block(10 * number, 10, 100.0).data for number in range(4)]), MemoryStream()
    line = stream.window(samples=15) | (lambda data: None if data.values[0, 0] == 15 else data)
    (line | Window(samples=1000) | sink).run()
    assert (sink.written, stream.acknowledged) == ([], [2])


def test_a_single_sample_that_comes_again_is_not_taken_for_the_next_one() -> None:
    """Its time is back by one sample only, within what clocks may differ."""
    take = Window(samples=3).begin()
    assert [take(block(number, 1, 100.0, sequence=number)) for number in (7, 8)] == [[], []]
    with pytest.warns(GapWarning, match="goes back by .* before number 8"):
        assert take(block(8, 1, 100.0, sequence=8)) == []
