"""Engines that other processes use: names, calls, interrupts, and what happens when one side disappears."""

from __future__ import annotations

import io
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.contract.processes import until

from arcuate.compat import matlab
from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine
from arcuate.compat.matlab.engine.sharing import registry

Run = Callable[..., subprocess.CompletedProcess[str]]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


OWNER = """
import sys
from arcuate.compat.matlab import engine
eng = engine.start_matlab()
eng.matlab.engine.shareEngine(sys.argv[1], nargout=0)
eng.workspace["mine"] = 5.0
print(int(eng.getpid()), flush=True)
sys.stdin.readline()
"""


class Owner:
    """Another process that shares an engine."""

    def __init__(self, name: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OWNER, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.octave = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=30)

    def close(self) -> None:
        self.process.communicate("\n", timeout=30)


@pytest.fixture(scope="module")
def _owner(runtime: str) -> Iterator[Owner]:
    old = os.environ.get("XDG_RUNTIME_DIR")
    os.environ["XDG_RUNTIME_DIR"] = runtime
    owner = Owner("lasting")
    yield owner
    owner.close()
    assert owner.process.returncode == 0
    if old is None:
        del os.environ["XDG_RUNTIME_DIR"]
    else:
        os.environ["XDG_RUNTIME_DIR"] = old


@pytest.fixture
def owner(_owner: Owner) -> Owner:
    """A process that shares an engine under the name "lasting"."""
    return _owner


@pytest.fixture
def brief() -> Iterator[Owner]:
    """A process that shares an engine under the name "brief", for one test."""
    made = Owner("brief")
    yield made
    if made.process.poll() is None:
        made.close()


@pytest.fixture
def guest(owner: Owner) -> Iterator[MatlabEngine]:
    with engine.connect_matlab("lasting") as eng:
        yield eng


def test_another_process_finds_and_uses_it(owner: Owner, guest: MatlabEngine) -> None:
    assert engine.find_matlab() == ("lasting",)
    assert guest.getpid() == owner.octave
    assert guest.workspace["mine"] == 5.0
    assert guest.gcd(100.0, 80.0, nargout=3) == (20.0, 1.0, -1.0)
    guest.workspace["x"] = [1, "a", {"b": matlab.double([[1, 2]])}]
    assert guest.workspace["x"] == [1, "a", {"b": matlab.double([[1, 2]])}]
    assert guest.matlab.engine.engineName() == "lasting"
    assert guest.matlab.engine.isEngineShared() is True
    assert guest.sqrt(9.0, background=True).result() == 3.0
    assert "x" in guest.workspace
    del guest.workspace["x"]


def test_the_first_shared_engine_is_taken(owner: Owner) -> None:
    with engine.connect_matlab() as eng, engine.connect_matlab(background=True).result() as other:
        assert eng.getpid() == other.getpid() == owner.octave


def test_output_warnings_and_errors_arrive(guest: MatlabEngine, capsys: pytest.CaptureFixture[str]) -> None:
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(engine.MatlabExecutionError, match="wrong") as caught:
        guest.eval("disp (1); warning ('w'); error ('a:b', 'wrong');", nargout=0, stdout=out, stderr=err)
    assert caught.value.identifier == "a:b"
    assert (out.getvalue(), err.getvalue()) == ("1\n", "warning: w\nerror: wrong\n")
    guest.disp("seen", nargout=0)
    assert capsys.readouterr().out == "seen\n"
    with pytest.raises(SyntaxError):
        guest.eval("x = (", nargout=0)
    with pytest.raises(TypeError):
        guest.eval("@sin")
    with pytest.raises(NameError):
        guest.workspace["not_there"]


def test_large_arrays_travel(guest: MatlabEngine) -> None:
    data = np.asfortranarray(np.random.default_rng(5).normal(size=(400, 300)))
    assert np.array_equal(np.asarray(guest.transpose(matlab.double(data))), data.T)
    future = guest.transpose(data, background=True)
    assert np.array_equal(np.asarray(future.result()), data.T)


def test_a_time_limit_and_cancel(guest: MatlabEngine) -> None:
    guest.workspace["kept"] = 1.0
    with pytest.raises(engine.TimeoutError, match="intact"):
        guest.pause(60.0, nargout=0, timeout=0.3)
    future = guest.eval("while true, end", nargout=0, background=True)
    assert future.cancel() is True
    with pytest.raises(engine.CancelledError):
        future.result()
    assert guest.workspace["kept"] == 1.0


