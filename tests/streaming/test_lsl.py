"""LSL against bare pylsl in another process, on this machine's loopback."""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
import uuid
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from arcuate.connector import ConnectionError as LostConnection
from arcuate.connector import DataError, IntegrationTimeout, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.integrations import LSLStream
from arcuate.streaming import GapWarning, Window
from arcuate.streaming.lsl import LabelsWarning
from arcuate.streaming.lsl_clock import Smoother, pieces

CONFIGURATION = """
[multicast]
ResolveScope = machine
[lab]
KnownPeers = {127.0.0.1}
[tuning]
MulticastMinRTT = 0.1
UnicastMinRTT = 0.1
[ports]
IPv6 = disable
[log]
level = -3
"""
EEG = [{"label": "Fz", "unit": "microvolts", "type": "EEG"}, {"label": "Stim", "unit": "none", "type": "TRG"}]


class Peer:
    """A process of bare pylsl."""

    def __init__(self, folder: Path, *before: str) -> None:
        (folder / "peer.cfg").write_text(CONFIGURATION)
        self.process = subprocess.Popen(
            [*before, sys.executable, str(Path(__file__).with_name("lsl_peer.py"))],
            env={**os.environ, "LSLAPICFG": str(folder / "peer.cfg")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, command: str, **arguments: Any) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps([command, arguments]) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the peer ended"
        return json.loads(line)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        for one in (self.process.stdin, self.process.stdout):
            assert one is not None
            with contextlib.suppress(OSError):
                one.close()


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Any]:
    made: list[Peer] = []

    def make(*before: str) -> Peer:
        made.append(Peer(tmp_path, *before))
        return made[-1]

    yield make
    for one in made:
        one.kill()


@pytest.fixture
def name() -> str:
    return f"t-{uuid.uuid4().hex[:12]}"


def within(timestamp: float, around: tuple[float, float], after: float) -> None:
    """A time is so long after a moment between two others; a busy machine knows its clocks to 20 ms."""
    assert around[0] - 0.02 <= timestamp - after <= around[1] + 0.02


def test_a_foreign_stream_comes_with_its_labels_units_types_and_times(peers: Any, name: str) -> None:
    peer = peers()
    peer("outlet", name=name, kind="EEG", rate=250.0, count=2, channels=EEG, source="amp-1")
    with LSLStream(url=f"lsl://{name}?type=EEG", duration=0.2) as stream, stream.blocks(timeout=10) as blocks:
        around = peer("ramp", name=name, parts=[(0, 120)], channels=2, start=-0.5, rate=250.0)
        found = [next(blocks), next(blocks)]
        assert stream.describe()["desc"]["channels"]["channel"] == EEG
    assert [one.samples for one in found] == [50, 50]
    assert [one.sequence for one in found] == [0, 1]
    assert np.array_equal(np.concatenate([one.data for one in found]), np.arange(200).reshape(100, 2))
    first = found[0]
    assert first.data.dtype == np.float32
    assert first.data.dims == ("time", "channel")
    assert first.channels == ("Fz", "Stim")
    assert first.data.channel.values.tolist() == ["Fz", "Stim"]
    assert first.data.unit.values.tolist() == ["microvolts", "none"]
    assert first.data.coords["type"].values.tolist() == ["EEG", "TRG"]
    assert first.data.attrs == {"source_id": "amp-1", "type": "EEG", "sampling_rate": 250.0}
    assert (first.topic, first.sampling_rate) == (name, 250.0)
    within(first.timestamp, around, -0.5)
    steps = np.diff(first.data.time.values).astype("int64")
    assert abs(steps - 4_000_000).max() < 1000


def test_all_types_come_exactly_from_several_streams_at_once(peers: Any, name: str) -> None:
    peer = peers()
    values = {
        "int8": [[-128], [127]],
        "int16": [[-32768], [32767]],
        "int32": [[-(2**31)], [2**31 - 1]],
        "int64": [[-(2**63)], [2**63 - 1]],
        "double64": [[0.1], [1e-300]],
        "string": [["Zürich \u0000 ✓"], [""]],
    }
    for kind in values:
        peer("outlet", name=f"{name}-{kind}", rate=0.0, form=kind)
    topics = [f"{name}-{kind}" for kind in values]
    found: dict[str, list[Any]] = {kind: [] for kind in values}
    types = {}
    with LSLStream() as stream, stream.blocks(topics, timeout=10) as blocks:
        for kind, rows in values.items():
            peer("push", name=f"{name}-{kind}", values=rows)
        while sum(map(len, found.values())) < 12:
            block = next(blocks)
            kind = block.topic.rpartition("-")[2]
            found[kind] += block.data.values.tolist()
            types[kind] = block.data.dtype
            assert block.sampling_rate is None
    assert found == values
    assert types["int64"] == np.int64
    assert types["double64"] == np.float64
    assert types["string"].kind == "O"


