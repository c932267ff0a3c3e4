"""What oct2py's own tests do not ask: bad input, threads, leaks, the magics under Arcuate's name."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from arcuate.compat.oct2py import (
    Cell,
    Oct2Py,
    Oct2PyError,
    Oct2PySettings,
    Oct2PyWarning,
    Struct,
    StructArray,
    check,
)
from arcuate.errors import CallTimeout, ConversionError, EnvironmentCrashed, RemoteError


@pytest.fixture(scope="module")
def oc() -> Iterator[Oct2Py]:
    with Oct2Py() as session:
        yield session


def program(code: str, folder: Path, **env: str) -> str:
    """What a program prints, run in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=folder,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# ------------------------------------------------------------------ under the name oct2py


def test_install_as_oct2py(tmp_path: Path) -> None:
    """An unmodified import finds the face; nothing exists twice; pickles name oct2py's classes."""
    code = """
import sys, pickle
import arcuate.compat
arcuate.compat.install_as_oct2py()
arcuate.compat.install_as_oct2py()  # again: nothing happens
import psutil
import oct2py, oct2py.io
from oct2py.dynamic import OctaveFunctionPtr
import arcuate.compat.oct2py.dynamic, arcuate.compat.oct2py.io
assert psutil.Process().children() == []  # an import starts nothing
assert oct2py is arcuate.compat.oct2py
assert oct2py.io is arcuate.compat.oct2py.io
assert oct2py.io.__spec__.name == oct2py.io.__name__ == "arcuate.compat.oct2py.io"
assert OctaveFunctionPtr is arcuate.compat.oct2py.dynamic.OctaveFunctionPtr
assert b"oct2py.io" in pickle.dumps(oct2py.Struct(a=1)) and b"arcuate" not in pickle.dumps(oct2py.Struct(a=1))
assert pickle.loads(pickle.dumps(oct2py.Cell([1, "a"]))).tolist() == [[1, "a"]]
try:
    import oct2py.no_such_module
except ModuleNotFoundError as error:
    print(error)
from oct2py import octave
print(octave.sin(0.0))
"""
    assert program(code, tmp_path).splitlines() == ["No module named 'oct2py.no_such_module'", "0.0"]


def test_another_oct2py_is_imported_already(tmp_path: Path) -> None:
    tmp_path.joinpath("oct2py.py").write_text("")
    code = """
import oct2py, arcuate.compat, arcuate.errors
try:
    arcuate.compat.install_as_oct2py()
except arcuate.errors.InvalidArgument as error:
    print(error)
"""
    found = program(code, tmp_path, PYTHONPATH=str(tmp_path))
    assert "oct2py.py" in found
    assert "before that import" in found


