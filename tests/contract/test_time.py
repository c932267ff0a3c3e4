"""Timeouts, interrupts, cancellation and Ctrl-C: the workspace survives them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import CancelledError

import pytest
from tests.contract.processes import PATIENCE, Background, finished, group, python, runs, until
from tests.contract.quirks import Quirks

from arcuate.client import Session
from arcuate.errors import CallCancelled, CallTimeout, InvalidArgument

Fresh = Callable[..., Session]
WAYS = ["arcuate_linger", "arcuate_spin"]


@pytest.mark.parametrize("way", WAYS)
def test_timeout(session: Session, way: str) -> None:
    session["kept"] = 4.5
    begun = time.monotonic()
    with pytest.raises(CallTimeout, match="timeout") as caught:
        session.call(way, lambda: None, nargout=0, timeout=0.3)
    assert 0.3 <= time.monotonic() - begun < 3.0
    assert caught.value.workspace is True
    assert caught.value.executed == "maybe"
    assert isinstance(caught.value, TimeoutError)
    assert session["kept"] == 4.5


def test_timeouts_one_after_the_other(session: Session) -> None:
    """No interrupt strikes a later call."""
    for i in range(5):
        with pytest.raises(CallTimeout):
            session.call("arcuate_linger", lambda: None, nargout=0, timeout=0.05)
        for j in range(20):
            assert session.call("arcuate_add", float(i), float(j)) == i + j


def test_timeout_that_strikes_at_the_end_of_a_call(session: Session) -> None:
    """Calls that last about as long as their timeout end one way or the other, and the next is right."""
    session["kept"] = 4.5
    for step in range(30):
        try:
            session.call("arcuate_sleep", 0.01, nargout=0, timeout=0.006 + step * 0.0004)
        except CallTimeout as error:
            assert error.workspace is True or "before it began" in str(error), error
        assert session.call("arcuate_add", float(step), 1.0) == step + 1.0
    assert session["kept"] == 4.5


def test_timeout_of_eval_run_and_options(session: Session, quirks: type[Quirks]) -> None:
    code = {"python": "_time.sleep(60)", "r": "Sys.sleep(60)", "octave": "pause(60)"}.get(quirks.name)
    if code:
        with pytest.raises(CallTimeout):
            session.run(code, timeout=0.2)
    with pytest.raises(CallTimeout):
        session.function("arcuate_sleep").options(timeout=0.2, nargout=0)(60)


def test_timeout_includes_callbacks(session: Session) -> None:
    release = threading.Event()

    def slow(_: object) -> float:
        release.wait(0.5)
        return 1.0

    with pytest.raises(CallTimeout):
        session.call("arcuate_apply", slow, 1.0, timeout=0.2)


def test_timeout_of_a_call_inside_a_callback(session: Session, quirks: type[Quirks]) -> None:
    def inner(_: object) -> float:
        with pytest.raises(CallTimeout):
            session.call("arcuate_sleep", 60, nargout=0, timeout=0.2)
        return 2.5

    session["kept"] = 4.5
    if quirks.interrupt_unwinds_all:
        with pytest.raises(CallCancelled, match="callback") as caught:
            session.call("arcuate_apply", inner, 1.0)
        assert caught.value.workspace is True
    else:
        assert session.call("arcuate_apply", inner, 1.0) == 2.5
    assert session["kept"] == 4.5


@pytest.mark.parametrize("wrong", [0, -1, -0.5])
def test_impossible_timeouts(session: Session, wrong: float) -> None:
    with pytest.raises(InvalidArgument, match="positive"):
        session.call("arcuate_add", 1, 2, timeout=wrong)


def test_generous_timeout(session: Session) -> None:
    assert session.call("arcuate_add", 1.5, 2.0, timeout=60) == 3.5


def test_timeout_while_queued(session: Session) -> None:
    """The time also runs while a call waits for its turn; it is not carried out then."""
    first = Background(session, "arcuate_linger").wait_running()
    try:
        with pytest.raises(CallTimeout, match="waited") as caught:
            session.call("arcuate_add", 1.0, 2.0, timeout=0.2)
        assert caught.value.executed == "no"
    finally:
        session.interrupt()
        assert isinstance(first.finish(), CallCancelled)


@pytest.mark.parametrize("way", WAYS)
def test_interrupt_from_another_thread(session: Session, way: str) -> None:
    session["kept"] = 4.5
    call = Background(session, way).wait_running()
    assert session.interrupt() is True
    error = call.finish()
    assert isinstance(error, CallCancelled)
    assert error.workspace is True
    assert session["kept"] == 4.5


def test_interrupt_when_nothing_runs(session: Session) -> None:
    assert session.interrupt() is False
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_interrupt_of_a_child_process_of_the_interpreter(session: Session, quirks: type[Quirks]) -> None:
    """Code that waits for a program of its own, such as system("sleep 600")."""
    pid = session.info["pid"]
    outcome: list[BaseException | None] = []

    def work() -> None:
        try:
            session.run(quirks.child)
            outcome.append(None)
        except BaseException as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    before = group(pid)
    thread.start()
    until(lambda: len(group(pid)) > len(before), "the child process starts")
    session.interrupt()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert isinstance(outcome[0], CallCancelled), outcome
    until(lambda: group(pid) == before, "the child process ends")


def test_submit(session: Session) -> None:
    futures = [session.submit("arcuate_add", float(i), 1.0) for i in range(20)]
    assert [future.result(PATIENCE) for future in futures] == [i + 1.0 for i in range(20)]


def test_submit_reports_errors(session: Session) -> None:
    from arcuate.errors import RemoteError

    with pytest.raises(RemoteError, match="boom"):
        session.submit("arcuate_fail", "boom", nargout=0).result(PATIENCE)
    with pytest.raises(CallTimeout):
        session.submit("arcuate_sleep", 60, timeout=0.2, nargout=0).result(PATIENCE)


def test_cancel_a_running_call(session: Session) -> None:
    session["kept"] = 4.5
    started = threading.Event()
    future = session.submit("arcuate_linger", started.set, nargout=0)
    assert started.wait(PATIENCE)
    assert not future.done()
    assert future.cancel() is True
    with pytest.raises((CallCancelled, CancelledError)):
        future.result(PATIENCE)
    assert future.cancelled()
    assert session["kept"] == 4.5


def test_cancel_a_waiting_call(session: Session) -> None:
    started = threading.Event()
    first = session.submit("arcuate_linger", started.set, nargout=0)
    ran: list[int] = []
    second = session.submit("arcuate_apply", lambda _: ran.append(1) or 1.0, 1.0)
    assert started.wait(PATIENCE)
    assert second.cancel() is True
    with pytest.raises(CancelledError):
        second.result(PATIENCE)
    assert first.cancel() is True
    with pytest.raises((CallCancelled, CancelledError)):
        first.result(PATIENCE)
    assert not ran


def test_cancel_a_finished_call(session: Session) -> None:
    future = session.submit("arcuate_add", 1.5, 2.0)
    assert future.result(PATIENCE) == 3.5
    assert future.cancel() is False
    assert not future.cancelled()


def test_restart_ends_a_running_call(fresh: Fresh, quirks: type[Quirks]) -> None:
    session = fresh()
    call = Background(session, "arcuate_linger").wait_running()
    pid = session.info["pid"]
    session.restart()
    assert isinstance(call.finish(), CallCancelled)
    assert session.info["pid"] != pid
    assert list(session) == []


def test_close_ends_a_running_call(fresh: Fresh) -> None:
    session = fresh()
    call = Background(session, "arcuate_linger").wait_running()
    pid = session.info["pid"]
    session.close()
    assert call.finish() is not None
    until(lambda: not runs(pid), "the interpreter has ended")


def test_an_unresponsive_worker_is_killed(fresh: Fresh, quirks: type[Quirks]) -> None:
    """A stopped process answers no interrupt: after the grace period it is replaced; the error says so."""
    session = fresh(grace=0.5)
    session["kept"] = 4.5
    pid = session.info["pid"]
    call = Background(session, "arcuate_linger", timeout=1.5).wait_running()
    os.kill(pid, signal.SIGSTOP)
    error = call.finish()
    assert isinstance(error, CallTimeout)
    assert error.workspace is False
    assert "lost" in str(error)
    assert "0.5" in str(error)
    assert not runs(pid)
    assert list(session) == []
    assert session.info["pid"] != pid
    session.run(quirks.prelude)
    assert session.call("arcuate_add", 1.5, 2.0) == 3.5


def test_an_unresponsive_worker_is_killed_after_an_interrupt(fresh: Fresh) -> None:
    session = fresh(grace=0.5)
    pid = session.info["pid"]
    call = Background(session, "arcuate_linger").wait_running()
    os.kill(pid, signal.SIGSTOP)
    session.interrupt()
    error = call.finish()
    assert isinstance(error, CallCancelled)
    assert error.workspace is False
    assert not runs(pid)


CTRL_C = """
    import os, signal, sys, threading
    from tests.contract.quirks import find
    from arcuate.client import connect
    quirks = find(sys.argv[1])
    session = connect(quirks.target())
    session.run(quirks.prelude)
    session["kept"] = 4.5
    pid = session.info["pid"]
    def started():
        print("running", flush=True)
    try:
        session.call(sys.argv[2], started, nargout=0)
    except KeyboardInterrupt:
        print("KeyboardInterrupt", session["kept"], session.info["pid"] == pid, flush=True)
    print(session.call("arcuate_add", 1.5, 2.0))
    session.close()