def test_the_clock_of_another_machine_is_corrected(peers: Any, name: str) -> None:
    """A time namespace gives the sender a clock that is 5,000 s ahead, as if it were another machine."""
    before = ("unshare", "--time", "--monotonic", "5000", "--fork", "--kill-child")
    if shutil.which("unshare") is None or subprocess.run([*before, "true"], capture_output=True).returncode:
        pytest.skip("unshare: time namespaces are not permitted here")
    peer = peers(*before)
    peer("outlet", name=name, rate=100.0)
    with LSLStream(topic=name) as stream, stream.blocks(timeout=10) as blocks:
        around = peer("ramp", name=name, parts=[(0, 10)], channels=1, start=0.0, rate=100.0)
        block = next(blocks)
    assert float(block.headers["lsl-correction"]) == pytest.approx(-5000, abs=0.5)
    within(block.timestamp, around, 0.0)


def test_a_gap_is_told_and_blocks_are_cut_there(peers: Any, name: str) -> None:
    peer = peers()
    peer("outlet", name=name, rate=1000.0)
    with LSLStream(topic=name, dejitter=True) as stream, stream.blocks(timeout=10) as blocks:
        around = peer("ramp", name=name, parts=[(0, 250), (750, 250)], channels=1, start=-2.0, rate=1000.0)
        with pytest.warns(GapWarning, match=f"500 samples of '{name}' were lost before number 3"):
            found = [next(blocks) for _ in range(5)]
        assert blocks.lost == stream.lost == 500
    assert [one.samples for one in found] == [100, 100, 50, 100, 100]
    assert [float(one.data[0, 0]) for one in found] == [0, 100, 200, 750, 850]
    within(found[3].timestamp, around, 0.75 - 2.0)


def test_a_device_that_is_slower_than_it_says(peers: Any, name: str) -> None:
    """Times are those of the samples, no gap is seen, windows go on, and the rate that it has is told."""
    peer = peers()
    peer("outlet", name=name, rate=250.0)
    with LSLStream(topic=name, duration=1.0) as stream, stream.blocks(timeout=10) as blocks:
        around = peer("ramp", name=name, parts=[(0, 3000)], channels=1, start=-13.0, rate=240.0)
        found = [next(blocks) for _ in range(12)]
        assert stream.lost == 0
    within(found[-1].timestamp, around, 11 * 250 / 240 - 13.0)
    assert "lsl-rate" not in found[0].headers
    assert float(found[-1].headers["lsl-rate"]) == pytest.approx(240.0, rel=1e-3)
    assert found[-1].sampling_rate == 250.0
    cut = Window(3.0).begin()
    assert [len(cut(one)) for one in found] == [0, 0, 1] * 4


def test_what_is_written_reaches_a_foreign_reader_completely(peers: Any, name: str) -> None:
    peer = peers()
    data = xr.DataArray(
        np.arange(40_000, dtype="float64").reshape(20_000, 2),
        dims=("time", "channel"),
        coords={
            "channel": ["Fz", "Cz"],
            "time": np.datetime64(time.time_ns(), "ns") + np.arange(20_000) * np.timedelta64(1, "ms"),
        },
        attrs={"sampling_rate": 1000.0, "units": "microvolts", "type": "EEG"},
    )
    with LSLStream(topic=name, consumers=10) as sink:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:  # write() waits for the first reader
            head = pool.submit(sink.write, data[:10_000])
            info = peer("inlet", name=name)
            head.result()
        sink.write(data[10_000:])
        assert sink.have_consumers()
    found = peer("pull", name=name, count=20_000)  # the sender is gone, nothing that was on its way is
    assert np.array_equal(found["values"], data.values)
    expected = data.time.values.astype("int64") / 1e9
    assert np.allclose(np.array(found["times"]) + found["ahead"], expected, atol=0.01)
    assert info["labels"] == ["Fz", "Cz"]
    assert info["units"] == ["microvolts", "microvolts"]
    assert (info["type"], info["rate"], info["format"]) == ("EEG", 1000.0, 2)
    assert info["source"].endswith(f":{name}")