def test_ctrl_c_stops_the_call_only(guest: MatlabEngine) -> None:
    timer = threading.Timer(0.3, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        guest.pause(60.0, nargout=0)
    timer.join()
    assert guest.sqrt(4.0) == 2.0


def test_two_guests_take_turns(guest: MatlabEngine) -> None:
    with engine.connect_matlab("lasting") as other:
        slow = guest.eval("pause (0.4); turn_ = 1;", nargout=0, background=True)
        while not guest._session._transport._running:  # type: ignore[attr-defined]
            time.sleep(0.005)
        with pytest.raises(engine.TimeoutError):
            other.sqrt(4.0, timeout=0.1)  # while it waits for the other
        assert other.sqrt(4.0) == 2.0
        assert slow.result() is None
        assert other.workspace["turn_"] == 1.0


def test_a_guest_that_quits_leaves_the_engine(owner: Owner, guest: MatlabEngine) -> None:
    before = guest.arcuate__handles("count")
    other = engine.connect_matlab("lasting")
    kept = [other.containers.Map() for _ in range(3)]
    assert guest.isobject(1.0) is False
    assert guest.arcuate__handles("count") == before + 3
    with pytest.raises(ValueError, match="another session"):
        guest.isobject(kept[0])
    other.quit()
    with pytest.raises(engine.RejectedExecutionError):
        other.sqrt(4.0)
    deadline = time.monotonic() + 30
    while guest.arcuate__handles("count") != before:  # what it was given is let go of
        assert time.monotonic() < deadline
    assert engine.find_matlab() == ("lasting",)


def test_a_guest_that_is_killed_harms_nobody(owner: Owner, guest: MatlabEngine) -> None:
    code = (
        "from arcuate.compat.matlab import engine\n"
        "eng = engine.connect_matlab('lasting')\n"
        "eng.eval(\"disp ('begun'); fflush (stdout); while true, end\", nargout=0)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"begun\n"
    process.kill()
    process.communicate()
    assert guest.workspace["mine"] == 5.0  # its endless loop was interrupted


def test_an_unknown_name(owner: Owner) -> None:
    for name in ("nobody", "", "../x", "a b"):
        with pytest.raises(engine.EngineError, match="there are: lasting"):
            engine.connect_matlab(name)


def test_an_owner_that_ends_in_order_takes_its_name_along(brief: Owner) -> None:
    eng = engine.connect_matlab("brief")
    brief.close()
    assert "brief" not in engine.find_matlab()
    with pytest.raises((engine.EngineError, engine.RejectedExecutionError), match="ended"):
        eng.sqrt(4.0)
    with pytest.raises(engine.RejectedExecutionError):
        eng.sqrt(4.0)
    eng.quit()


def test_an_owner_that_is_killed_during_a_call(brief: Owner, eng: MatlabEngine) -> None:
    guest = engine.connect_matlab("brief")
    out = io.StringIO()
    future = guest.eval("disp (1); fflush (stdout); pause (60);", nargout=0, background=True, stdout=out)
    while not out.getvalue():
        time.sleep(0.005)
    path = registry.folder() / "brief"
    brief.kill()
    with pytest.raises(engine.EngineError, match="'brief' has ended"):
        future.result(30)
    with pytest.raises(engine.RejectedExecutionError):
        guest.sqrt(4.0)
    assert path.is_socket()  # what a killed process leaves behind
    assert "brief" not in engine.find_matlab()  # confuses nobody
    assert not path.exists()
    while alive(brief.octave):  # its Octave ends with it
        time.sleep(0.01)
    assert eng.sqrt(4.0) == 2.0  # this process's own engine has nothing to do with it


def test_a_name_left_behind_is_taken_anew(brief: Owner, fresh: MatlabEngine) -> None:
    brief.kill()
    fresh.matlab.engine.shareEngine("brief", nargout=0)
    with engine.connect_matlab("brief") as guest:
        assert guest.getpid() == fresh.getpid()


def test_sharing_from_m_code(fresh: MatlabEngine) -> None:
    assert fresh.matlab.engine.isEngineShared() is False
    assert fresh.matlab.engine.engineName() == ""
    fresh.eval("matlab.engine.shareEngine", nargout=0)
    name = fresh.matlab.engine.engineName()
    assert name == f"MATLAB_{int(fresh.getpid())}"
    assert name in engine.find_matlab()
    with pytest.raises(engine.MatlabExecutionError, match="shared already"):
        fresh.matlab.engine.shareEngine("again", nargout=0)
    fresh.quit()
    assert name not in engine.find_matlab()


@pytest.mark.parametrize("name", ["a b", "1a", "../up", "a" * 64, "ž"])
def test_a_name_that_cannot_be_one(fresh: MatlabEngine, name: str) -> None:
    with pytest.raises(engine.MatlabExecutionError, match="cannot be the name"):
        fresh.matlab.engine.shareEngine(name, nargout=0)
    assert fresh.matlab.engine.isEngineShared() is False


def test_a_name_that_is_taken(owner: Owner, fresh: MatlabEngine) -> None:
    with pytest.raises(engine.MatlabExecutionError, match="shared already"):
        fresh.matlab.engine.shareEngine("lasting", nargout=0)


def test_connect_starts_and_shares_one_where_there_is_none(tmp_path_factory: Any, monkeypatch: Any) -> None:
    with tempfile.TemporaryDirectory(prefix="arc-") as place:
        monkeypatch.setenv("XDG_RUNTIME_DIR", place)
        with engine.connect_matlab() as eng:
            assert engine.find_matlab() == (eng.matlab.engine.engineName(),)
            with engine.connect_matlab() as other:
                assert other.getpid() == eng.getpid()
        assert engine.find_matlab() == ()


def test_a_folder_that_others_may_enter_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = tmp_path / f"arcuate-matlab-{os.getuid()}"
    assert registry.folder() == folder
    assert folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    with pytest.raises(engine.EngineError, match="0700"):
        engine.find_matlab()
    folder.rmdir()
    folder.write_text("")
    with pytest.raises(engine.EngineError, match="0700"):
        engine.find_matlab()
    folder.unlink()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(engine.EngineError, match="0700"):
        engine.connect_matlab("x")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "not" / "there"))
    assert registry.folder().parent == Path(tempfile.gettempdir())


