"""What is Octave's own: interrupts, figures, the clean workspace, streams, the helper, the doctor."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from arcuate.client import Session, connect
from arcuate.errors import (
    CallCancelled,
    CallTimeout,
    EnvironmentNotFound,
    InvalidArgument,
    NameNotFound,
    RemoteError,
)
from arcuate.octave import OctaveEnvironment


def test_a_timeout_keeps_the_workspace_and_prints_nothing(
    octave: Session, capfd: pytest.CaptureFixture[str]
) -> None:
    octave["kept"] = 4.5
    for code in ("pause (60)", "while true, end", "system ('sleep 60');"):
        with pytest.raises(CallTimeout):
            octave.run(code, timeout=0.3)
        assert octave["kept"] == 4.5
    out = capfd.readouterr()
    assert out.out == ""
    assert out.err == ""


def test_a_program_that_a_signal_has_missed_is_interrupted_again(octave: Session) -> None:
    """As one that Octave has just forked and that has not begun yet: there the signal means nothing."""
    program = "import signal, time\n"
    program += "signal.signal(signal.SIGINT, lambda *_: signal.signal(signal.SIGINT, signal.SIG_DFL))\n"
    program += "print('ready', flush=True)\ntime.sleep(600)\n"
    octave["command"] = f'{sys.executable} -c "{program}"'
    with pytest.raises(CallCancelled) as caught:
        octave.run("system (command);", on_output=lambda _, text: octave.interrupt())
    assert caught.value.workspace is True
    assert [octave.call("sqrt", 16.0) for _ in range(9)] == [4.0] * 9
    assert list(octave) == ["command"]


def test_only_the_users_variables_are_seen(octave: Session) -> None:
    octave.run("x = 1;")
    octave.call("same", 1.0)
    octave.call("size", [1.0, 2.0], nargout=2)
    assert list(octave) == ["x"]
    assert octave.call("exist", "x") == 1.0
    octave.call("eval", "y = 2;", nargout=0)
    assert octave["y"] == 2.0


def test_clear_all_and_fclose_all_do_no_harm(octave: Session, tmp_path: Path) -> None:
    kept = octave.eval("@sin")
    octave.run(f"f = fopen ('{tmp_path / 'a'}', 'w'); fclose ('all'); clear all;")
    assert octave.call("cos", 0.0) == 1.0
    assert kept(0.0) == 0.0
    assert list(octave) == []


def test_a_waitbar_opens_no_window() -> None:
    """It is an object to hold and to close, which disturbs no figure; many steps are few events."""
    events: list[Mapping[str, Any]] = []
    with connect("octave", on_event=events.append) as session:
        session.run("""
            f = figure (7); plot ([1 3 2]);
            h = waitbar (0, {'first', 'line'}, 'name', 'work', 'createcancelbtn', 'x = 1;');
            for k = 1:1000, waitbar (k / 1000, h); end
            waitbar (7); same = ishghandle (h); named = get (h, 'name'); current = gcf ();
            close (h); gone = ! ishghandle (h); shown = get (0, 'children');
        """)
        assert [session[name] for name in ("same", "gone")] == [True, True]
        assert (session["named"], session["current"], session["shown"]) == ("work", 7.0, 7.0)
        with pytest.raises(RemoteError, match="handle to a waitbar"):
            session.run("waitbar (0.5, f);")
        assert len(session.displays) == 1
    told = [(one["fraction"], one["text"]) for one in events if one["type"] == "progress"]
    assert told[0] == (0.0, "first\nline")
    assert len(told) == 102  # the first, one with another text, and one for each percent
    assert [fraction for fraction, _ in told] == sorted(fraction for fraction, _ in told)


@pytest.mark.filterwarnings("ignore:default load path altered")  # Octave's own
def test_a_path_that_is_reset_keeps_the_workers_folders(octave: Session) -> None:
    defaults = octave.eval("strjoin (strsplit (path (), pathsep ())(4:end), pathsep ())")
    assert "arcuate" not in defaults
    for code in ("restoredefaultpath ();", f"path ('{defaults}');", "restoredefaultpath ();"):
        octave.run(code)
        with pytest.raises(RemoteError, match="still"):
            octave.run("error ('still')")
        with pytest.raises(RemoteError, match="without a terminal"):
            octave.run("input ('')")
        assert "arcuate" in octave.eval("path ()")


@pytest.mark.parametrize("code", ["input ('')", "keyboard", "pause", "kbhit ()", "yes_or_no ('?')"])
def test_nothing_waits_for_a_user(octave: Session, code: str) -> None:
    with pytest.raises(RemoteError, match="without a terminal"):
        octave.run(code, timeout=30)


def test_endless_recursion_is_an_error(octave: Session) -> None:
    octave.run("function r = down (n)\n r = down (n + 1);\nend")
    with pytest.raises(RemoteError, match="recursion"):
        octave.call("down", 1)
    assert octave.call("same", 1.0) == 1.0


def test_nested_callbacks(octave: Session) -> None:
    octave.run("function r = apply (f, x)\n r = f (x);\nend")

    def down(n: float) -> float:
        return 0.0 if n == 0 else 1.0 + octave.call("apply", down, n - 1)

    assert octave.call("apply", down, 40.0) == 40.0


def test_a_function_without_outputs_gives_none(octave: Session) -> None:
    octave.run("function quiet (x)\n assignin ('base', 'seen', x);\nend")
    assert octave.call("quiet", 3.0) is None
    assert octave["seen"] == 3.0


def test_a_new_function_file_is_found(octave: Session, tmp_path: Path) -> None:
    octave.run(f"addpath ('{tmp_path}')")
    with pytest.raises(NameNotFound, match="arcuate_fresh"):
        octave.call("arcuate_fresh")
    (tmp_path / "arcuate_fresh.m").write_text("function r = arcuate_fresh ()\n  r = 7;\nend\n")
    assert octave.call("arcuate_fresh") == 7.0


def test_stack_and_parse_errors(octave: Session) -> None:
    octave.run(
        "function inner (x)\n  error ('My:id', 'bad %d', x);\nend\nfunction outer (x)\n  inner (x);\nend"
    )
    with pytest.raises(RemoteError, match="bad 3") as caught:
        octave.call("outer", 3, nargout=0)
    assert [line.split()[0] for line in caught.value.stack] == ["outer", "inner"]
    with pytest.raises(RemoteError, match="line 2, column 7"):
        octave.run("x = 1;\ny = 2 = = 3;\n")


def test_figures_never_break_a_call(octave: Session) -> None:
    octave.run("plot (1:3); close all")
    assert octave.eval("1 + 1") == 2.0


def test_options(tmp_path: Path) -> None:
    (tmp_path / "arcuate_here.m").write_text("function r = arcuate_here ()\n  r = 5;\nend\n")
    with connect("octave", path=tmp_path, cwd=tmp_path) as session:
        assert session.call("arcuate_here") == 5.0
        assert session.call("pwd") == str(tmp_path.resolve())
    with pytest.raises(InvalidArgument, match="no folder"):
        connect("octave", path=[tmp_path / "none"])
    with pytest.raises(InvalidArgument, match="pkg install"):
        connect("octave", packages=["nosuchpackage"])
    with pytest.raises(EnvironmentNotFound, match="executable="):
        connect("octave", executable=tmp_path / "none")
    with pytest.raises(InvalidArgument, match="figures"):
        connect("octave", figures="bmp")


def test_doctor() -> None:
    report = OctaveEnvironment.doctor()
    assert report.found
    shown = subprocess.run([report.where, "--version"], capture_output=True, text=True, check=True).stdout
    assert report.version in shown


def test_the_helper_is_built_from_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "arcuate.octave"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert (Path(done.stdout.strip()) / "arcuate__native.oct").is_file()


def test_large_results_of_every_kind(octave: Session) -> None:
    texts = [f"t{i}é" for i in range(20_000)]
    assert octave.call("same", texts).ravel().tolist() == texts
    assert np.array_equal(octave.eval("ones (300, 300) > 0"), np.ones((300, 300), bool))
    assert np.array_equal(octave.eval("1i * ones (100, 100)"), 1j * np.ones((100, 100)))


def test_a_helper_that_cannot_be_loaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and not by a start that takes too long."""
    broken = tmp_path / "it's" / "arcuate__native.oct"
    broken.parent.mkdir()
    broken.write_bytes(b"no library")
    monkeypatch.setattr(OctaveEnvironment, "_helper", lambda _: str(broken))
    with pytest.raises(RemoteError, match=r"arcuate__native\.oct"):
        connect("octave")