def test_markers_are_written_as_texts_and_not_lost_at_the_end(peers: Any, name: str) -> None:
    peer = peers()
    with LSLStream(topic=name, type="Markers", consumers=10) as sink:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(sink.write, "begin")
            peer("inlet", name=name)
            first.result()
        sink.write("Ende ✓")
    assert peer("pull", name=name, count=2)["values"] == [["begin"], ["Ende ✓"]]


def test_texts_that_are_no_utf8_are_an_error_or_bytes(peers: Any, name: str) -> None:
    peer = peers()
    blob = {"bytes": base64.b64encode(b"\xff\x00\xfe").decode()}
    peer("outlet", name=name, form="string")
    with LSLStream(topic=name) as stream, stream.blocks(timeout=10) as blocks:
        peer("push", name=name, values=[[blob]])
        with pytest.raises(DataError, match="format='bytes'"):
            next(blocks)
    with LSLStream(topic=name, format="bytes") as stream, stream.blocks(timeout=10) as blocks:
        peer("push", name=name, values=[[blob]])
        assert next(blocks).data.values.tolist() == [[b"\xff\x00\xfe"]]


@pytest.mark.soak
def test_a_sender_that_comes_back_is_read_on_and_one_that_must_not_is_an_error(peers: Any, name: str) -> None:
    first = peers()
    first("outlet", name=name, rate=1000.0, source="amp")
    with LSLStream(topic=name) as stream, stream.blocks(timeout=20) as blocks:
        with LSLStream(topic=name, recover=False) as strict, strict.blocks(timeout=10) as lost:
            first("ramp", name=name, parts=[(0, 100)], channels=1, start=0.0, rate=1000.0)
            assert float(next(blocks).data[0, 0]) == 0
            assert float(next(lost).data[0, 0]) == 0
            first.kill()
            with pytest.raises(LostConnection, match="was lost"):
                next(lost)
        second = peers()
        second("outlet", name=name, rate=1000.0, source="amp")
        second("ramp", name=name, parts=[(500, 100)], channels=1, start=0.0, rate=1000.0)
        with pytest.warns(GapWarning):
            assert float(next(blocks).data[0, 0]) == 500


