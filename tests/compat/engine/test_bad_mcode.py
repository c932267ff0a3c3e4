"""M-code that does what it should not: a clear error, and the engine goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine


def works(eng: MatlabEngine, capsys: pytest.CaptureFixture[str] | None = None) -> None:
    """The engine calculates, prints and keeps variables."""
    eng.workspace["probe"] = 2.0
    assert eng.eval("probe * 3") == 6.0
    assert eng.sqrt(eng.workspace["probe"]) == pytest.approx(2**0.5)
    if capsys is not None:
        capsys.readouterr()
        eng.eval("fprintf ('%d\\n', probe);", nargout=0)
        assert capsys.readouterr().out == "2\n"


@pytest.mark.parametrize(
    "code",
    [
        "clear all",
        "clear -all",
        "clear functions",
        "clear ('-x', 'nothing')",
        "close all",
        "fclose ('all');",
        "clc",
        "clearvars",
        "restoredefaultpath_ = 1;",
        "lasterr (''); lastwarn ('');",
        "rehash",
    ],
)
def test_what_clears(eng: MatlabEngine, capsys: pytest.CaptureFixture[str], code: str) -> None:
    eng.workspace["x"] = 1.0
    eng.eval(code, nargout=0)
    works(eng, capsys)
    assert eng.matlab.engine.isEngineShared() is False
    eng.containers.Map()  # MATLAB's rules are still in force


@pytest.mark.parametrize(
    "code", ["exit", "quit", "exit (3)", "quit (0)", "x = 1; exit", "feval ('exit')", "exit (0, 'force')"]
)
def test_exit(eng: MatlabEngine, code: str) -> None:
    eng.workspace["kept"] = 4.0
    pid = eng.getpid()
    with pytest.raises(engine.MatlabExecutionError, match=r"eng\.quit"):
        eng.eval(code, nargout=0)
    with pytest.raises(engine.MatlabExecutionError, match=r"eng\.quit"):
        eng.feval("exit", nargout=0)
    assert eng.workspace["kept"] == 4.0
    assert eng.getpid() == pid


def test_exit_in_a_script_and_a_function(eng: MatlabEngine, tmp_path: Path) -> None:
    (tmp_path / "ends_script.m").write_text("before_ = 1;\nexit\nafter_ = 1;\n")
    (tmp_path / "ends_function.m").write_text("function y = ends_function (x)\n  y = x;\n  quit (2);\nend\n")
    eng.addpath(str(tmp_path), nargout=0)
    for name in ("ends_script", "ends_function"):
        with pytest.raises(engine.MatlabExecutionError, match=r"eng\.quit"):
            eng.feval(name, 1.0, nargout=0) if name == "ends_function" else eng.feval(name, nargout=0)
    assert eng.workspace["before_"] == 1.0
    assert "after_" not in eng.workspace
    eng.rmpath(str(tmp_path), nargout=0)


def test_disp_redefined(fresh: MatlabEngine, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for name in ("disp", "display", "num2str", "evalc"):
        (tmp_path / f"{name}.m").write_text(
            f"function varargout = {name} (varargin)\n  error ('my {name}');\nend\n"
        )
    fresh.eval("warning ('off', 'Octave:shadowed-function');", nargout=0)
    fresh.addpath(str(tmp_path), nargout=0)
    fresh.eval("function disp (varargin), error ('my disp'); end", nargout=0)
    with pytest.raises(engine.MatlabExecutionError, match="my num2str"):
        fresh.num2str(1.0)
    works(fresh, capsys)


@pytest.mark.parametrize("name", ["disp", "sqrt", "error", "ans", "eval", "arcuate_engine", "feval", "numel"])
def test_variables_with_names_of_functions(fresh: MatlabEngine, name: str) -> None:
    fresh.workspace[name] = 3.0
    assert fresh.workspace[name] == 3.0
    assert fresh.cos(0.0) == 1.0
    assert fresh.matlab.engine.engineName() == ""
    fresh.eval("clear -variables", nargout=0)
    works(fresh)


@pytest.mark.parametrize(
    "code",
    ["restoredefaultpath;", "p = restoredefaultpath ();", "path (pathdef ());", "path (pwd (), path ());"],
)
def test_the_path_reset(fresh: MatlabEngine, capsys: pytest.CaptureFixture[str], code: str) -> None:
    """Scripts begin with restoredefaultpath; the worker's own functions stay reachable."""
    fresh.eval(code, nargout=0)
    assert "shadows" not in capsys.readouterr().err
    works(fresh, capsys)
    assert fresh.matlab.engine.engineName() == ""
    assert fresh.eval("{1, 'x', struct('a', 1)}") == [1.0, "x", {"a": 1.0}]
    with pytest.raises(engine.MatlabExecutionError, match=r"eng\.quit"):
        fresh.eval("exit", nargout=0)
    with pytest.raises(engine.MatlabExecutionError, match="after"):
        fresh.error("after", nargout=0)
    with pytest.raises(engine.MatlabExecutionError, match="without a terminal"):
        fresh.input("? ")


