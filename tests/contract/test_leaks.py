"""Nothing is left behind: descriptors, threads, processes, shared memory, memory."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.contract.processes import (
    PATIENCE,
    children,
    descriptors,
    finished,
    group,
    open_session,
    python,
    runs,
    shared,
    temporary,
    until,
)
from tests.contract.quirks import Quirks

from arcuate.client import Session, connect, pool
from arcuate.errors import CallTimeout, EnvironmentCrashed, RemoteError
from arcuate.worker.folders import PrivateFolder

Fresh = Callable[..., Session]


class Census:
    """What this process holds, and in /dev/shm what those hold that it has started, such as a hub."""

    def __init__(self) -> None:
        gc.collect()
        self.descriptors = descriptors()
        self.threads = {thread.name for thread in threading.enumerate()}
        self.children = children()
        self.shared = shared(os.getpid(), *self.children)

    def check(self, patience: float = PATIENCE) -> None:
        """Nothing more than at the time of the census; gRPC's parts take a moment."""
        end = time.monotonic() + patience
        while (more := Census().since(self)) and time.monotonic() < end:
            time.sleep(0.005)
        assert not more, more

    def since(self, before: Census) -> list[str]:
        """What was not there at another census."""
        new = {fd: what for fd, what in self.descriptors.items() if fd not in before.descriptors}
        threads = self.threads - before.threads - {"arcuate-spawner"}
        processes = self.children - before.children
        return [*map(str, processes), *(self.shared - before.shared), *map(str, new.items()), *threads]


@pytest.fixture
def census(session: Session) -> Census:
    """Taken when everything that is made once has been made, such as pyzmq's thread for large messages."""
    session.call("arcuate_id", np.arange(50_000.0))
    return Census()


def test_a_leak_is_seen_and_what_others_have_is_not() -> None:
    """Other runs of the suite on this machine come and go; their segments are no leak of this one."""
    before = Census()
    other = tempfile.mkdtemp(prefix=f"arcuate-segments-{os.getppid()}-", dir="/dev/shm")
    try:
        before.check()
        leak = PrivateFolder("arcuate-segments-", "/dev/shm")
        try:
            with pytest.raises(AssertionError, match="arcuate-segments-"):
                before.check(patience=0.0)
        finally:
            leak.close()
        before.check()
    finally:
        with contextlib.suppress(FileNotFoundError):  # nobody holds it, so anybody may have removed it
            os.rmdir(other)


def test_opening_and_closing(census: Census, quirks: type[Quirks]) -> None:
    for _ in range(3):
        with open_session(quirks) as session:
            session.call("arcuate_id", np.arange(50_000.0))
            session.submit("arcuate_add", 1.0, 2.0).result(30)
    census.check()


def test_failing_to_open(census: Census, quirks: type[Quirks]) -> None:
    for options in ({"cwd": "/no/such/folder"}, {"colour": "red"}, {"grace": -1}):
        with pytest.raises(Exception, match=r"/no/such/folder|colour|grace"):
            connect(quirks.target(), **options)  # type: ignore[arg-type]
    census.check()


def test_crashes_and_restarts(census: Census, quirks: type[Quirks]) -> None:
    session = open_session(quirks)
    session.call("arcuate_id", np.arange(50_000.0))
    os.kill(session.info["pid"], signal.SIGKILL)
    with pytest.raises(EnvironmentCrashed):
        session["x"] = np.arange(50_000.0)
    session["x"] = np.arange(50_000.0)
    session.restart()
    session.close()
    census.check()


def test_errors_and_timeouts(census: Census, session: Session) -> None:
    for _ in range(5):
        with pytest.raises(RemoteError):
            session.call("arcuate_fail", "boom", nargout=0)
        with pytest.raises(CallTimeout):
            session.call("arcuate_sleep", 60, nargout=0, timeout=0.05)
    census.check()


def test_pools(census: Census, quirks: type[Quirks]) -> None:
    with pool(quirks.target(), size=2) as workers:
        workers.each(quirks.prelude)
        workers.map("arcuate_id", [1.0, 2.0, 3.0])
    census.check()