def test_a_missing_extra(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["pydantic_settings"] = None
try:
    import arcuate.compat.oct2py
except ImportError as error:
    print(error)
"""
    assert "pip install 'arcuate[oct2py]'" in program(code, tmp_path)


def test_a_forked_child_leaves_the_parent_alone(tmp_path: Path) -> None:
    code = """
import os, sys
from arcuate.compat.oct2py import Oct2Py, Oct2PyError
oc = Oct2Py()
pid = os.fork()
if pid == 0:
    try:
        oc.sin(0.0)
    except Oct2PyError as error:
        assert "closed" in str(error)
    oc.exit()
    with Oct2Py() as own:
        own.push("x", 1)
    del oc
    os._exit(7)
assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
print(oc.cos(0.0))
"""
    assert program(code, tmp_path) == "1.0"


def test_the_collector_does_not_wait_for_octave() -> None:
    ended: queue.SimpleQueue[int] = queue.SimpleQueue()
    oc = Oct2Py.__new__(Oct2Py)
    oc._begin(None, None)
    oc._engine = SimpleNamespace(close=lambda: ended.put(threading.get_ident()))
    del oc
    assert ended.get(timeout=30) != threading.get_ident()


def test_magics(tmp_path: Path) -> None:
    """%load_ext with Arcuate's own name; -i, -o, -s, -f; figures; push and pull."""
    code = """
from traitlets.config import Config
from IPython.core.interactiveshell import InteractiveShell
config = Config()
config.HistoryManager.enabled = False
shell = InteractiveShell.instance(config=config)
shell.run_line_magic("load_ext", "arcuate.compat.oct2py")
magics = shell.find_cell_magic("octave").__self__
figures = []
magics._display = figures.append
shell.push({"X": [1, 2, 3]})
print(shell.run_line_magic("octave", "-i X mean(X)"))
cell = "Y = X + 1; Z = 'it''s';\\nplot(Y); disp('done')"
assert shell.run_cell_magic("octave", "-i X -o Y,Z -s 300,200 -f png", cell) is None
print(shell.user_ns["Y"].tolist(), shell.user_ns["Z"])
print(figures[0].data[:4], [int.from_bytes(figures[0].data[at:at + 4], "big") for at in (16, 20)])
shell.run_line_magic("octave_push", "X")
shell.run_line_magic("octave", "X(1) = 7;")
shell.run_line_magic("octave_pull", "X")
print(shell.user_ns["X"].tolist())
try:
    shell.run_line_magic("octave_push", "no_such_name")
except KeyError as error:
    print(error)
"""
    lines = program(code, tmp_path, IPYTHONDIR=str(tmp_path)).splitlines()
    assert lines == [
        "ans = 2",
        "2.0",
        "done",
        "[[2.0, 3.0, 4.0]] it's",
        "b'\\x89PNG' [300, 200]",
        "[[7.0, 2.0, 3.0]]",
        "'no_such_name'",
    ]


# ----------------------------------------------------------------------------- errors


def test_an_error_shows_octaves_message_and_stack(oc: Oct2Py) -> None:
    oc.eval("function fails_inside () error ('my:id', 'value %d', 5); end")
    with pytest.raises(Oct2PyError) as caught:
        oc.fails_inside()
    text = str(caught.value)
    assert text.startswith("Octave evaluation error:\nerror: value 5\nerror: called from:\n    fails_inside")
    assert "arcuate__" not in text
    assert isinstance(caught.value.__cause__, RemoteError)
    assert caught.value.__cause__.identifier == "my:id"


def test_a_timeout_leaves_the_session_intact(oc: Oct2Py) -> None:
    """oct2py 6.1.1 loses what was there."""
    oc.push("kept", 5)
    with pytest.raises(Oct2PyError, match="Timed out") as caught:
        oc.eval("while true, end", timeout=0.3)
    assert isinstance(caught.value.__cause__, CallTimeout)
    assert oc.pull("kept") == 5


def test_a_crash_is_an_error_and_the_next_call_works() -> None:
    with Oct2Py() as session:
        with pytest.raises(Oct2PyError, match="Session died") as caught:
            session.eval("kill (getpid (), 9)")
        assert isinstance(caught.value.__cause__, EnvironmentCrashed)
        assert session.eval("1 + 1") == 2


@pytest.mark.parametrize(
    "value", [int, os, object, (n for n in "ab"), 10**400, slice(1), {"a": [1, {"b": ...}]}]
)
def test_what_cannot_be_sent(oc: Oct2Py, value: object) -> None:
    """It is an Oct2PyError, and a TypeError as in oct2py."""
    for kind in (Oct2PyError, TypeError):
        with pytest.raises(kind, match=r"cannot be sent|larger than any double"):
            oc.push("x", value)


def test_what_cannot_come_back(oc: Oct2Py) -> None:
    with pytest.raises(Oct2PyError, match="text keys") as caught:
        oc.eval("containers.Map (1, 2)")
    assert isinstance(caught.value.__cause__, ConversionError)
    with pytest.raises(Oct2PyError, match="NUL"):
        oc.eval("char ([65 0 66])")


def test_bad_arguments(oc: Oct2Py) -> None:
    with pytest.raises(Oct2PyError, match="2 names were given for 1 values"):
        oc.push(["a", "b"], [1])
    with pytest.raises(Oct2PyError, match="cannot be the name"):
        oc.push("1a", 1)
    with pytest.raises(Oct2PyError, match="nout must be"):
        oc.feval("sin", 1.0, nout="2")
    with pytest.raises(TypeError, match=r"no \.m file"):
        oc.feval("script.py")
    with pytest.raises(TypeError, match="no_such_keyword"):
        oc.eval("1", no_such_keyword=1)
    with pytest.warns(Oct2PyWarning, match="no_such_keyword"):
        assert oc.feval("sin", 0.0, no_such_keyword=1) == 0
    with pytest.raises(TypeError, match="Oct2PySettings"):
        oc.settings = 5  # type: ignore[assignment]
    with pytest.raises(Oct2PyError, match="undefined"):
        oc.feval("no_such_function", 1)
    with pytest.raises(Oct2PyError, match="undefined"):
        oc.no_such_package.function(1)
    with pytest.raises(Oct2PyError, match="no program"):
        Oct2Py(executable="/no/such/octave")


def test_check_says_what_is_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OCTAVE_EXECUTABLE", "/no/such/octave")
    check()
    said = capsys.readouterr().out
    assert "Connection failed" in said
    assert "/no/such/octave" in said


def test_a_key_that_is_no_text_is_named(oc: Oct2Py) -> None:
    with pytest.warns(Oct2PyWarning, match="the key 2 is no text"):
        oc.push("x", {"a": 1, 2: 3})
    assert oc.pull("x") == {"a": 1.0}


def test_an_exception_in_a_stream_handler(oc: Oct2Py) -> None:
    def handler(line: str) -> None:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError, match="out"):
        oc.eval("disp ('out')", stream_handler=handler)
    assert oc.eval("1 + 1") == 2


