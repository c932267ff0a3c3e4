"""An interpreter that dies is an exception, never the end of Python; the next call works."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable

import numpy as np
import pytest
from tests.contract.processes import Background, runs
from tests.contract.quirks import Quirks

from arcuate.client import Session
from arcuate.errors import ArcuateError, EnvironmentCrashed, RemoteError, StaleHandle

Fresh = Callable[..., Session]


def lives_on(session: Session, quirks: type[Quirks], pid: int) -> None:
    """The session has a fresh interpreter, empty and working."""
    assert list(session) == []
    assert session.info["pid"] != pid
    assert session.info["generation"] == 2
    assert not runs(pid)
    session.run(quirks.prelude)
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_killed_during_a_call(fresh: Fresh, quirks: type[Quirks]) -> None:
    session, other = fresh(), fresh()
    other["kept"] = 4.5
    pid = session.info["pid"]
    call = Background(session, "arcuate_linger").wait_running()
    os.kill(pid, signal.SIGKILL)
    error = call.finish()
    assert isinstance(error, EnvironmentCrashed)
    assert "SIGKILL" in str(error)
    assert quirks.language in str(error)
    assert error.workspace is False
    assert error.executed == "maybe"
    assert other["kept"] == 4.5
    lives_on(session, quirks, pid)


def test_killed_between_calls(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    pid = session.info["pid"]
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(EnvironmentCrashed):
        session.call("arcuate_add", 1.5, 2.0)
    lives_on(session, quirks, pid)


def test_segmentation_fault(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    pid = session.info["pid"]
    with pytest.raises(EnvironmentCrashed) as caught:
        session.run(f'arcuate_say("the last words\\n")\n{quirks.segfault}', timeout=60)
    assert "the last words" in caught.value.output
    assert "the last words" in str(caught.value)
    lives_on(session, quirks, pid)


@pytest.mark.parametrize("number", range(4))
def test_leaving_inside_user_code(fresh: Fresh, quirks: type[Quirks], number: int) -> None:
    """quit() and exit() end the interpreter, in a script as in a call; the status is reported."""
    assert len(quirks.leave) <= 4
    if number >= len(quirks.leave):
        return
    code, status = quirks.leave[number]
    session = fresh()
    pid = session.info["pid"]
    with pytest.raises(EnvironmentCrashed) as caught:
        session.run(code, timeout=30)
    assert caught.value.returncode == status
    assert f"status {status}" in str(caught.value)
    lives_on(session, quirks, pid)


def test_crash_inside_a_callback(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    pid = session.info["pid"]

    def kill(_: object) -> float:
        os.kill(pid, signal.SIGKILL)
        return 1.0

    with pytest.raises(EnvironmentCrashed):
        session.call("arcuate_apply", kill, 1.0)
    lives_on(session, quirks, pid)


def test_crash_of_a_call_inside_a_callback(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    pid = session.info["pid"]
    seen: list[BaseException] = []

    def work(_: object) -> float:
        try:
            session.run(quirks.segfault, timeout=60)
        except EnvironmentCrashed as error:
            seen.append(error)
        return 1.0

    with pytest.raises(EnvironmentCrashed, match="callback"):
        session.call("arcuate_apply", work, 1.0)
    assert seen
    lives_on(session, quirks, pid)


def test_out_of_memory(fresh: Fresh, quirks: type[Quirks]) -> None:
    """More than there may be: the language's own error where it has one, a crash report otherwise."""
    session = fresh()
    pid = session.info["pid"]
    limit = 8 << 30
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, limit))
    try:
        session.eval(f"arcuate_id({quirks.allocate})", timeout=60)
    except RemoteError as error:
        assert "memory" in str(error).lower() or "alloc" in str(error).lower(), error
        assert session.call("arcuate_add", 1.5, 2.0) == 3.5
        assert session.info["pid"] == pid
    except EnvironmentCrashed:
        lives_on(session, quirks, pid)
    else:
        pytest.fail("40 GB were given")


def test_an_argument_that_the_interpreter_has_no_memory_for(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    pid = session.info["pid"]
    with open(f"/proc/{pid}/statm") as file:
        limit = int(file.read().split()[0]) * resource.getpagesize() + (75 << 20)
    hard = resource.prlimit(pid, resource.RLIMIT_AS)[1]
    resource.prlimit(pid, resource.RLIMIT_AS, (limit, hard))
    with pytest.raises(ArcuateError):
        session["x"] = np.ones(25 << 20)
        session.call("arcuate_add", session["x"], 1.0)
    if runs(pid):
        resource.prlimit(pid, resource.RLIMIT_AS, (hard, hard))
        assert session.call("arcuate_add", 1.5, 2.0) == 3.5
    else:
        lives_on(session, quirks, pid)


def test_crash_while_a_large_array_travels(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    for _ in range(3):
        pid = session.info["pid"]
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(EnvironmentCrashed):
            session["x"] = np.zeros(4_000_000)
        assert list(session) == []
    session.run(quirks.prelude)
    assert np.array_equal(np.ravel(session.call("arcuate_id", np.arange(1e6))), np.arange(1e6))


def test_handles_of_the_old_interpreter_are_stale(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    kept = session.call("arcuate_id", 1.5, keep=True)
    os.kill(session.info["pid"], signal.SIGKILL)
    with pytest.raises(EnvironmentCrashed):
        session.call("arcuate_id", kept)
    session.run(quirks.prelude)
    for use in (lambda: session.call("arcuate_id", kept), lambda: str(kept), lambda: kept[1]):
        with pytest.raises(StaleHandle, match="again"):
            use()
    assert "gone" in repr(kept)


def test_output_flood_before_a_crash(fresh: Fresh, quirks: type[Quirks]) -> None:
    """The error holds the end of the output, not all of it."""
    session = fresh(on_output=lambda stream, text: None)
    with pytest.raises(EnvironmentCrashed) as caught:
        session.run(
            f'arcuate_flood(10000);\narcuate_say("the last words\\n");\n{quirks.segfault}', timeout=60
        )
    assert "the last words" in caught.value.output
    assert len(caught.value.output) <= 80 * 1024


def test_crash_loops_end(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    for generation in range(1, 3):
        assert session.info["generation"] == generation
        with pytest.raises(EnvironmentCrashed):
            session.run(quirks.leave[0][0], timeout=30)
        assert list(session) == []
