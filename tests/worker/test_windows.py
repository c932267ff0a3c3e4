"""Segments that a worker maps: what it sees is what lies there, and nothing is mapped that could shrink."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from arcuate.client import connect
from arcuate.worker.windows import Windows

MIB = 1 << 20
SEALS = getattr(fcntl, "F_SEAL_SHRINK", 0) | getattr(fcntl, "F_SEAL_GROW", 0)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="linux: memfd")


@pytest.fixture
def files() -> Iterator[list[int]]:
    made: list[int] = []
    yield made
    for fd in made:
        os.close(fd)


def segment(files: list[int], content: bytes, seals: int = SEALS) -> int:
    fd = os.memfd_create("test", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    files.append(fd)
    os.pwrite(fd, content, 0)
    if seals:
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
    return fd


def test_from_the_second_time_on(files: list[int]) -> None:
    windows = Windows()
    fd = segment(files, b"a" * (2 * MIB))
    assert windows.find(fd, 2 * MIB) is None
    window = windows.find(fd, MIB)
    assert window is not None
    assert window.nbytes == MIB
    os.pwrite(fd, b"b", 5)  # by somebody else
    assert window[5] == ord("b")
    window[7:8] = b"c"
    assert os.pread(fd, 1, 7) == b"c"


def test_a_number_that_is_used_again_is_another_segment(files: list[int]) -> None:
    windows = Windows()
    first = segment(files, b"a" * (2 * MIB))
    assert windows.find(first, 2 * MIB) is None
    assert windows.find(first, 2 * MIB) is not None
    other = segment(files, b"z" * (2 * MIB))
    os.dup2(other, first)
    assert windows.find(first, 2 * MIB) is None
    window = windows.find(first, 2 * MIB)
    assert window is not None
    assert window[0] == ord("z")


@pytest.mark.parametrize("seals", [0, getattr(fcntl, "F_SEAL_GROW", 0)])
def test_what_may_shrink_is_not_mapped(files: list[int], seals: int) -> None:
    windows = Windows()
    fd = segment(files, b"a" * (2 * MIB), seals)
    for _ in range(3):
        assert windows.find(fd, 2 * MIB) is None


def test_a_file_of_a_folder_is_not_mapped(tmp_path: object) -> None:
    windows = Windows()
    fd = os.open(f"{tmp_path}/file", os.O_RDWR | os.O_CREAT)
    try:
        os.pwrite(fd, b"a" * (2 * MIB), 0)
        for _ in range(3):
            assert windows.find(fd, 2 * MIB) is None
    finally:
        os.close(fd)


def test_holes_and_what_is_too_small_or_too_large(files: list[int]) -> None:
    windows = Windows()
    hole = segment(files, b"", 0)
    os.ftruncate(hole, 4 * MIB)
    fcntl.fcntl(hole, fcntl.F_ADD_SEALS, SEALS)
    small = segment(files, b"a" * 1000)
    for _ in range(3):
        assert windows.find(hole, 4 * MIB) is None
        assert windows.find(small, 1000) is None
        assert windows.find(small, 2 * MIB) is None


def test_mappings_are_bounded(files: list[int]) -> None:
    windows = Windows()
    for _ in range(5):
        fd = segment(files, b"a" * (100 * MIB))
        windows.find(fd, 100 * MIB)
        assert windows.find(fd, 100 * MIB) is not None
    assert sum(map(len, windows._kept.values())) <= 256 * MIB


def test_arrays_there_and_back_again_and_again() -> None:
    """Sizes in turns, so that segments and mappings are used again for others."""
    rng = np.random.default_rng(3)
    with connect("python") as session:
        session.run("def twice(x): return x * 2\nkept = []\ndef keep(x): kept.append(x)")
        sent = []
        for number in range(25):
            array = rng.random(int(rng.integers(MIB // 8, MIB)))
            assert np.array_equal(session.call("twice", array), array * 2)
            if number % 3 == 0:
                session.call("keep", array)
                sent.append(array)
        session.run("sums = [float(x.sum()) for x in kept]")
        assert session["sums"] == [float(one.sum()) for one in sent]