# ------------------------------------------------------------------------- more of the use


def test_lines_arrive_while_the_call_runs(oc: Oct2Py) -> None:
    """The second part of the call waits for a file that the handler writes."""
    folder = tempfile.mkdtemp(dir=oc.settings.temp_dir)
    lines: list[str] = []

    def handler(line: str) -> None:
        lines.append(line)
        Path(folder, "go").touch()

    oc.eval(
        f"disp ('first'); while (! exist ('{folder}/go', 'file')) pause (0.01); end, printf ('no end')",
        stream_handler=handler,
        timeout=20,
        nout=0,
    )
    assert lines == ["first", "no end"]


def test_python_functions_are_called_back(oc: Oct2Py) -> None:
    """oct2py sends an empty struct."""
    assert oc.cellfun(lambda x: x * 2, Cell([1.0, 2.0])).tolist() == [[2.0, 4.0]]


def test_functions_without_results_need_no_nout(oc: Oct2Py) -> None:
    oc.eval("function gives_nothing (x) global seen; seen = x; end")
    assert oc.gives_nothing(3) is None
    oc.eval("global seen")
    assert oc.pull("seen") == 3


def test_a_classdef_object(oc: Oct2Py, tmp_path: Path) -> None:
    tmp_path.joinpath("Counter.m").write_text(
        "classdef Counter\n  properties\n    count = 0\n  end\n  methods\n"
        "    function o = Counter (n)\n      o.count = n;\n    end\n"
        "    function o = add (o, n)\n      o.count = o.count + n;\n    end\n  end\nend\n"
    )
    oc.addpath(str(tmp_path))
    counter = oc.Counter(3)
    assert type(counter).__name__ == "Counter"
    assert counter.add(4).count == 7
    counter.count = 10
    assert counter.count == 10
    oc.push("record", {"inner": [counter, 1]})
    assert oc.eval("record.inner{1}.count") == 10
    assert oc.pull("record").inner[0, 0].count == 10


def test_sessions_in_threads_are_separate(oc: Oct2Py) -> None:
    """And one session can be used by several threads: calls are queued."""
    found: dict[int, float] = {}

    def work(number: int) -> None:
        found[number] = oc.feval("plus", float(number), 1.0)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {n: n + 1.0 for n in range(8)}


def test_a_large_array_is_exact_and_may_be_written(oc: Oct2Py) -> None:
    array = np.random.default_rng(3).normal(size=(500, 400))
    oc.push("big", array)
    back = oc.pull("big")
    assert np.array_equal(back, array)
    back[0, 0] = 1
    assert oc.eval("big(1, 1);") == array[0, 0]