def test_a_path_that_is_too_long(
    fresh: MatlabEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    with pytest.raises(engine.MatlabExecutionError, match="longer than"):
        fresh.matlab.engine.shareEngine("name", nargout=0)
    assert engine.find_matlab() == ()


def test_a_forked_child_of_the_owner_keeps_no_name_alive(runtime: str) -> None:
    code = (
        "import os, sys, time\n"
        "from arcuate.compat.matlab import engine\n"
        "eng = engine.start_matlab()\n"
        "eng.matlab.engine.shareEngine('forking', nargout=0)\n"
        "pid = os.fork()\n"
        "if not pid:\n"
        "    sys.stdin.readline(); os._exit(0)\n"
        "print(pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    child = int(process.stdout.readline())
    process.wait(30)
    os.kill(child, 0)  # it lives
    until(lambda: "forking" not in engine.find_matlab(), "the child has let go of it, as soon as it runs")
    process.communicate(b"\n", timeout=30)


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n\r\n", b"ARCU" + bytes(60), b"\xff" * 200, b""])
def test_bad_bytes_end_the_connection_only(owner: Owner, guest: MatlabEngine, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as raw:
        raw.connect(str(registry.folder() / "lasting"))
        assert raw.recv(4) == b"ARCU"
        raw.sendall(data)
        raw.shutdown(socket.SHUT_WR)
        raw.settimeout(30)
        while raw.recv(65536):
            pass
    assert guest.sqrt(4.0) == 2.0


def test_requests_that_a_guest_may_not_make(owner: Owner, guest: MatlabEngine) -> None:
    from arcuate.errors import InvalidArgument

    for op in ("bye", "hello", "settle"):
        with pytest.raises(InvalidArgument, match="does not know"):
            guest._session._request(op, {})
    assert guest.sqrt(4.0) == 2.0


def test_an_owner_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from arcuate.compat.matlab.engine.sharing import remote

    monkeypatch.setattr(remote, "_HELLO_SECONDS", 0.2)
    with registry.listen("silent"), pytest.raises(engine.EngineError, match="does not answer"):
        engine.connect_matlab("silent")
    assert "silent" not in engine.find_matlab()


def test_nothing_is_left(fresh: MatlabEngine) -> None:
    """Descriptors and threads after a guest has come and gone."""
    fresh.matlab.engine.shareEngine("counted", nargout=0)
    descriptors, threads = len(os.listdir("/proc/self/fd")), threading.active_count()
    for _ in range(3):
        with engine.connect_matlab("counted") as guest:
            assert guest.sqrt(4.0) == 2.0
    deadline = time.monotonic() + 30
    while threading.active_count() > threads or len(os.listdir("/proc/self/fd")) > descriptors:
        assert time.monotonic() < deadline
        select.select([], [], [], 0.01)


def test_a_guest_that_crashes_octave_ends_the_engine_for_all(fresh: MatlabEngine) -> None:
    fresh.matlab.engine.shareEngine("crashing", nargout=0)
    guest, other = engine.connect_matlab("crashing"), engine.connect_matlab("crashing")
    with pytest.raises(engine.EngineError, match="variables are lost"):
        guest.eval("kill (getpid (), 9); pause (10);", nargout=0)
    for eng in (guest, fresh, other):
        with pytest.raises((engine.RejectedExecutionError, engine.EngineError), match="ended"):
            eng.sqrt(4.0)  # no fresh Octave without the variables takes its place
    for eng in (guest, fresh, other):
        with pytest.raises(engine.RejectedExecutionError):
            eng.sqrt(4.0)
    while "crashing" in engine.find_matlab():
        time.sleep(0.01)