def test_another_directory(fresh: MatlabEngine, tmp_path: Path) -> None:
    here = os.getcwd()
    assert fresh.pwd() == here
    (tmp_path / "local_.m").write_text("function y = local_ ()\n  y = 11;\nend\n")
    fresh.cd(str(tmp_path), nargout=0)
    assert fresh.pwd() == os.path.realpath(tmp_path)
    assert fresh.local_() == 11.0
    assert os.getcwd() == here
    works(fresh)


def test_more_on(fresh: MatlabEngine, capsys: pytest.CaptureFixture[str]) -> None:
    fresh.eval("more on; page_screen_output (true);", nargout=0)
    fresh.eval("for k = 1:300, disp (k); end", nargout=0, timeout=60)
    assert capsys.readouterr().out.split() == [str(k) for k in range(1, 301)]
    works(fresh, capsys)


@pytest.mark.parametrize(
    "code", ["input ('? ')", "input ('', 's')", "keyboard", "pause", "yes_or_no ('?')", "kbhit ()"]
)
def test_prompts(eng: MatlabEngine, code: str) -> None:
    with pytest.raises(engine.MatlabExecutionError, match="without a terminal"):
        eng.eval(code, nargout=0, timeout=30)
    works(eng)


def test_figures_open_no_window(fresh: MatlabEngine, tmp_path: Path) -> None:
    fresh.eval("h = figure; plot (1:3, [2 5 1]); title ('t');", nargout=0)
    assert fresh.eval("get (h, 'visible')") == "off"
    handle = fresh.plot(fresh.linspace(0.0, 1.0, 5.0), "-o")
    assert isinstance(handle, float)
    target = tmp_path / "plot.svg"
    fresh.print("-dsvg", str(target), nargout=0)
    assert target.read_bytes().startswith(b"<?xml")
    fresh.eval("close all", nargout=0)
    works(fresh)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("function r = down_ (n), r = down_ (n + 1); end; down_ (1);", "recursion"),
        ("x = zeros (1e9, 1e9);", "memory"),
        ("error ('');x = [1 2] * [3 4];", "nonconformant"),
        ("s.a = 1; s.b;", "no member"),
        ("xs_ (3)", "undefined"),
        ("error (struct ('message', 'from struct', 'identifier', 'a:b'))", "from struct"),
    ],
)
def test_errors(eng: MatlabEngine, code: str, text: str) -> None:
    with pytest.raises(engine.MatlabExecutionError, match=text):
        eng.eval(code, nargout=0)
    works(eng)


def test_a_crash_ends_the_engine_and_says_so(fresh: MatlabEngine) -> None:
    fresh.eval("disp ('last words');", nargout=0)
    with pytest.raises(engine.EngineError, match="variables are lost"):
        fresh.eval("kill (getpid (), 9); pause (10);", nargout=0)
    with pytest.raises(engine.RejectedExecutionError, match=r"signal 9|SIGKILL|ended"):
        fresh.sqrt(4.0)
    fresh.quit()


def test_a_flood_of_output(eng: MatlabEngine) -> None:
    class Count:
        seen = 0

        def write(self, text: str) -> None:
            self.seen += len(text)

    count = Count()
    eng.eval("fprintf ('%s\\n', repmat ('x', 1, 999)(ones (1, 5000), :)');", nargout=0, stdout=count)
    assert count.seen > 4_000_000
    works(eng)