def test_settings_are_attributes_too() -> None:
    """As oct2py's documentation says of the time limit, and as its versions before 6 had them."""
    with Oct2Py() as session:
        session.timeout = 0.3
        assert session.settings.timeout == 0.3
        with pytest.raises(Oct2PyError, match="Timed out"):
            session.pause(20)
        session.convert_to_float = False
        session.oned_as = "column"
        session.push("x", np.arange(3))
        assert session.feval("class", session.get_pointer("x")) == "int64"
        assert session.pull("x").shape == (3, 1)


def test_quiet_does_not_fetch(oc: Oct2Py) -> None:
    """So that a value that cannot travel is no error."""
    assert oc.eval("containers.Map (1, 2);", quiet=True) is None
    assert oc.feval("containers.Map", 1, 2, quiet=True) is None
    assert oc.feval("evalin", "base", "5;", nout=0) is None
    assert oc.eval(["x = 3;", "x + 1;", "y = 1;"]) == 4


def test_names_that_are_methods_too(oc: Oct2Py) -> None:
    """An underscore at the end means Octave's function."""
    assert oc.eval_("a = 4;") == 4
    assert oc.workspace["a"] == 4


def test_toolkits(oc: Oct2Py, tmp_path: Path) -> None:
    assert "gnuplot" in oc.available_graphics_toolkits()
    oc.eval("plot (1:3)", plot_backend="gnuplot", plot_dir=str(tmp_path), plot_format="png", nout=0)
    (figure,) = oc.extract_figures(str(tmp_path), remove=True)
    assert figure.data[:4] == b"\x89PNG"
    assert not tmp_path.exists()
    with pytest.raises(Oct2PyError, match="no_such_toolkit"):
        oc.eval("plot (1:3)", plot_backend="no_such_toolkit", plot_dir=str(tmp_path))
    with pytest.raises(Oct2PyError, match="does not exist"):
        oc.eval("plot (1:3)", plot_dir=str(tmp_path))
    with pytest.raises(Oct2PyError, match="unknown device"):
        oc.eval("plot (1:3)", plot_dir=str(oc.settings.temp_dir), plot_format="no_such")
    oc.eval("close all")


def test_structs_and_their_copies() -> None:
    """Fields that Python asks for by itself are not made."""
    struct = Struct(a=1)
    assert not hasattr(struct, "__array__")
    assert not hasattr(struct, "_repr_html_")
    assert pickle.loads(pickle.dumps(struct)) == {"a": 1}
    del struct.a
    with pytest.raises(AttributeError):
        del struct.a
    with pytest.raises(TypeError, match="named fields, not of list"):
        StructArray([1])


def test_start_of_octave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command with arguments, options of Octave, and ~/.octaverc."""
    monkeypatch.setenv("HOME", str(tmp_path))
    tmp_path.joinpath(".octaverc").write_text("from_rc = 7; disp ('not shown')\n")
    folder = tmp_path / "own folder"
    folder.mkdir()
    with Oct2Py(
        executable="env FACE_MARK=here octave-cli", extra_cli_options=f"--path '{folder}'"
    ) as session:
        assert session.getenv("FACE_MARK") == "here"
        assert str(folder) in session.path()
        assert session.pull("from_rc") == 7
        with pytest.raises(Oct2PyError, match="Session died"):
            session.eval("exit")
        assert session.pull("from_rc") == 7
    with (
        Oct2Py(Oct2PySettings(load_octaverc=False)) as session,
        pytest.raises(Oct2PyError, match="undefined"),
    ):
        session.pull("from_rc")


def test_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a process nor a file, whether a session is ended or forgotten."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = {child.pid for child in psutil.Process().children()}
    ended, forgotten = Oct2Py(), Oct2Py()
    for session in (ended, forgotten):
        session.plot([1, 2])
        session.sin(1.0)
        session.eval("x = {1, @sin};")
    assert len({child.pid for child in psutil.Process().children()} - before) == 2
    ended.exit()
    del session, forgotten
    end = time.monotonic() + 30  # what was forgotten ends in a thread of its own
    while {child.pid for child in psutil.Process().children()} - before or list(tmp_path.iterdir()):
        assert time.monotonic() < end
        time.sleep(0.01)
    with pytest.raises(Oct2PyError, match="not open"):
        ended.eval("1")
    ended.exit()  # again: nothing happens
