"""What a hub keeps: memory, descriptors and segments stay the same over very many calls and many sessions."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from tests.hub.process import Served, served

from arcuate.client import connect

LOCAL = "127.0.0.1:0"
SOAK = bool(os.environ.get("ARCUATE_SOAK"))


def resident(hub: Served) -> int:
    """Bytes of memory, as the kernel says."""
    lines = Path(f"/proc/{hub.process.pid}/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmRSS")).split()[1])


def descriptors(hub: Served) -> list[str]:
    """What is open, segments included, as the kernel says."""
    folder = f"/proc/{hub.process.pid}/fd"
    found = []
    for name in os.listdir(folder):
        try:
            found.append(os.readlink(f"{folder}/{name}").partition(":")[0])
        except OSError:
            continue
    return sorted(found)


def others(files: list[str]) -> list[str]:
    """Without segments, of which some are kept for the next array."""
    return [name for name in files if "memfd" not in name]


def without_segments(hub: Served) -> list[str]:
    """What else is open."""
    return others(descriptors(hub))


@pytest.mark.parametrize("scheme", ["grpc", "zmq", "http"])
def test_many_calls(scheme: str, tmp_path: Path) -> None:
    calls = 1_000_000 if SOAK else 3000
    array = np.zeros(40_000)  # in a segment
    with served(tmp_path, f"--{scheme}", LOCAL) as hub:
        with connect(f"{hub.ready[scheme]}/python") as session:

            def work(count: int) -> None:
                for number in range(count):
                    session.call("math.sqrt", 4.0)
                    if number % 100 == 0:
                        session["x"] = array
                        assert len(session["x"]) == 40_000
                        session.call("collections.Counter", "abc", keep=True)

            work(calls // 3)
            before, files = resident(hub), descriptors(hub)
            work(calls - calls // 3)
            # a connection that was made again under load is closed a little later; segments that are kept for
            # the next array may be one or two more than before, however many arrays there were
            hub.until(lambda: without_segments(hub) == others(files), "only what was open before is open")
            assert len(descriptors(hub)) <= len(files) + 2
            assert resident(hub) < 1.05 * before
        assert hub.stop() == 0


@pytest.mark.parametrize("scheme", ["grpc", "zmq", "http"])
def test_many_sessions_one_after_the_other(scheme: str, tmp_path: Path) -> None:
    count = 500 if SOAK else 12
    with served(tmp_path, f"--{scheme}", LOCAL) as hub:
        target = f"{hub.ready[scheme]}/python"

        def work(count: int) -> None:
            for _ in range(count):
                with connect(target) as session:
                    session["x"] = np.zeros(40_000)
                    assert len(session["x"]) == 40_000

        work(4)
        files = descriptors(hub)
        work(count)
        hub.until(lambda: len(descriptors(hub)) <= len(files), "what belonged to sessions is closed")
        assert hub.stop() == 0


@pytest.mark.soak
def test_a_hundred_idle_sessions(tmp_path: Path) -> None:
    with served(tmp_path, "--zmq", LOCAL) as hub:
        target = f"{hub.ready['zmq']}/python"
        with connect(target) as active:
            active.call("math.sqrt", 4.0)
            files = descriptors(hub)
            idle = [connect(target) for _ in range(100)]
            try:
                assert active.call("math.sqrt", 4.0) == 2.0
                assert [one.call("math.sqrt", 9.0) for one in idle] == [3.0] * 100
            finally:
                for one in idle:
                    one.close()
            hub.until(lambda: len(descriptors(hub)) <= len(files), "the idle sessions left nothing")