"""


@pytest.mark.parametrize("way", WAYS)
def test_ctrl_c(quirks: type[Quirks], session: Session, way: str) -> None:
    """Ctrl-C reaches the Python process: the call is interrupted, the session and its workspace are kept."""
    child = python(CTRL_C, quirks.id(), way)
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n", child.communicate(timeout=30)
    os.kill(child.pid, signal.SIGINT)
    assert finished(child).splitlines() == ["KeyboardInterrupt 4.5 True", "3.5"]


CTRL_C_INSIDE = """
    import os, signal, sys, time
    from tests.contract.quirks import find
    from arcuate.client import connect
    quirks = find(sys.argv[1])
    session = connect(quirks.target())
    session.run(quirks.prelude)
    def slow(x):
        if sys.argv[2] == "sleep":
            print("running", flush=True)
            time.sleep(600)
        else:
            session.call("arcuate_linger", lambda: print("running", flush=True), nargout=0)
    try:
        session.call("arcuate_apply", slow, 1.0)
    except KeyboardInterrupt:
        print("KeyboardInterrupt", flush=True)
    print(session.call("arcuate_add", 1.5, 2.0))
    session.close()
"""


@pytest.mark.parametrize("doing", ["sleep", "call"])
def test_ctrl_c_inside_a_callback(quirks: type[Quirks], session: Session, doing: str) -> None:
    """While Python code of the callback runs, and while a call that it made runs."""
    child = python(CTRL_C_INSIDE, quirks.id(), doing)
    assert child.stdout is not None
    assert child.stdout.readline() == "running\n", child.communicate(timeout=30)
    os.kill(child.pid, signal.SIGINT)
    assert finished(child).splitlines() == ["KeyboardInterrupt", "3.5"]


CTRL_C_MANY = """
    import os, signal, sys, threading
    from tests.contract.quirks import find
    from arcuate.client import connect
    quirks = find(sys.argv[1])
    session = connect(quirks.target())
    session.run(quirks.prelude)
    session["kept"] = 4.5
    stop = threading.Event()
    def strike():
        while not stop.wait(0.02):
            os.kill(os.getpid(), signal.SIGINT)
    hits = calls = 0
    thread = threading.Thread(target=strike)
    old = signal.signal(signal.SIGINT, signal.default_int_handler)
    thread.start()
    try:
        while hits < 25:
            try:
                while True:
                    assert session.call("arcuate_add", float(calls), 1.0) == calls + 1.0
                    calls += 1
            except KeyboardInterrupt:
                hits += 1
    finally:
        while True:
            try:
                stop.set()
                thread.join()
                break
            except KeyboardInterrupt:
                pass
    print(session["kept"], session.call("arcuate_add", 1.5, 2.0), session.info["generation"])
    session.close()
"""


def test_ctrl_c_at_any_moment(quirks: type[Quirks], session: Session) -> None:
    """Between any two calls, in the middle of a frame: the channel stays in order."""
    assert finished(python(CTRL_C_MANY, quirks.id())) == "4.5 3.5 1\n"
