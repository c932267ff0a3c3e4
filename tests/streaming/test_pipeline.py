"""Pipelines and windows, without any system."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.connector import DataError, IntegrationTimeout
from arcuate.errors import ConnectionLost, InvalidArgument, SessionClosed
from arcuate.streaming import Block, GapWarning, NATSStream, QueueFeed, Window, stream_class

from .memory import MemoryStream
from .nats_server import NATSServer

ROOT = Path(__file__).resolve().parents[2]


def ramp(begin: int, samples: int, rate: float = 100.0, at: float | None = 0.0) -> Block:
    data = xr.DataArray(
        np.arange(begin, begin + samples, dtype=float)[:, None] * [1.0, -1.0],
        {"channel": ["a", "b"]},
        ("time", "channel"),
        attrs={"sampling_rate": rate},
    )
    return Block.of(data, timestamp=None if at is None else at + begin / rate)


def ramps(lengths: list[int]) -> list[Block]:
    ends = np.cumsum([0, *lengths])
    return [ramp(int(begin), length) for begin, length in zip(ends, lengths, strict=False)]


def test_functions_and_sinks_in_a_row() -> None:
    source, sink = MemoryStream(ramps([10] * 5)), MemoryStream()
    report = (source | (lambda data: data * 2) | (lambda data: data.mean("time")) | sink).run()
    assert (report.blocks, report.written, report.lost, report.dropped) == (5, 5, 0, 0)
    assert source.acknowledged == [0, 1, 2, 3, 4]
    assert sink.flushed == [5]  # what waits is written together, and acknowledged after that
    assert [one.sequence for one in sink.written] == [0, 1, 2, 3, 4]
    assert all(one.channels == ("a", "b") and one.topic == "t" for one in sink.written)
    np.testing.assert_array_equal(sink.written[1].data.values, [29.0, -29.0])
    assert report.latency is not None
    assert 0 < report.latency.p50 <= report.latency.p99 <= report.latency.most
    assert report.to_dict()["latency"]["max"] == report.latency.most


def test_none_drops_a_block_and_acknowledges_it() -> None:
    source, sink = MemoryStream([1, 2, 3, 4]), MemoryStream()
    report = (source | (lambda value: value if value % 2 else None) | sink).run()
    assert [one.data for one in sink.written] == [1, 3]
    assert (report.written, report.dropped) == (2, 2)
    assert sorted(source.acknowledged) == [0, 1, 2, 3]


def test_a_failing_function_gives_its_block_back() -> None:
    source, sink = MemoryStream([1, 2, 0, 4]), MemoryStream()
    pipeline = source | (lambda value: 1 / value) | sink
    with pytest.raises(ZeroDivisionError):
        pipeline.run()
    assert (source.acknowledged, source.refused) == ([0, 1], [2])
    assert isinstance(pipeline.report().error, ZeroDivisionError)


def test_a_failing_sink_gives_everything_back_that_it_has_not() -> None:
    class Full(MemoryStream):
        def flush(self) -> None:
            raise OSError("disk full")

    source = MemoryStream([1, 2, 3])
    with pytest.raises(OSError, match="disk full"):
        (source | Full()).run()
    assert source.acknowledged == []
    assert sorted(source.refused) == [0, 1, 2]


def test_limits_of_a_run() -> None:
    assert (MemoryStream(list(range(10))) | (lambda one: one)).run(limit=4).blocks == 4
    empty = MemoryStream()
    assert (empty | (lambda one: one)).run(timeout=0.05).blocks == 0
    with pytest.raises(IntegrationTimeout, match="no block came"):
        next(empty.blocks(timeout=0.01))


def test_start_and_stop_leave_no_thread() -> None:
    before = set(threading.enumerate())
    source, seen = MemoryStream(), threading.Event()
    with source | (lambda value: seen.set()) as pipeline:
        with pytest.raises(InvalidArgument, match="runs already"):
            pipeline.start()
        source.feeds[0].put(Block.of(1, topic="t"))
        assert seen.wait(10)
        assert not pipeline.wait(0)
    assert pipeline.report().blocks == 1
    assert set(threading.enumerate()) <= before
    source.close()
    with pytest.raises(SessionClosed):
        source.write(1)


def test_read_as_blocks_without_a_sink() -> None:
    source = MemoryStream([1, 2, 3])
    for one in source | (lambda value: value * 10 if value != 2 else None):
        assert one.data in (10, 30)
        one.ack()
    assert source.acknowledged == [0, 1, 2]
    with pytest.raises(InvalidArgument, match="has functions and ends in a sink"):
        source | 5
    with pytest.raises(InvalidArgument, match="ends in a sink already"):
        source | MemoryStream() | len


def test_late_blocks() -> None:
    source, sink = MemoryStream(), MemoryStream()
    pipeline = (source | (lambda value: threading.Event().wait(0.02) or value) | sink).within(0.01)
    with pipeline:
        source.feeds[0].put(Block.of(1, topic="t"))
        while not sink.written:
            threading.Event().wait(0.005)
    assert pipeline.report().late == 1
    assert (MemoryStream([1]) | sink).within(10.0).run().late == 0


@given(st.lists(st.integers(1, 17), min_size=1, max_size=12), st.integers(1, 20), st.integers(1, 25))
@settings(max_examples=25, deadline=None)
def test_windows_are_slices_of_the_whole(lengths: list[int], size: int, step: int) -> None:
    """Whatever the blocks are, the windows are those that numpy cuts from all samples."""
    source, sink = MemoryStream(ramps(lengths)), MemoryStream()
    (source.window(samples=size, step=step) | sink).run()
    whole = np.arange(sum(lengths), dtype=float)
    wanted = [whole[at : at + size] for at in range(0, len(whole) - size + 1, step)]
    assert [one.data.sel(channel="a").values.tolist() for one in sink.written] == [w.tolist() for w in wanted]
    assert [one.sequence for one in sink.written] == list(range(len(wanted)))
    np.testing.assert_allclose([one.timestamp for one in sink.written], [w[0] / 100 for w in wanted])
    # Acknowledged is what lies wholly before the next window, once there was a window at all.
    ends, following = np.cumsum(lengths), len(wanted) * step
    done = [number for number, end in enumerate(ends) if end <= following] if wanted else []
    assert set(source.acknowledged) <= set(done)
    if wanted and step <= size:
        assert source.acknowledged == done


def test_windows_in_seconds() -> None:
    sink = MemoryStream()
    (MemoryStream(ramps([7] * 20)).window(0.5, step=0.25) | sink).run()
    assert {one.samples for one in sink.written} == {50}
    assert [one.data.values[0, 0] for one in sink.written] == [0.0, 25.0, 50.0, 75.0]
    with pytest.raises(InvalidArgument, match="no whole number"):
        (MemoryStream(ramps([7])).window(0.333) | sink).run()
    with pytest.raises(DataError, match="no sampling rate"):
        (MemoryStream([xr.DataArray([1.0], dims="time")]).window(1.0) | sink).run()
    with pytest.raises(DataError, match="no signal"):
        (MemoryStream([{"a": 1}]).window(samples=1) | sink).run()
    for wrong in (
        {},
        {"seconds": 1.0, "samples": 2},
        {"samples": 0},
        {"samples": 1.5},
        {"samples": 2, "step": -1},
    ):
        with pytest.raises(InvalidArgument):
            Window(**wrong)  # type: ignore[arg-type]


def test_windows_do_not_reach_across_a_gap() -> None:
    source = MemoryStream([ramp(0, 10), ramp(10, 10), ramp(100, 10), ramp(110, 10)])
    sink = MemoryStream()
    with pytest.warns(GapWarning, match="0.8 s are missing"):
        (source.window(samples=15) | sink).run()
    assert [one.data.values[0, 0] for one in sink.written] == [0.0, 100.0]
    assert source.acknowledged == [0, 1, 2]  # of the last one a part waits for the next window


def test_a_dropped_window_acknowledges_its_blocks() -> None:
    source = MemoryStream(ramps([10, 10, 10]))
    (source.window(samples=10) | (lambda data: None) | MemoryStream()).run()
    assert source.acknowledged == [0, 1, 2]


def test_a_full_queue_holds_its_producer_back() -> None:
    feed = QueueFeed(3)
    taken: list[int] = []

    def produce() -> None:
        for number in range(50):
            assert feed.put(Block.of(number))
            taken.append(number)

    thread = threading.Thread(target=produce)
    thread.start()
    for number in range(50):
        block = feed.next(10)
        assert block is not None
        assert block.data == number
        assert len(taken) <= number + 5
    thread.join()
    assert all(feed.offer(one) for one in range(3))
    assert not feed.offer(4)
    assert not feed.put(Block.of(4), timeout=0.01)
    feed.close()
    assert not feed.put(Block.of(5))
    with pytest.raises(EOFError):
        feed.next(1)


def test_losses_are_told_once() -> None:
    source = MemoryStream()
    with source.blocks() as reader:
        source.feeds[0].lost("t", 3, 17)
        source.feeds[0].put(Block.of(1))
        with pytest.warns(GapWarning, match="3 samples of 't' were lost before number 17"):
            reader.next(1)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert reader.next(0.01) is None
    assert (reader.lost, source.lost) == (3, 3)


@pytest.mark.parametrize("url", ["", "host", "ftp://host", "http//x", "://", "nats:"])
def test_addresses_that_are_none(url: str) -> None:
    if url == "nats:":
        assert stream_class(url).__name__ == "NATSStream"
        return
    with pytest.raises(InvalidArgument, match="no address of a stream"):
        stream_class(url)


def test_a_password_is_not_in_the_error() -> None:
    with pytest.raises(InvalidArgument) as found:
        stream_class("ftp://me:geheim@host")
    assert "geheim" not in str(found.value)


def test_topics() -> None:
    with pytest.raises(InvalidArgument, match="which topic"):
        MemoryStream(topic=()).blocks()
    for wrong in ([""], [1]):
        with pytest.raises(InvalidArgument, match="a topic is a text"):
            MemoryStream().subscribe_to_topics(wrong)  # type: ignore[arg-type]
    assert MemoryStream(topic="a").subscribe_to_topics(["b", "a"])._topics == ("a", "b")


# ------------------------------------------------------------- what goes wrong on the way


def changed(block: Block, **attrs: object) -> Block:
    return Block.of(block.data.assign_attrs(attrs), timestamp=block.timestamp)


@pytest.mark.parametrize(
    ("second", "says"),
    [
        (changed(ramp(10, 10), units="mV"), "units changed from None to 'mV'"),
        (
            Block.of(ramp(10, 10).data.astype("float32"), timestamp=0.1),
            "type changed from float64 to float32",
        ),
        (Block.of(ramp(10, 10).data[:, :1], timestamp=0.1), "rate or its channels changed"),
        (Block.of(ramp(10, 10).data[:, ::-1], timestamp=0.1), "rate or its channels changed"),
        (changed(ramp(10, 10), sampling_rate=200.0), "rate or its channels changed"),
        (
            Block.of(ramp(10, 10).data.assign_coords(unit=("channel", ["uV", "mV"])), timestamp=0.1),
            "coordinates changed",
        ),
    ],
)
def test_windows_begin_anew_where_the_signal_is_another(second: Block, says: str) -> None:
    third = Block.of(second.data, timestamp=0.1 + (second.duration or 0.0))
    source = MemoryStream([ramp(0, 10), second, third])
    sink = MemoryStream()
    with pytest.warns(GapWarning, match=says):
        (source.window(samples=15) | sink).run()
    (found,) = sink.written
    whole = xr.concat([second.data] * 2, "time").isel(time=slice(0, 15))
    np.testing.assert_array_equal(found.data.values, whole.values)
    assert found.data.attrs.get("units") == second.data.attrs.get("units")
    assert found.data.dtype == second.data.dtype
    assert found.channels == second.channels


def test_labels_of_a_window_are_true_of_all_of_it() -> None:
    blocks = [changed(ramp(10 * n, 10), timestamp=n / 10, number=n, subject="s1") for n in range(4)]
    sink = MemoryStream()
    (MemoryStream(blocks).window(samples=15) | (lambda data: data.copy()) | sink).run()
    for one, at in zip(sink.written, (0.0, 0.15), strict=True):
        assert one.timestamp == pytest.approx(at)
        assert one.data.attrs == {"sampling_rate": 100.0, "timestamp": one.timestamp, "subject": "s1"}


def test_windows_do_not_reach_across_blocks_that_the_system_lost() -> None:
    """Also where blocks have no time by which that could be seen."""
    source, sink = MemoryStream(), MemoryStream()
    feed = source._feed(("t",), "new")
    for number in (0, 1, 5, 6):
        feed.put(Block.of(ramp(10 * number, 10, at=None).data, sequence=number, topic="t"))
    feed.lost("t", 3, 5)  # told when it is noticed, which may be before 0 and 1 are read
    feed.finish()
    source._feed = lambda topics, start: feed  # type: ignore[method-assign]
    with pytest.warns(GapWarning) as told:
        (source.window(samples=15) | sink).run()
    assert [str(one.message) for one in told if "anew" in str(one.message)] == [
        "the windows of 't' begin anew: blocks were lost before number 5"
    ]
    assert [one.data.values[0, 0] for one in sink.written] == [0.0, 50.0]


def test_the_first_block_after_a_gap_says_so() -> None:
    source = MemoryStream(topic=("a.*", "b"))
    with source.blocks() as reader, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        feed = source.feeds[0]
        feed.lost("b", 1, 2)
        feed.lost("a.*", None, 1)
        for topic, number in (("b", 1), ("a.x", 0), ("b", 2), ("a.x", 1), ("a.y", 5), ("a.x", 2), ("b", 3)):
            feed.put(Block.of(number, sequence=number, topic=topic))
        found = [reader.next(1) for _ in range(7)]
    follows = [(one.topic, one.sequence) for one in found if one is not None and one.follows_gap]
    assert follows == [("b", 2), ("a.x", 1), ("a.y", 5)]


def test_a_function_that_gives_a_block_does_not_lose_the_acknowledgement() -> None:
    source, sink = MemoryStream([1, 2]), MemoryStream()
    (source | (lambda value: Block.of(value * 2, timestamp=5.0)) | sink).run()
    assert source.acknowledged == [0, 1]
    assert [(one.data, one.sequence, one.topic, one.timestamp) for one in sink.written] == [
        (2, 0, "t", 5.0),
        (4, 1, "t", 5.0),
    ]


def test_blocks_for_which_a_function_fails_are_put_aside() -> None:
    source, sink, aside = MemoryStream([1, 0, "x", 4]), MemoryStream(), MemoryStream()
    report = (source | (lambda value: 1 / value) | sink).aside(aside).run()
    assert (report.blocks, report.written, report.failed) == (4, 2, 2)
    assert [one.data for one in aside.written] == [0, "x"]
    assert aside.written[0].headers["error"] == "ZeroDivisionError: division by zero"
    assert sorted(source.acknowledged) == [0, 1, 2, 3]
    assert aside.flushed[-1] == 2
    assert [one.data for one in (source | (lambda value: 1 / value)).aside(aside)] == [1.0, 0.25]
    assert aside.flushed[-2:] == [3, 4]  # before they are acknowledged
    signals = MemoryStream([ramp(0, 10), {"no": "signal"}, ramp(10, 10)])
    report = signals.window(samples=20).aside(aside).run()
    assert (report.written, report.failed) == (1, 1)
    with pytest.raises(InvalidArgument, match="is no sink"):
        signals.window(samples=20).aside(5)  # type: ignore[arg-type]


def test_a_lost_session_is_no_fault_of_a_block() -> None:
    def lost(value: object) -> object:
        raise ConnectionLost("the session is gone")

    source, aside = MemoryStream([1, 2]), MemoryStream()
    with pytest.raises(ConnectionLost):
        (source | lost).aside(aside).run()
    assert (aside.written, source.acknowledged, source.refused) == ([], [], [0])


def test_a_busy_source_does_not_put_acknowledgements_off() -> None:
    """Each block takes a while, and there is always another one."""
    source, sink = MemoryStream(list(range(8))), MemoryStream()
    (source | (lambda value: threading.Event().wait(0.04) or value) | sink).run()
    assert len(sink.flushed) >= 2
    assert source.acknowledged == list(range(8))


def test_stopped_while_it_subscribes() -> None:
    class Slow(MemoryStream):
        def _feed(self, topics: tuple[str, ...], start: int | str) -> QueueFeed:
            pipeline.stop()
            return super()._feed(topics, start)

    source = Slow()
    pipeline = source | (lambda value: value)
    assert pipeline.run(timeout=5).seconds < 4


def test_the_collector_looks_at_what_is_new_while_blocks_run() -> None:
    """In a process of its own: the tests' own freeze what they have collected."""
    code = """
        import gc
        from tests.streaming.memory import MemoryStream
        seen = []
        (MemoryStream([1]) | (lambda value: seen.append(gc.get_freeze_count()))).run()
        print(seen[0] > 0, gc.get_freeze_count())
        gc.freeze()  # a program that does so itself keeps it
        (MemoryStream([1]) | (lambda value: None)).run()
        print(gc.get_freeze_count() > 0)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["True", "0", "True"]


@pytest.mark.parametrize("length", [10, 987])
def test_what_is_said_of_a_block_put_aside_can_travel_as_a_header(length: int, server: NATSServer) -> None:
    """Cut, it may end in a space; it may have colours of a terminal, and bytes that are no text."""

    def fail(data: Any) -> Any:
        raise ValueError("x" * length + " y \x1b[31mred\x1b[0m \udcff\0")

    source, aside = MemoryStream([1]), NATSStream(url=server.url, topic="aside")
    with aside, aside.blocks(timeout=10) as blocks:
        assert (source | fail | MemoryStream()).aside(aside).run().failed == 1
        said = next(blocks).headers["error"]
    assert said.startswith("ValueError: xxx")
    assert said.isprintable()
