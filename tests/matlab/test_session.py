"""What only the MATLAB environment has: shared sessions, options, figures, and code that disturbs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from arcuate.client import Session
from arcuate.compat.matlab import engine as engines
from arcuate.errors import (
    ConversionError,
    EnvironmentCrashed,
    EnvironmentNotFound,
    InvalidArgument,
    NameNotFound,
    RemoteError,
)
from arcuate.values.types import StructArray

Matlab = Callable[..., Session]
OCTAVE = pytest.mark.usefixtures("stand_in")


def test_two_processes_and_their_end(matlab: Matlab) -> None:
    """The worker and the interpreter are two processes; both end with the session."""
    session = matlab()
    interpreter, worker = session.info["pid"], session.info["worker"]
    assert session.eval("getpid()") == interpreter != worker
    assert session.info["language"] == "MATLAB"
    session.close()
    for pid in (interpreter, worker):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_pipes_of_callbacks_are_private_and_removed(matlab: Matlab, tmp_path: Path) -> None:
    session = matlab(env={"TMPDIR": str(tmp_path)})
    (folder,) = tmp_path.glob("arcuate-pipes-*")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert session.call("arrayfun", lambda x: x + 1, np.array([[1.0, 2.0]])).tolist() == [[2.0, 3.0]]
    os.kill(session.info["worker"], signal.SIGKILL)
    with pytest.raises(EnvironmentCrashed):
        session.eval("1")
    assert not list(tmp_path.glob("arcuate-pipes-*"))
    assert session.eval("2") == 2.0
    session.close()
    assert not list(tmp_path.glob("arcuate-pipes-*"))


def test_large_callbacks(matlab: Matlab) -> None:
    """More than a pipe holds, in both directions."""
    session = matlab()
    array = np.random.default_rng(1).random((700, 500))
    got = session.call("feval", lambda x: x * 2.0, array)
    assert np.array_equal(got, array * 2.0)


def test_a_shared_session(matlab: Matlab) -> None:
    """The variables of a MATLAB that runs already; it goes on afterwards."""
    shared = engines.start_matlab()
    try:
        shared.workspace["x"] = 41.0
        name = f"arcuate_test_{os.getpid()}"
        shared.matlab.engine.shareEngine(name, nargout=0)
        session = matlab(session=name)
        assert session["x"] == 41.0
        session.run("x = x + 1;")
        session.close()
        assert shared.workspace["x"] == 42.0
    finally:
        shared.quit()


@OCTAVE
def test_a_shared_session_that_is_not_there(matlab: Matlab) -> None:
    with pytest.raises(
        EnvironmentNotFound, match=r"no shared MATLAB named 'nobody'.*shareEngine\('nobody'\)"
    ):
        matlab(session="nobody")


def test_a_shared_session_is_used_by_one_at_a_time(matlab: Matlab) -> None:
    """Its pipes and shared memory are those of one session; what that leaves behind is as it was before."""
    shared = engines.start_matlab()
    try:
        shared.eval("set(0, 'DefaultFigureVisible', 'on')", nargout=0)
        name = f"arcuate_one_{os.getpid()}"
        shared.matlab.engine.shareEngine(name, nargout=0)
        first = matlab(session=name)
        kept = first.call("containers.Map", keep=True)
        with pytest.raises(EnvironmentNotFound, match="in use by another session"):
            matlab(session=name)
        big = np.random.default_rng(2).random((300, 300))
        assert np.array_equal(first.call("times", big, 2.0), big * 2)
        del kept
        first.close()
        assert shared.get(0.0, "DefaultFigureVisible") == "on"
        second = matlab(session=name)
        assert np.array_equal(second.call("times", big, 3.0), big * 3)
    finally:
        shared.quit()


def test_names_that_the_worker_itself_uses(matlab: Matlab, tmp_path: Path) -> None:
    for name in ("name", "m", "v", "f"):
        (tmp_path / f"{name}.m").write_text(f"function y = {name}(x)\ny = x + 1;\nend\n")
    session = matlab(path=[tmp_path])
    for name in ("name", "m", "v", "f"):
        assert session.call(name, 1.0) == 2.0
        assert session.function(name)(2.0) == 3.0


def test_a_column_of_characters_keeps_its_blanks(matlab: Matlab) -> None:
    session = matlab()
    session.run("t = struct('arcuate','table','rows',2,'index',[],'attrs',[],'container','pandas');")
    session.run("t.columns = struct('a', [' '; 'b']);")
    assert session["t"]["a"].tolist() == [" ", "b"]


def test_a_shared_session_that_disappears(matlab: Matlab) -> None:
    shared = engines.start_matlab()
    name = f"arcuate_gone_{os.getpid()}"
    shared.matlab.engine.shareEngine(name, nargout=0)
    session = matlab(session=name)
    assert session.call("sqrt", 16.0) == 4.0
    shared.quit()
    with pytest.raises(Exception, match=r"(?s)MATLAB"):
        session.call("sqrt", 16.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"session": 3}, "session must be a text"),
        ({"session": "a", "start": "-nojvm"}, "runs already"),
        ({"figures": "bmp"}, "'png', 'svg' or None"),
        ({"path": ["/no/such/folder"]}, "is no folder"),
        ({"licence": "x"}, "does not know the option 'licence'"),
    ],
)
def test_wrong_options(matlab: Matlab, options: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        matlab(**options)


def test_path_and_folder(matlab: Matlab, tmp_path: Path) -> None:
    package = tmp_path / "toolbox" / "+helpers"
    package.mkdir(parents=True)
    (package / "twice.m").write_text("function y = twice(x)\n% TWICE  Two times x.\ny = 2*x;\nend\n")
    (tmp_path / "toolbox" / "half.m").write_text(
        "function y = half(x, varargin)\n% HALF  x/2.\ny = x/2;\nend\n"
    )
    session = matlab(path=[tmp_path / "toolbox"], cwd=tmp_path)
    assert session.call("helpers.twice", 2.0) == 4.0
    assert session.helpers.twice(3.0) == 6.0
    assert session.half(3.0) == 1.5
    assert os.path.realpath(session.call("pwd")) == os.path.realpath(tmp_path)
    described = session.function("half")
    assert "x/2" in (described.__doc__ or "")
    assert list(described.__signature__.parameters) == ["x", "args"]
    assert "twice" in dir(session.helpers)


def test_figures(matlab: Matlab) -> None:
    shown: list[dict[str, object]] = []
    session = matlab(figures="svg", on_event=shown.append)
    session.run("plot([1 3 2]);")
    (first,) = [event for event in shown if event["type"] == "display"]
    assert first["mime"] == "image/svg+xml"
    assert b"<svg" in bytes(first["data"])  # type: ignore[call-overload]
    session.run("x = 1;")
    assert len([event for event in shown if event["type"] == "display"]) == 1  # nothing has changed
    session.run("hold on; plot([2 2 2]);")
    assert len([event for event in shown if event["type"] == "display"]) == 2


def test_keys_that_are_no_names(matlab: Matlab) -> None:
    """A struct of MATLAB cannot have such fields."""
    session = matlab()
    value = {"a b": 1.5, "": "x", "end": [1.0, "y"], "1st": None, "größe": 2.0}
    session["x"] = value
    back = session["x"]
    assert list(back) == list(value)
    assert back["a b"] == 1.5
    assert back["end"] == [1.0, "y"]
    with pytest.raises(ConversionError, match=r"field of a struct array.* at \$\.value"):
        session["s"] = StructArray([{"a b": 1.0}, {"a b": 2.0}])


def test_user_code_that_disturbs(matlab: Matlab) -> None:
    session = matlab()
    session.run("clear all; close all; more on; function disp(varargin), end")
    session.run("cd(tempdir()); x = 7.5;")
    assert session["x"] == 7.5
    with pytest.raises(RemoteError):
        session.run("input('who? ')")
    with pytest.raises(NameNotFound):
        session.call("no_such_function_anywhere")
    assert session.call("sqrt", 16.0) == 4.0