def test_which_stream_is_wanted_must_be_clear(peers: Any, name: str) -> None:
    peer = peers()
    stream = LSLStream(topic=f"{name}x", timeouts={"connect": 0.6}, retry=None)
    with stream, pytest.raises(NotFoundError, match=r"no stream with name='t-.*'.*on this machine"):
        stream.blocks()
    assert stream.health().status == "unknown"
    peer("outlet", name=name, kind="EEG", source="left")
    other = peers()
    other("outlet", name=name, kind="EEG", source="right")
    with LSLStream(topic=name) as stream, pytest.raises(InvalidArgument, match=r"say more.*source_id 'left'"):
        stream.blocks()
    with LSLStream(source_id="right", predicate="starts-with(name, 't-')") as stream:
        assert stream.health().facts["found"] == name
        with stream.blocks(timeout=0.2) as blocks, pytest.raises(IntegrationTimeout, match=r"within 0\.2 s"):
            next(blocks)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"url": "lsl://a/b"}, "url is lsl://NAME"),
        ({"url": "lsl://a?hz=3"}, "url has no 'hz'"),
        ({"duration": 0}, "duration"),
        ({"network": "planet"}, "network"),
    ],
)
def test_wrong_settings_are_told(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        LSLStream(settings)


def test_what_lsl_cannot_do_is_told(name: str) -> None:
    with LSLStream() as stream:
        with pytest.raises(InvalidArgument, match="which stream"):
            stream.blocks()
        with pytest.raises(InvalidArgument, match="keeps nothing"):
            stream.blocks("x", start="all")
        with pytest.raises(ConversionError, match=r"got uint16.*astype"):
            stream.write(np.zeros((2, 2), "uint16"), topic=name)
        with pytest.raises(ConversionError, match="got a dict"):
            stream.write({"a": 1}, topic=name)
        with pytest.raises(ConversionError, match="dimensions time and channel"):
            stream.write(xr.DataArray(np.zeros((2, 2)), dims=("x", "y")), topic=name)
        with pytest.raises(ConversionError, match="not other objects"):
            stream.write(np.array([[1j, None]], dtype=object), topic=name)
        signal = xr.DataArray(np.zeros((2, 1)), dims=("time", "channel"))
        with pytest.warns(LabelsWarning, match="subject"):
            stream.write(signal.assign_attrs(subject="S1"), topic=name)
        with pytest.raises(InvalidArgument, match="stays as it was begun"):
            stream.write(np.zeros((2, 2)), topic=name)
        nowhere = signal.assign_coords(time=np.array(["NaT", "2026-01-01"], "datetime64[ns]"))
        with pytest.raises(ConversionError, match="NaT"):
            stream.write(nowhere, topic=name)
    with pytest.raises(InvalidArgument, match="one configuration in a process"):
        LSLStream(topic=name, network="link").open()


def test_the_smoother_takes_jitter_out_and_never_goes_back() -> None:
    rng = np.random.default_rng(1)
    true = 10.0 + np.arange(20_000) / 1000.02  # the device is a little faster than it says
    noisy = true + rng.normal(0, 0.002, true.size)
    smoother = Smoother(1000.0)
    smooth = np.concatenate([smoother(noisy[first : first + 100]) for first in range(0, true.size, 100)])
    assert np.diff(smooth).min() >= 0
    late = slice(5000, None)
    assert np.abs(smooth - true)[late].max() < 0.0005
    assert np.std(smooth - true) < 0.2 * np.std(noisy - true)


def test_the_smoother_agrees_with_a_weighted_line() -> None:
    rng = np.random.default_rng(2)
    times = np.arange(300) / 100 + rng.normal(0, 0.003, 300)
    smoother = Smoother(100.0, half=2.0)
    found = np.concatenate([smoother(times[:120]), smoother(times[120:])])[-1]
    number = np.arange(-299.0, 1.0)
    weights = np.sqrt(0.5 ** (-number / 200))
    base = times[0] + (number + 299) / 100
    # What is doubted about the slope is one more observation: that it is 0, from the mean number.
    mean = float(weights**2 @ number / (weights**2).sum())
    matrix = np.column_stack([np.ones(300), number - mean]) * weights[:, None]
    doubt = np.sqrt((weights**2).sum()) * 5.0 * 100
    solved = np.linalg.lstsq(
        np.vstack([matrix, [0.0, doubt]]), np.append((times - base) * weights, 0.0), rcond=None
    )[0]
    assert found == pytest.approx(base[-1] + solved[0] - mean * solved[1], abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from([0.001, 0.0011, 0.5, 0.05, -0.3]), min_size=1, max_size=60),
    st.sampled_from([None, 0.0]),
)
def test_pieces_are_all_samples_once_and_cut_at_each_jump(steps: list[float], last: float | None) -> None:
    times = np.cumsum(steps)
    found = list(pieces(times, last, 1000.0, 0.1))
    assert [first for first, _, _ in found] == [0, *(end for _, end, _ in found[:-1])]
    assert found[-1][1] == len(times)
    considered = steps if last is not None else [0.001, *steps[1:]]
    jumps = {place for place, step in enumerate(considered) if abs(step - 0.001) > 0.1}
    assert {first for first, _, lost in found if lost is not None} == jumps
    for first, _, lost in found:
        if lost is not None:
            assert lost == (499 if considered[first] == 0.5 else -1)


def test_nothing_is_left_when_a_reader_closes(peers: Any, name: str) -> None:
    peer = peers()
    peer("outlet", name=name, rate=100.0)
    before = len(os.listdir("/proc/self/task"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with LSLStream(topic=name) as stream:
            stream.blocks()
    end = time.monotonic() + 5
    while len(os.listdir("/proc/self/task")) > before and time.monotonic() < end:
        time.sleep(0.02)
    assert len(os.listdir("/proc/self/task")) <= before


def test_a_sender_that_ends_is_an_error_where_it_is_not_waited_for(peers: Any, name: str) -> None:
    peer = peers()
    peer("outlet", name=name, rate=1000.0)
    with LSLStream(topic=name, recover=False) as stream, stream.blocks(timeout=10) as blocks:
        peer("ramp", name=name, parts=[(0, 150)], channels=1, start=0.0, rate=1000.0)
        assert float(next(blocks).data[0, 0]) == 0
        assert blocks.next(0.3) is None  # half a block is there
        peer.kill()
        assert next(blocks).samples == 50
        with pytest.raises(LostConnection, match="was lost"):
            next(blocks)


def test_the_client_for_all_schemes_reads_it(peers: Any, name: str) -> None:
    from arcuate.integrations import StreamingClient

    peer = peers()
    peer("outlet", name=name, rate=100.0)
    with StreamingClient({"url": f"lsl://{name}"}) as client:
        found = iter(client)
        peer("ramp", name=name, parts=[(0, 10)], channels=1, start=0.0, rate=100.0)
        assert next(found) is not None
