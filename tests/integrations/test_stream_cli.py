"""`arcuate stream` and `arcuate copy` on a real NATS server, with messages of programs that are not ours."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import nats
import numpy as np
import pytest
import xarray as xr
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError
from tests.cli.support import ARCUATE, CLEAN, arcuate, needs_r, shell
from tests.streaming.nats_server import NATSServer, nats_server

from arcuate.errors import ArcuateError, ConversionError, InvalidArgument
from arcuate.formats import open_data
from arcuate.integrations.copying import copy
from arcuate.integrations.copying.flows import opened_stream
from arcuate.streaming import Block
from arcuate.streaming.nats import NATSStream


@pytest.fixture(scope="module")
def server() -> Iterator[NATSServer]:
    with nats_server() as one:
        yield one


def publish(server: NATSServer, topic: str, payloads: list[bytes]) -> None:
    """Puts messages into JetStream by nats-py alone."""

    async def work() -> None:
        client = await nats.connect(server.url)
        jet = client.jetstream()
        await jet.add_stream(StreamConfig(name=topic, subjects=[topic]))
        for payload in payloads:
            await jet.publish(topic, payload)
        await client.close()

    asyncio.run(work())


async def held(server: NATSServer, topic: str, name: str) -> int | None:
    """How many messages the reader of this name has and did not acknowledge."""
    client = await nats.connect(server.url)
    try:
        return (await client.jetstream().consumer_info(topic, name)).num_ack_pending
    except NotFoundError:
        await asyncio.sleep(0.05)
        return None
    finally:
        await client.close()


@needs_r
def test_through_r_and_on(server: NATSServer, tmp_path: Path) -> None:
    """Labelled blocks go through a function of R, keep their labels, and arrive in another topic."""
    script = tmp_path / "centre.R"
    script.write_text("centre <- function(x) x - mean(x)\n")
    blocks = [
        xr.DataArray(
            np.random.default_rng(number).normal(5.0, 1.0, (20, 3)),
            dims=("time", "channel"),
            coords={"channel": ["Fz", "Cz", "Pz"]},
            attrs={"sampling_rate": 100.0},
        )
        for number in range(4)
    ]
    publish(server, "raw", [])
    publish(server, "clean", [])
    with NATSStream(url=server.url, topic="raw", jetstream=True) as out:
        for one in blocks:
            out.write(one)
        out.flush()
    done = shell(
        *("stream", f"{server.url}#raw", "--start", "all", "-O", "jetstream=true", "--limit", "4"),
        *("--load", f"r={script}", "--through", "r:centre"),
        *("--to", f"{server.url}#clean", "--to-option", "jetstream=true", "--json"),
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["blocks"], report["written"], report["lost"]) == (4, 4, 0)
    assert 0 < report["latency"]["p50"] <= report["latency"]["p99"]
    kept = {"jetstream": True}
    copy(f"{server.url}#clean", str(tmp_path / "clean.nc"), limit=4, start="all", source_settings=kept)
    found = xr.open_dataarray(tmp_path / "clean.nc", engine="h5netcdf")
    assert found.dims == ("time", "channel")
    assert found.channel.values.tolist() == ["Fz", "Cz", "Pz"]
    expected = np.concatenate([one.values - one.values.mean() for one in blocks])
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-12)


def test_lines_of_json_until_a_signal(server: NATSServer) -> None:
    """SIGTERM ends it in order: what was taken is printed, and the report says how many."""
    publish(server, "notes", [b'{"n": 1}', b'{"n": 2}'])
    process = subprocess.Popen(
        [ARCUATE, "stream", f"{server.url}#notes", "--start", "all", "-O", "jetstream=true", "--json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, **CLEAN},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        lines = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        process.wait()
    assert [one["n"] for one in lines] == [1, 2]
    assert process.returncode == 0, said
    assert json.loads(said.splitlines()[-1])["blocks"] == 2


def test_a_function_that_fails_is_an_error_and_the_block_comes_again(
    server: NATSServer, tmp_path: Path
) -> None:
    publish(server, "numbers", [b"[1, 2]", b'"three"'])
    where = f"{server.url}#numbers"
    options = ("--start", "all", "-O", "durable=sums", "--through", "python:sum", "--limit", "2")
    done = arcuate("stream", where, *options)
    assert done.returncode == 1
    assert "unsupported operand" in done.stderr
    assert done.stdout.splitlines()[0] == "3"
    again = arcuate("stream", where, "-O", "durable=sums", "--limit", "1")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout.splitlines()[0]) == "three"


def test_it_resumes_and_puts_aside(server: NATSServer, tmp_path: Path) -> None:
    """Files of an earlier run stay, also where blocks are counted anew; a failing block ends nothing."""
    publish(server, "parts", [b"[1, 2]", b'"three"', b"[4]", b"[5, 6]"])
    publish(server, "failed", [])
    words = ("stream", f"{server.url}#parts", "--resume", "sums", "--through", "python:sum")
    words += ("--aside", f"{server.url}#failed", "--to", "sum-%d.json", "--json")
    first = arcuate(*words, "--limit", "3", cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    report = json.loads(first.stdout)
    assert (report["blocks"], report["written"], report["failed"]) == (3, 2, 1)
    second = arcuate(*words, "--limit", "1", cwd=tmp_path)
    assert second.returncode == 0, second.stderr
    found = {one.name: json.loads(one.read_text()) for one in tmp_path.iterdir()}
    assert found == {"sum-0.json": 3, "sum-1.json": 4, "sum-2.json": 11}
    with NATSStream(url=server.url, topic="failed", start="all") as stream:
        block = next(stream.blocks(timeout=10))
    assert block.data == "three"
    assert "unsupported operand" in block.headers["error"]


def test_files_have_what_is_known_of_a_block(server: NATSServer, tmp_path: Path) -> None:
    publish(server, "known", [])
    data = xr.DataArray([[1.0], [2.0]], dims=("time", "channel"))
    with NATSStream(url=server.url, topic="known", jetstream=True) as out:
        out.write(Block.of(data, timestamp=5.5, sampling_rate=250.0, channels=("Cz",)))
        out.write(data)
        out.flush()
    words = ("--start", "all", "--limit", "2", "--to", str(tmp_path / "%d.nc"))
    done = arcuate("stream", f"{server.url}#known", *words)
    assert done.returncode == 0, done.stderr
    found = open_data(tmp_path / "0.nc")
    assert (found.attrs["timestamp"], found.attrs["sampling_rate"]) == (5.5, 250.0)
    assert found.channel.values.tolist() == ["Cz"]
    found = open_data(tmp_path / "1.nc")
    assert list(found.attrs) == ["arrived"]  # when JetStream took it is not when it was recorded
    assert found.attrs["arrived"] == pytest.approx(time.time(), abs=60)


def test_a_second_signal_ends_a_function_that_hangs(server: NATSServer) -> None:
    publish(server, "hang", [b"60"])
    words = ("stream", f"{server.url}#hang", "--resume", "hangs", "--through", "python:time.sleep")
    process = subprocess.Popen(
        [ARCUATE, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, **CLEAN},
    )  # fmt: skip
    try:
        end = time.monotonic() + 30
        while asyncio.run(held(server, "hang", "hangs")) != 1:
            assert time.monotonic() < end
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.7)
        for _ in range(2):
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        process.communicate(timeout=20)
    finally:
        process.kill()
        process.wait()
    assert process.returncode in (1, 130, -2)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("nats://127.0.0.1",), "which topic? Write it after '#'"),
        (("nats://127.0.0.1#a", "--through", "detrend"), "--through is ENV:FUNCTION"),
        (("nats://127.0.0.1#a", "--load", "r=none.R"), "--load is ENV=FILE"),
        (("nats://127.0.0.1#a", "--to", "out.nc"), "a file with %d in its name"),
        (("nats://127.0.0.1#a", "--step", "1"), "--step needs --window"),
        (("gopher://h#a",), "is no address of a stream"),
        (("nowhere#a",), "no connector 'nowhere' is configured"),
        (("ws://127.0.0.1:9#a", "--resume", "x"), "a WebSocketStream remembers nothing"),
        (("an eeg.edf", "--through", "r:mean"), "an eeg.edf is a file and no stream; 'arcuate copy FILE"),
        (("nats://127.0.0.1#a", "--to", "none/%d.nc"), "the folder 'none' of 'none/%d.nc' is not there"),
        (("nats://127.0.0.1#a", "--to", "%d/%d.nc"), "%d is once in the name of the file"),
    ],
)
def test_refused(words: tuple[str, ...], says: str, tmp_path: Path) -> None:
    (tmp_path / "an eeg.edf").touch()
    done = arcuate("stream", *words, cwd=tmp_path)
    assert done.returncode == 1
    assert says in " ".join(done.stderr.split())


@pytest.mark.parametrize("url", ["ws://h/ticks", "mqtt://h/lab/eeg", "lsl://Amp", "lsl://?type=EEG"])
def test_addresses_that_say_enough_need_no_topic(url: str) -> None:
    assert opened_stream(url).has_topic
    with pytest.raises(InvalidArgument, match="which topic"):
        opened_stream(url.partition("://")[0].replace("ws", "nats").replace("lsl", "zmq") + "://h")


def test_a_password_is_not_in_what_is_refused() -> None:
    done = arcuate("stream", "nats://127.0.0.1#a", "--to", "nats://me:geheim-7@127.0.0.1")
    assert done.returncode == 1
    assert "which topic?" in done.stderr
    assert "geheim-7" not in done.stderr


@pytest.mark.parametrize("suffix", ["nc", "json"])
def test_what_only_the_headers_say_is_kept(server: NATSServer, tmp_path: Path, suffix: str) -> None:
    """The rate, the channels, and when each block began; what the data say themselves stays as it is."""
    topic, there = f"headers-{suffix}", tmp_path / f"a.{suffix}"
    publish(server, topic, [])
    kept: dict[str, Any] = {"jetstream": True}
    begins = [1_700_000_000.25, 1_700_000_009.5]
    with NATSStream(url=server.url, topic=topic, **kept) as out:
        for begin in begins:
            data = xr.DataArray(np.zeros((2, 3)) + begin, dims=("channel", "time"), attrs={"subject": "s1"})
            out.write(Block(data, timestamp=begin, sampling_rate=250.0, channels=("Fz", "Cz")))
        out.flush()
    copy(f"{server.url}#{topic}", str(there), limit=2, start="all", source_settings=kept)
    found = open_data(there)
    assert found.attrs == {"subject": "s1", "sampling_rate": 250.0}
    assert found.channel.values.tolist() == ["Fz", "Cz"]
    assert found.timestamp.dims == ("time",)
    assert found.timestamp.values.tolist() == np.repeat(begins, 3).tolist()
    np.testing.assert_array_equal(found.values[0], np.repeat(begins, 3))


def test_blocks_that_say_their_time_get_no_other(server: NATSServer, tmp_path: Path) -> None:
    publish(server, "times", [])
    kept: dict[str, Any] = {"jetstream": True}
    data = xr.DataArray([1.0, 2.0], {"time": [0.5, 0.75]}, attrs={"sampling_rate": 4.0})
    with NATSStream(url=server.url, topic="times", **kept) as out:
        out.write(Block(data, timestamp=1.5, sampling_rate=4.0))
        out.flush()
    copy(f"{server.url}#times", str(tmp_path / "a.nc"), limit=1, start="all", source_settings=kept)
    xr.testing.assert_identical(open_data(tmp_path / "a.nc"), data)


def test_attributes_that_differ_are_not_dropped_in_silence(server: NATSServer, tmp_path: Path) -> None:
    publish(server, "labs", [])
    kept: dict[str, Any] = {"jetstream": True}
    with NATSStream(url=server.url, topic="labs", **kept) as out:
        for number in range(2):
            attrs = {"subject": "s1", "run": number}
            out.write(xr.DataArray([[1.0], [2.0]], dims=("time", "channel"), attrs=attrs))
        out.flush()
    asked = {"limit": 2, "start": "all", "source_settings": kept}
    with pytest.raises(ConversionError, match="different values of the attribute 'run'"):
        copy(f"{server.url}#labs", str(tmp_path / "a.nc"), **asked)
    assert list(tmp_path.iterdir()) == []
    done = copy(f"{server.url}#labs", str(tmp_path / "a.nc"), lossy=True, **asked)
    assert [str(one) for one in done.lost] == ["the attribute 'run', which differs from block to block"]
    found = open_data(tmp_path / "a.nc")
    assert found.attrs["subject"] == "s1"
    assert "run" not in found.attrs
    assert found.values.tolist() == [[1.0], [2.0], [1.0], [2.0]]


def test_copies_end_by_silence(server: NATSServer, tmp_path: Path) -> None:
    publish(server, "few", [b'{"a": 1, "b": "x"}', b'{"a": 2, "b": null}'])
    kept, there = {"jetstream": True}, f"sqlite:///{tmp_path}/t.db#few"
    done = copy(f"{server.url}#few", there, start="all", timeout=1.0, source_settings=kept)
    assert done.rows == 2
    found: Any = arcuate("copy", f"sqlite:///{tmp_path}/t.db#few", "few.csv", cwd=tmp_path)
    assert found.returncode == 0, found.stderr


def test_what_was_copied_is_acknowledged(server: NATSServer, tmp_path: Path) -> None:
    """And what could not be written is not."""
    publish(server, "goes", [b'{"n": 1}', b'{"n": 2}'])
    asked: dict[str, Any] = {"source_settings": {"durable": "copier", "start": "all"}}
    with pytest.raises(ArcuateError):
        copy(f"{server.url}#goes", str(tmp_path / "no" / "such" / "a.csv"), limit=2, **asked)
    copy(f"{server.url}#goes", str(tmp_path / "a.csv"), limit=1, **asked)
    copy(f"{server.url}#goes", str(tmp_path / "b.csv"), timeout=0.5, **asked)
    assert [(tmp_path / name).read_text().split()[1:] for name in ("a.csv", "b.csv")] == [["1"], ["2"]]
