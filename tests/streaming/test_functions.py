"""A function of R in the middle of a stream: an EEG of 256 channels at 1 kHz, in blocks of 100 ms."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import xarray as xr

from arcuate.client import connect
from arcuate.streaming import Block, NATSStream, Report

from .nats_server import NATSServer

CHANNELS = [f"E{number:03d}" for number in range(1, 257)]
RATE, LENGTH = 1000.0, 100
DETREND = """function(block) {
    # a block is a matrix: time x channel
    n <- nrow(block); t <- seq_len(n) - (n + 1) / 2
    slope <- colSums(block * t) / sum(t^2)
    block[] <- block - rep(colMeans(block), each = n) - outer(t, slope)
    block
}"""


def block(number: int) -> Block:
    rng = np.random.default_rng(number)
    trend = np.linspace(0, 5, LENGTH)[:, None] * rng.normal(size=256) + rng.normal(size=256)
    data = trend + rng.normal(size=(LENGTH, 256))
    return Block.of(
        xr.DataArray(data, {"channel": CHANNELS}, ("time", "channel"), name="eeg", attrs={"subject": "s1"}),
        sampling_rate=RATE,
    )


def detrended(data: np.ndarray) -> np.ndarray:
    t = np.arange(LENGTH)
    fit = np.polynomial.polynomial.polyfit(t, data, 1)
    return np.asarray(data - np.polynomial.polynomial.polyval(t, fit).T)


def real_time(server: NATSServer, seconds: float, deadline: float) -> Report:
    """As an amplifier: a block each 100 ms, stamped with the time of its first sample."""
    count = round(seconds * RATE / LENGTH)
    blocks = [block(number) for number in range(min(count, 20))]
    with connect("r") as r, NATSStream(url=server.url, topic="eeg.raw") as raw:
        r.eval(f"detrend_block <- {DETREND}")
        with NATSStream(url=server.url, topic="eeg.clean") as clean, clean.blocks() as results:
            detrend = r.function("detrend_block")
            for one in blocks:  # the first calls take longer than others: R compiles functions then
                detrend(one.data)
            pipeline = (raw | detrend | clean).within(deadline)
            with pipeline, NATSStream(url=server.url, topic="eeg.raw") as amplifier:
                amplifier.open()
                given: list[Block] = []
                taken: list[Block] = []
                begun = time.time() + 0.2
                for number in range(count):
                    due = begun + (number + 1) * LENGTH / RATE
                    time.sleep(max(0.0, due - time.time()))  # the pace of the recording
                    stamped = Block.of(blocks[number % 20], timestamp=begun + number * LENGTH / RATE)
                    amplifier.write(stamped)
                    result = results.next(10)
                    assert result is not None
                    if number < 20:
                        given.append(stamped)
                        taken.append(result)
            # Afterwards: a fit of 256 channels takes all processors, while the pipeline waits for its sink.
            for stamped, result in zip(given, taken, strict=True):
                assert (result.channels, result.sampling_rate) == (tuple(CHANNELS), RATE)
                assert result.timestamp == stamped.timestamp
                assert result.data.dims == ("time", "channel")
                np.testing.assert_allclose(result.data.values, detrended(stamped.data.values), atol=1e-9)
            report = pipeline.report()
            assert (report.blocks, report.written, report.lost) == (count, count, 0)
            print(report)
            return report


def test_an_eeg_through_r(server: NATSServer) -> None:
    before = {one.name for one in threading.enumerate()}
    report = real_time(
        server, 2.0, 1.0
    )  # other tests run at the same time; the long one takes the block itself
    assert report.late == 0
    assert report.age is not None
    assert report.age.p50 < 1.0
    assert {one.name for one in threading.enumerate() if "arcuate-nats" in one.name} <= before


@pytest.mark.soak
def test_an_eeg_through_r_for_ten_minutes(server: NATSServer) -> None:
    report = real_time(server, 600.0, LENGTH / RATE)
    assert report.late == 0
    assert report.age is not None
    assert report.age.p99 < 0.02


def test_labels_through_r(server: NATSServer) -> None:
    """What R is given and gives has its labels."""
    with connect("r") as r, NATSStream(url=server.url, topic="named") as stream:
        r.eval('pick <- function(block) block[, c("E002", "E001"), drop = FALSE]')
        with stream.blocks() as reader:
            stream.write(block(1))
            stream.flush()
            given = reader.next(10)
            assert given is not None
            found = given.with_data(r.function("pick")(given.data))
    assert found.channels == ("E002", "E001")
    np.testing.assert_array_equal(found.data.values, block(1).data.sel(channel=["E002", "E001"]).values)
