"""Many interpreters of one environment."""

from __future__ import annotations

import os
import signal
import threading

import pytest
from tests.contract.processes import PATIENCE, runs, until
from tests.contract.quirks import Quirks

from arcuate.client import Pool, Session, pool
from arcuate.errors import CallCancelled, EnvironmentCrashed, InvalidArgument, RemoteError, SessionClosed


@pytest.fixture
def workers(quirks: type[Quirks]):
    with pool(quirks.target(), size=2) as made:
        made.each(quirks.prelude)
        yield made


def test_everything_on_one_pool(workers: Pool, quirks: type[Quirks]) -> None:
    """One pool, since starting interpreters costs most of the time."""
    assert workers.size == 2
    pids = {session.info["pid"] for session in workers.sessions}
    assert len(pids) == 2
    assert quirks.name in repr(workers)
    assert workers.call("arcuate_add", 1.5, 2.0) == 3.5
    assert workers.eval("1 + 1.5") == 2.5
    assert workers.submit("arcuate_add", 1.5, 2.0).result(PATIENCE) == 3.5
    # ordered results
    assert workers.map("arcuate_id", [float(i) for i in range(40)]) == [float(i) for i in range(40)]
    assert workers.starmap("arcuate_add", [(float(i), 1.0) for i in range(10)]) == [
        i + 1.0 for i in range(10)
    ]
    assert workers.map("arcuate_id", []) == []
    # unordered ones, each once
    found = list(workers.imap_unordered("arcuate_id", [float(i) for i in range(20)]))
    assert sorted(x[1] if isinstance(x, tuple) else x for x in found) == [float(i) for i in range(20)]
    # in parallel: both interpreters are inside at once
    barrier = threading.Barrier(2, timeout=PATIENCE)
    assert workers.map("arcuate_apply", [lambda: barrier.wait() * 0.0 + 1.0] * 2) == [1.0, 1.0]
    # errors: raised when all is done, or kept in their places
    with pytest.raises(RemoteError, match="bad"):
        workers.map("arcuate_fail", ["bad"], nargout=0)
    kept = workers.map("arcuate_fail", ["one", "two"], nargout=0, errors="keep")
    assert [error.remote_message for error in kept] == ["one", "two"]
    with pytest.raises(InvalidArgument):
        workers.map("arcuate_id", [1.0], errors="ignore")
    assert {session.info["pid"] for session in workers.sessions} == pids


def test_crashed_workers_are_replaced(workers: Pool, quirks: type[Quirks]) -> None:
    """The item that crashed keeps its error, the others have results, and the pool is whole afterwards."""
    victims = [session.info["pid"] for session in workers.sessions]

    def work(x: float) -> float:
        if x == 3.0:
            os.kill(next(pid for pid in victims if _in_call(workers, pid)), signal.SIGKILL)
        return x * 2.0

    items = [(lambda x=float(i): work(x)) for i in range(8)]
    results = workers.map("arcuate_apply", items, errors="keep")
    crashed = [i for i, result in enumerate(results) if isinstance(result, EnvironmentCrashed)]
    assert 1 <= len(crashed) <= 2, results
    assert all(results[i] == 2.0 * i for i in range(8) if i not in crashed)
    assert workers.map("arcuate_add", [1.0], errors="keep")  # an error of its own: one argument is missing
    assert workers.starmap("arcuate_add", [(float(i), 1.0) for i in range(6)]) == [i + 1.0 for i in range(6)]
    assert all(runs(session.info["pid"]) for session in workers.sessions)


def _in_call(workers: Pool, pid: int) -> bool:
    """Whether the call that runs on this thread is that interpreter's."""
    return any(session.info["pid"] == pid and session._lock.held for session in workers.sessions)


def test_timeouts_per_item(workers: Pool) -> None:
    results = workers.map("arcuate_sleep", [60.0, 0.0, 60.0, 0.0], timeout=0.5, nargout=0, errors="keep")
    assert [isinstance(result, TimeoutError) for result in results] == [True, False, True, False]
    assert workers.call("arcuate_add", 1.5, 2.0) == 3.5


def test_progress_bar(workers: Pool, capfd: pytest.CaptureFixture[str]) -> None:
    assert workers.map("arcuate_id", [1.0, 2.0, 3.0], progress=True) == [1.0, 2.0, 3.0]
    assert "3/3" in capfd.readouterr().err


def test_closing(quirks: type[Quirks]) -> None:
    made = pool(quirks.target(), size=2)
    pids = [session.info["pid"] for session in made.sessions]
    made.each(quirks.prelude)
    started = threading.Event()
    running = made.submit("arcuate_linger", started.set, nargout=0)
    assert started.wait(PATIENCE)
    waiting = [made.submit("arcuate_linger", lambda: None, nargout=0) for _ in range(4)]
    made.close()
    with pytest.raises((CallCancelled, SessionClosed, EnvironmentCrashed)):
        running.result(PATIENCE)
    for future in waiting:
        assert future.cancelled() or future.exception(PATIENCE) is not None
    until(lambda: not any(runs(pid) for pid in pids), "the interpreters end")
    with pytest.raises(SessionClosed, match="pool"):
        made.call("arcuate_add", 1.5, 2.0)
    made.close()


@pytest.mark.parametrize("size", [0, -1])
def test_impossible_sizes(quirks: type[Quirks], session: Session, size: int) -> None:
    with pytest.raises(InvalidArgument, match="at least one"):
        pool(quirks.target(), size=size)
