"""How engines begin and end."""

from __future__ import annotations

import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.parametrize("function", [engine.start_matlab, engine.connect_matlab])
def test_the_keywords(function: Any) -> None:
    with pytest.raises(SyntaxError):
        function(**{"async": True})
    with pytest.raises(KeyError):
        function(background=False, **{"async": True})
    for wrong in (1, None, "yes"):
        with pytest.raises(TypeError, match="background"):
            function(background=wrong)
    with pytest.raises(TypeError, match="cwd"):
        function(cwd="/")
    for wrong in (1, b"-nodesktop", ["-nodesktop"]):
        with pytest.raises(TypeError, match="text"):
            function(wrong)
    with pytest.raises(TypeError, match="positional"):
        function("-nodesktop", True)


def test_find_takes_nothing() -> None:
    with pytest.raises(TypeError):
        engine.find_matlab("x")  # type: ignore[call-arg]
    assert engine.find_matlab() == ()


def test_each_start_is_a_process_of_its_own(shared: MatlabEngine, fresh: MatlabEngine) -> None:
    assert shared.getpid() != fresh.getpid()
    fresh.workspace["only_here"] = 1.0
    assert "only_here" not in shared.workspace


def test_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    option = f"-nodesktop -nosplash -sd '{tmp_path}' -r \"begun_ = 3; disp ('hello')\""
    with engine.start_matlab(option) as eng:
        assert eng.pwd() == os.path.realpath(tmp_path)
        assert eng.workspace["begun_"] == 3.0
    assert capsys.readouterr().out == "hello\n"
    for wrong in ("-sd /nowhere/at/all", "-r", "-r 'unclosed"):
        with pytest.raises(engine.EngineError):
            engine.start_matlab(wrong)
    with pytest.raises(engine.MatlabExecutionError, match="at once"):
        engine.start_matlab("-r \"error ('at once')\"")


def test_a_machine_without_octave(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCTAVE_EXECUTABLE", "/nowhere/octave-cli")
    with pytest.raises(engine.EngineError, match=r"OCTAVE_EXECUTABLE=.*is no program"):
        engine.start_matlab()
    with pytest.raises(engine.EngineError, match="is no program"):
        engine.start_matlab(background=True).result()


def test_a_context_manager_quits(shared: MatlabEngine) -> None:
    with pytest.raises(ZeroDivisionError), engine.start_matlab() as eng:
        pid = int(eng.getpid())
        1 / 0  # noqa: B018
    assert gone(pid)
    with pytest.raises(engine.RejectedExecutionError):
        eng.sqrt(4.0)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("name", ["", "unused"])
def test_an_engine_that_nobody_uses_ends(shared: MatlabEngine, name: str) -> None:
    eng = engine.start_matlab()
    if name:
        eng.matlab.engine.shareEngine(name, nargout=0)
        assert name in engine.find_matlab()
    pid = int(eng.getpid())
    function = eng.sqrt
    del eng
    assert function(4.0) == 2.0  # it is used
    del function
    while not gone(pid) or "unused" in engine.find_matlab():  # in a thread of its own
        time.sleep(0.01)


def test_the_collector_does_not_wait_for_an_engine() -> None:
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    nobody: Any = None
    MatlabEngine(nobody, lambda: ended.put(threading.get_ident()))
    assert ended.get(timeout=30) != threading.get_ident()


def test_live_engines_are_quit_at_exit(python: Run) -> None:
    done = python(
        "from arcuate.compat.matlab import engine\n"
        "a, b = engine.start_matlab(), engine.start_matlab()\n"
        "b.matlab.engine.shareEngine('at_exit', nargout=0)\n"
        "f = a.pause(60.0, nargout=0, background=True)\n"
        "print(int(b.getpid()), a._session.info['pid'])\n"
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert all(gone(int(pid)) for pid in done.stdout.split())
    assert engine.find_matlab() == ()


def test_a_forked_child_cannot_use_it(fresh: MatlabEngine) -> None:
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            fresh.sqrt(4.0)
        except engine.RejectedExecutionError as error:
            os.write(write, str(error).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert b"forked child" in os.read(read, 4096)
    os.close(read)
    os.close(write)
    assert fresh.sqrt(4.0) == 2.0