def test_temporary_files_of_the_interpreter(
    session: Session, quirks: type[Quirks], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a folder that no other run uses: one of this test, or of the hub."""
    place = temporary(session.info["pid"]) if quirks.over else str(tmp_path)
    monkeypatch.setenv("TMPDIR", place)
    before = set(os.listdir(place))
    own = open_session(quirks)
    pid = own.info["pid"]
    assert temporary(pid) == place
    if quirks.figure:
        own.run(quirks.figure)
    own.close()
    until(lambda: not runs(pid), "the interpreter ends")
    assert set(os.listdir(place)) <= before


def test_large_arrays_recycle_their_memory(session: Session) -> None:
    """Ten calls with 20 MB need the segments of one."""
    array = np.zeros((1000, 2500))
    for number in range(3):
        array[0, 0] = number
        assert session.call("arcuate_id", array)[0, 0] == number
    gc.collect()
    before = len(descriptors())
    for number in range(10):
        array[0, 0] = number
        assert session.call("arcuate_id", array)[0, 0] == number
    gc.collect()
    assert len(descriptors()) <= before


def test_results_that_are_kept_keep_their_memory(session: Session) -> None:
    """Ten results that are in use are ten pieces of memory; they are given back when they are collected."""
    kept = [session.call("arcuate_id", np.full((100, 1000), float(i))) for i in range(10)]
    assert [float(one[0, 0]) for one in kept] == [float(i) for i in range(10)]
    assert [float(one[-1, -1]) for one in kept] == [float(i) for i in range(10)]
    before = len(descriptors())
    del kept
    for i in range(20):
        session.call("arcuate_id", np.full((100, 1000), float(i)))
    gc.collect()
    assert len(descriptors()) <= before + 2  # what comes and what goes at the same time


KILLED = """
    import sys, time
    from tests.contract.processes import open_session
    from tests.contract.quirks import find
    import numpy as np
    quirks = find(sys.argv[1])
    idle, busy = open_session(quirks), open_session(quirks)
    idle["x"] = np.zeros(1_000_000)
    def started():
        print(idle.info["pid"], busy.info["pid"], flush=True)
        if sys.argv[2] == "inside a callback":
            time.sleep(600)
    busy.call("arcuate_linger", started, nargout=0)
"""


@pytest.mark.parametrize("where", ["inside a call", "inside a callback"])
def test_a_parent_that_is_killed_takes_its_interpreters_with_it(
    quirks: type[Quirks], session: Session, where: str
) -> None:
    child = python(KILLED, quirks.id(), where)
    assert child.stdout is not None
    line = child.stdout.readline()
    try:
        pids = [int(text) for text in line.split()]
        assert len(pids) == 2, child.communicate(timeout=30)
        assert all(runs(pid) for pid in pids)
    finally:
        child.kill()
        child.communicate(timeout=30)
    until(lambda: not any(runs(pid) for pid in pids), "the interpreters end with their parent")
    until(lambda: not any(group(pid) for pid in pids), "what they started ends too")
    assert not shared(child.pid, *pids)


ENDS = """
    import sys
    from tests.contract.processes import open_session
    from tests.contract.quirks import find
    session = open_session(find(sys.argv[1]))
    print(session.info["pid"])
    if sys.argv[2] == "error":
        raise SystemExit(7)
"""


@pytest.mark.parametrize(("how", "status"), [("end", 0), ("error", 7)])
def test_a_script_that_closes_nothing(quirks: type[Quirks], session: Session, how: str, status: int) -> None:
    pid = int(finished(python(ENDS, quirks.id(), how), status))
    until(lambda: not runs(pid), "the interpreter ends with the script")


MEMORY = """
    import sys
    import numpy as np
    from tests.contract.processes import open_session
    from tests.contract.quirks import find

    def status(name):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(name))

    session = open_session(find(sys.argv[1]))
    size = int(sys.argv[2]) << 20
    session["x"] = np.zeros((1000, 1000))
    array = np.ones((size // 8 // 1000, 1000))
    before = status("VmRSS")
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")   # the high-water mark starts anew
    session["x"] = array
    print((status("VmHWM") - before) / array.nbytes)
    session.close()
"""


@pytest.mark.parametrize("megabytes", [100, pytest.param(1024, marks=pytest.mark.soak)])
def test_memory_for_one_way(quirks: type[Quirks], session: Session, megabytes: int) -> None:
    """An argument needs at most 1.1 times its own size beside itself on the Python side."""
    assert float(finished(python(MEMORY, quirks.id(), str(megabytes)))) <= 1.1


def test_memory_does_not_grow(session: Session, quirks: type[Quirks]) -> None:
    """Many calls of all sorts leave the memory of both sides where it was."""

    def rss(pid: int) -> int:
        with open(f"/proc/{pid}/status") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))

    pid = session.info["pid"]
    value = {"a": [1.5, "x", None], "b": np.arange(1000.0), "c": "é" * 100}

    def same(x: float) -> float:
        return x

    def work(count: int) -> None:
        for _ in range(count):
            session.call("arcuate_id", value)
            session.call("arcuate_apply", same, 1.0)
            session.call("arcuate_id", 1.5, keep=True)

    work(100)
    here, there = rss(os.getpid()), rss(pid)
    work(250)
    assert rss(os.getpid()) - here < 20 << 20
    assert rss(pid) - there < 20 << 20
