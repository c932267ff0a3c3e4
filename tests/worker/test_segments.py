"""Shared memory: which segment is given, when it is used again, and that nothing is left behind.

Every test runs with both forms: memfd (Linux) and files in a private directory (elsewhere).
"""

from __future__ import annotations

import gc
import os
import stat
import subprocess
import sys
import tempfile
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.contract.processes import descriptors

from arcuate.client import connect, environments
from arcuate.errors import LimitExceeded
from arcuate.worker import segments
from arcuate.worker.segments import Segment, SegmentStore

Make = Callable[..., SegmentStore]
MIB = 1 << 20


@pytest.fixture(params=["memfd", "files"])
def form(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The form of the segments; as files they are in ``tmp_path``."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if request.param == "files":
        monkeypatch.delattr(os, "memfd_create", raising=False)
        monkeypatch.setattr(segments, "memory_folder", lambda: None)
    elif not hasattr(os, "memfd_create"):
        pytest.fail("this platform has no memfd")
    return str(request.param)


@pytest.fixture
def store(form: str, tmp_path: Path) -> Iterator[Make]:
    """Makes stores, closes them, and sees that no descriptor and no file is left."""
    gc.collect()
    before = descriptors()
    made: list[SegmentStore] = []

    def make(limit: int = 1 << 40, keep: int = 512 * MIB) -> SegmentStore:
        made.append(SegmentStore(limit, keep))
        return made[-1]

    yield make
    for one in made:
        one.close()
    assert list(tmp_path.iterdir()) == []
    assert descriptors() == before


def in_another_process(path: str, code: str = "print(sum(data))") -> str:
    """What another process says about the bytes at a path."""
    code = f"data = open({path!r}, 'rb').read(); {code}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_another_process_reads_it_by_its_path(store: Make) -> None:
    one = store()
    segment = one.take(70_000)
    segment.fill(bytes([1]) * 70_000)
    assert in_another_process(one.prefix + str(segment.ref), "print(sum(data[:70000]))") == "70000"


def test_another_process_writes_it(store: Make) -> None:
    one = store()
    segment = one.take(100_000)
    code = f"file = open({one.prefix + str(segment.ref)!r}, 'r+b'); file.write(bytes(range(100)) * 1000)"
    subprocess.run([sys.executable, "-c", code], check=True)
    view = segment.lease(100_000, one.release)
    assert bytes(view) == bytes(range(100)) * 1000
    del view


def test_it_holds_what_was_asked_for(store: Make) -> None:
    one = store()
    for size in (1, 4095, 4096, 4097, 5 * MIB + 1):
        segment = one.take(size)
        assert segment.size >= size
        assert os.fstat(segment.fd).st_size == segment.size
        exact = one.take(size, exact=True)
        assert exact.size == os.fstat(exact.fd).st_size == size
        assert exact.ref != segment.ref


def test_recycling(store: Make) -> None:
    one = store()
    first = one.take(2 * MIB)
    second = one.take(2 * MIB)
    assert first.ref != second.ref, "a busy segment is not given again"
    one.release(first)
    assert one.take(MIB) is first, "what is idle and large enough is used again"
    one.release(first)
    one.release(first)
    assert one.take(2 * MIB) is first
    assert one.take(2 * MIB) is not first, "released twice, given once"


def test_the_smallest_that_fits_is_taken(store: Make) -> None:
    one = store()
    sizes = [16 * MIB, 2 * MIB, 4 * MIB]
    segments = [one.take(size) for size in sizes]
    for segment in segments:
        one.release(segment)
    assert one.take(3 * MIB).size == 4 * MIB
    assert one.take(2 * MIB).size == 2 * MIB
    assert one.take(100_000).size < MIB, "a large one is not wasted on little"


def test_exact_segments_are_fresh(store: Make) -> None:
    """A worker that maps a segment must never see it change."""
    one = store()
    used = one.take(4096)
    one.release(used)
    assert one.take(4096, exact=True) is not used


def test_idle_memory_is_bounded(store: Make) -> None:
    one = store(keep=5 * MIB)
    segments = [one.take(2 * MIB) for _ in range(5)]
    for segment in segments:
        one.release(segment)
    assert [segment.fd >= 0 for segment in segments] == [False, False, False, True, True]
    one.trim()
    assert all(segment.fd < 0 for segment in segments)


def test_limit(store: Make) -> None:
    one = store(limit=MIB)
    assert one.take(MIB).size == MIB
    with pytest.raises(LimitExceeded, match=r"1,048,577.*1,048,576.*limits=Limits\(array=") as caught:
        one.take(MIB + 1)
    assert caught.value.setting == "array"
    assert caught.value.executed == "no"


def test_a_lease_lasts_as_long_as_any_view(store: Make) -> None:
    one = store()
    segment = one.take(8 * 1000)
    segment.fill(np.arange(1000.0).tobytes())
    released: list[Segment] = []

    def done(which: Segment) -> None:
        released.append(which)
        one.release(which)

    array = np.frombuffer(segment.lease(8 * 1000, done), dtype="f8")
    column = array.reshape(10, 100)[:, ::3]
    assert one.take(8 * 1000) is not segment
    del array
    gc.collect()
    assert released == []
    assert column[3, 1] == 303.0
    del column
    assert released == [segment]
    assert one.take(8 * 1000) is segment


def test_a_lease_may_be_written(store: Make) -> None:
    """Arrays that come from a call belong to the caller."""
    one = store()
    segment = one.take(80)
    array = np.frombuffer(segment.lease(80, one.release), dtype="f8")
    array[:] = 7.0
    assert array.flags.writeable
    assert (
        in_another_process(one.prefix + str(segment.ref), "print(data[:16].hex())") == "0000000000001c40" * 2
    )
    del array


def test_a_lease_ends_in_another_thread(store: Make) -> None:
    one = store()
    segment = one.take(80)
    box = [np.frombuffer(segment.lease(80, one.release), dtype="f8")]
    thread = threading.Thread(target=box.clear)
    thread.start()
    thread.join()
    assert one.take(80) is segment


def test_close_while_views_live(store: Make) -> None:
    one = store()
    segment = one.take(8 * 1000)
    segment.fill(np.arange(1000.0).tobytes())
    array = np.frombuffer(segment.lease(8 * 1000, one.release), dtype="f8")
    one.close()
    assert segment.fd == -1
    assert array.sum() == 499_500.0, "the memory stays as long as the array"
    array += 1
    del array
    one.close()


def test_after_close_nothing_is_kept(store: Make) -> None:
    one = store()
    segment = one.take(4096)
    one.close()
    one.release(segment)
    one.give_up(segment)
    assert segment.fd == -1


def test_given_up_segments_are_gone_here(store: Make, form: str) -> None:
    one = store()
    segment = one.take(4096, exact=True)
    path = one.prefix + str(segment.ref)
    fd = segment.fd
    with open(path, "rb") as theirs:
        one.give_up(segment)
        assert segment.fd == -1
        assert fd not in descriptors()
        assert len(theirs.read()) == 4096, "who has opened it keeps it"
    if form == "files":
        assert not os.path.exists(path)


def test_files_are_private(store: Make, form: str) -> None:
    one = store()
    segment = one.take(4096)
    if form == "files":
        folder = os.path.dirname(one.prefix)
        assert stat.S_IMODE(os.stat(folder).st_mode) == 0o700
        assert stat.S_IMODE(os.stat(one.prefix + str(segment.ref)).st_mode) == 0o600
    else:
        assert os.readlink(one.prefix + str(segment.ref)).startswith("/memfd:")
        assert not os.get_inheritable(segment.fd)


def test_no_room(form: str, store: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk, or no memory: the error arrives and no descriptor stays."""
    one = store()
    before = descriptors()
    for name in ("ftruncate", "posix_fallocate"):
        monkeypatch.setattr(os, name, _full)
    with pytest.raises(OSError, match="No space"):
        one.take(MIB)
    monkeypatch.undo()
    assert descriptors() == before
    if form == "files":
        assert os.listdir(os.path.dirname(one.prefix)) == []


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_fork(store: Make) -> None:
    """A child may drop and close what it has copied: the parent's segments are untouched."""
    one = store()
    busy, idle = one.take(4096), one.take(4096)
    one.release(idle)
    busy.fill(b"kept" * 1024)
    view = one.take(4 * MIB).lease(4096, one.release)
    child = os.fork()
    if child == 0:
        try:
            del view
            one.release(busy)
            one.close()
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    assert in_another_process(one.prefix + str(busy.ref), "print(data[:4])") == "b'kept'"
    assert one.take(4096) is idle
    assert bytes(view[:1]) == b"\0"
    del view


def test_no_other_process_changes_the_size_of_a_memfd(form: str, store: Make) -> None:
    one = store()
    if form != "memfd":
        return
    segment = one.take(2 * MIB)
    code = (
        "import os, errno\n"
        f"fd = os.open({one.prefix + str(segment.ref)!r}, os.O_RDWR)\n"
        "for size in (0, 1, 4 << 20):\n"
        "    try: os.ftruncate(fd, size)\n"
        "    except PermissionError: print(size)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["0", "1", str(4 * MIB)]
    assert os.fstat(segment.fd).st_size == 2 * MIB


def test_a_large_segment_that_is_filled_again_holds_the_new_bytes(store: Make) -> None:
    """The first time through write(), then through memory, also when less or more than before is filled."""
    one = store()
    rng = np.random.default_rng(3)
    for size in (3 * MIB, 3 * MIB, 2 * MIB, 2 * MIB + 5, 3 * MIB, 3 * MIB):
        data = rng.bytes(size)
        segment = one.take(size)
        segment.fill(memoryview(data))
        path = one.prefix + str(segment.ref)
        found = in_another_process(path, f"import zlib; print(zlib.crc32(data[:{size}]))")
        assert found == str(zlib.crc32(data))
        one.release(segment)
    assert len(one._idle) == 1


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("python", "def through(f, n):\n return sum(float(f(i)[-1]) for i in range(n))"),
        ("r", "through <- function(f, n) { s <- 0; for (i in seq_len(n) - 1) s <- s + tail(f(i), 1); s }"),
    ],
)
def test_large_answers_of_callbacks_are_not_kept(language: str, code: str) -> None:
    """Each has a segment, which is free when the worker goes on, or at the end of the call."""
    if not environments()[language].load().doctor().found:
        pytest.skip(f"{language}: not installed")
    with connect(language) as session:
        session.run(code)
        kept = session._transport._segments  # type: ignore[attr-defined]
        most = 0

        def answer(number: float) -> np.ndarray:
            nonlocal most
            most = max(most, len(kept._busy))
            return np.full(20_000, float(number))

        assert session.call("through", answer, 20) == 190.0
        assert len(kept._busy) <= 1
        assert most <= 20 if language == "r" else most <= 2


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="memfd: elsewhere such a file is copied")
def test_a_file_of_somebody_else_is_passed_on(tmp_path: Path) -> None:
    """It is not kept, its owner is told, and a confined worker gets a copy instead."""
    path = tmp_path / "data"
    path.write_bytes(bytes(100))
    told: list[int] = []

    class There:
        """A buffer in a file."""

        nbytes = 100

        def copy_into(self, target: memoryview) -> None:
            raise AssertionError("it is not copied")

        def descriptor(self) -> tuple[int, Callable[[int], None]]:
            return os.open(path, os.O_RDONLY), told.append

    store = SegmentStore(MIB)
    segment = store.adopt(There())
    assert segment is not None
    with open(store.prefix + str(segment.ref), "rb") as file:
        assert file.read() == bytes(100)
    store.release(segment)
    assert told == [segment.ref]
    assert store.find(segment.ref) is None
    assert store.take(100) is not segment
    store.close()
    confined = SegmentStore(MIB, files=True)
    assert confined.adopt(There()) is None
    assert confined.adopt(bytes(100)) is None
    confined.close()
