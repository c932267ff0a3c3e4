"""``arcuate publish`` and ``arcuate subscribe``, against a hub in this process."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from tests.cli.support import ARCUATE, arcuate
from tests.hub.places import Place, place

from arcuate.client import publish


@pytest.fixture
def hub() -> Iterator[Place]:
    with place("zmq", replay=10) as found:
        yield found


def test_values_there_and_back(hub: Place, tmp_path: Path) -> None:
    one = xr.DataArray(np.arange(3.0), dims="time", coords={"time": [0.0, 0.5, 1.0]}, name="eeg")
    one.to_netcdf(tmp_path / "block.nc")
    done = arcuate("publish", "eeg", "block.nc", "[1, 2]", "text", "--hub", hub.url, cwd=tmp_path)
    assert (done.returncode, done.stdout.split()) == (0, ["1", "2", "3"])
    done = arcuate("subscribe", "eeg", "-n", "2", "--from", "2", "--json", ARCUATE_HUB=hub.url)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line) for line in done.stdout.splitlines()] == [[1, 2], "text"]
    done = arcuate(
        "subscribe", "eeg", "-n", "1", "--from", "0", "-o", "got-%d.nc", "--hub", hub.url, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    with xr.open_dataarray(tmp_path / "got-1.nc") as found:
        xr.testing.assert_equal(found, one)


def test_gaps_and_ends_are_told(hub: Place) -> None:
    for number in range(15):
        publish("eeg", number, hub.url)
    done = arcuate("subscribe", "eeg", "-n", "1", "--from", "1", "--hub", hub.url)
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, "5", "gap: 5 lost")
    done = arcuate("subscribe", "eeg", "-n", "1", "-t", "0.1", "--hub", hub.url)
    assert done.returncode != 0
    assert "no sample of 'eeg' came within 0.1 s" in done.stderr
    done = arcuate("subscribe", "eeg", "--policy", "ask", "--hub", hub.url)
    assert done.returncode != 0
    assert "drop, block, disconnect" in done.stderr


def test_without_an_address() -> None:
    done = arcuate("publish", "eeg", "1", ARCUATE_HUB="")
    assert done.returncode != 0
    assert "which hub?" in done.stderr


def test_blocks_are_printed_as_they_come(hub: Place) -> None:
    with subprocess.Popen(
        [ARCUATE, "subscribe", "eeg", "--json", "-n", "3", "--from", "0", "--hub", hub.url],
        stdout=subprocess.PIPE,
        text=True,
    ) as reading:
        assert reading.stdout is not None
        watchdog = threading.Timer(60, reading.kill)
        watchdog.start()
        for number in range(3):
            publish("eeg", number, hub.url)
            assert json.loads(reading.stdout.readline()) == number
        watchdog.cancel()
    assert reading.returncode == 0
