"""The R session: conditions, output, input, callbacks, figures, help, handles, start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from arcuate.client import Remote, connect
from arcuate.errors import (
    ArcuateError,
    EnvironmentCrashed,
    EnvironmentNotFound,
    InvalidArgument,
    NameNotFound,
    RemoteError,
)


def test_error_carries_condition_class_message_and_stack(r):
    r.run("""
    deep <- function(x, data) {
      x
      stop(structure(class = c("myError", "error", "condition"),
        list(message = "no \\u00e9", call = sys.call())))
    }
    outer <- function(...) deep(...)
    """)
    with pytest.raises(RemoteError) as caught:
        r.call("outer", 1, data=pd.DataFrame({"a": np.zeros(1000)}))
    error = caught.value
    assert error.classes == ("myError", "error", "condition")
    assert error.message == "no é"
    assert [line.split("(")[0] for line in error.stack[:2]] == ["outer", "deep"]
    assert all(len(line) < 150 for line in error.stack)


def test_error_in_a_call_shows_the_large_argument_by_name(r):
    fit = r.call("lm", "mpg ~ wt", data=r.eval("mtcars"), keep=True)
    assert isinstance(fit, Remote)
    shown = str(fit)
    assert "lm(formula" in shown
    assert len(shown) < 400
    assert r.call("predict", fit, pd.DataFrame({"wt": [3.0]})) is not None


def test_a_function_that_keeps_its_argument_unevaluated(r):
    r.run("later <- function(x) function() x")
    f = r.call("later", np.arange(100.0))
    assert list(f()) == list(np.arange(100.0))


def test_a_progress_bar_prints_as_in_r_and_tells_the_caller():
    code = """
    p <- txtProgressBar(max = 500, style = 3, width = 20)
    for (k in 1:500) setTxtProgressBar(p, k)
    print(c(getTxtProgressBar(p), setTxtProgressBar(p, 100)))
    close(p)
    """
    command = ["Rscript", "--vanilla", "-e", code]
    beside = subprocess.run(command, capture_output=True, check=True).stdout.decode()
    events, said = [], []
    with connect("r", on_event=events.append, on_output=lambda _, text: said.append(text)) as session:
        session.run(code)
    assert "".join(said) == beside
    told = [one["fraction"] for one in events]
    assert told == [percent / 100 for percent in range(1, 101)] + [0.2]


def test_the_workspace_is_the_caller(r):
    r.call("assign", "assigned", pd.DataFrame({"a": [1.0] * 20}))
    assert "assigned" in r
    assert list(r.eval("search()")).count("arcuate:arguments") == 1
    assert r.eval("length(ls('arcuate:arguments', all.names = TRUE))") == 0


@pytest.mark.parametrize("code", ["no_such(1)", "no_such", "library(nosuchpackage)", "nosuchpackage::f(1)"])
def test_names_that_do_not_exist(r, code):
    with pytest.raises(NameNotFound):
        r.eval(code)


def test_a_missing_name_inside_a_function_is_that_function_s_error(r):
    r.run("inside <- function() no_such_thing + 1")
    with pytest.raises(RemoteError, match="no_such_thing"):
        r.call("inside")


def test_deep_recursion_is_an_error(r):
    r.run("down <- function(n) down(n + 1)")
    with pytest.raises(RemoteError):
        r.call("down", 1)
    assert r.eval("1 + 1") == 2


def test_warnings_and_messages_are_events_and_the_call_goes_on(r):
    with pytest.warns(match="odd"):
        assert r.eval("{ warning('odd'); 5 }") == 5
    assert r.eval("tryCatch(warning('w'), warning = function(w) 'mine')") == "mine"
    assert r.eval("suppressWarnings(as.numeric('x'))") is not None


@pytest.mark.parametrize(
    "code",
    [
        "readline('? ')",
        "readLines(stdin())",
        "scan()",
        "browser()",
        "menu('a')",
        "tryCatch(readline(), error = function(e) stop('again: ', conditionMessage(e)))",
    ],
)
def test_input_is_refused(r, code):
    with pytest.raises(RemoteError, match="nobody can"):
        r.eval(code)
    r.eval("readLines(textConnection('a'))")
    assert r.eval("scan(text = '1 2', quiet = TRUE)").tolist() == [1.0, 2.0]


def test_quit_says_so():
    with connect("r") as session, pytest.raises(EnvironmentCrashed, match=r"quit\(\) with status 4"):
        session.run("quit(status = 4)")


def test_callbacks(r):
    assert r.call("sapply", [1.0, 2.0, 3.0], lambda x: x * 2).tolist() == [2.0, 4.0, 6.0]
    assert r.call("optimize", lambda x: (x - 2) ** 2, [0.0, 5.0])["minimum"] == pytest.approx(2, abs=1e-3)
    assert r.call("integrate", lambda x: np.exp(-x), 0, 1)  # a fit-like object stays there
    r.run("call_named <- function(f) f(1, b = 2)")
    assert r.call("call_named", lambda a, b: a + 10 * b) == 21

    def fails(_):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        r.call("sapply", [1.0], fails)
    assert r.call("try", r.eval("quote(1)")) is not None
    r.run("guarded <- function(f) tryCatch(f(1), KeyError = function(e) conditionMessage(e))")
    assert "mine" in r.call("guarded", fails)


def test_callbacks_nested_to_depth_50(r):
    r.run("nest <- function(f, n) f(n)")

    def down(n):
        return 0 if n == 0 else 1 + r.call("nest", down, int(n) - 1)

    assert r.call("nest", down, 49) == 49
    with pytest.raises(ArcuateError, match="50"):
        r.call("nest", down, 60)
    assert r.eval("1 + 1") == 2


def test_a_python_function_comes_back_as_itself(r):
    def own(x):
        return x

    assert r.call("id", own) is own


def test_functions_named_like_those_that_the_worker_needs(r):
    r.run("quote <- new.env <- function(...) stop('mine')")
    try:
        assert r.eval("function(x) x + 1", keep=True)(1.0) == 2.0
        assert r.call("sapply", 3.0, lambda x: 2.0 * x) == 6.0
        with pytest.raises(RemoteError, match="mine"):
            r.call("quote", 1)
    finally:
        r.run("rm(quote, new.env)")


def test_figures():
    seen = []
    with connect(
        "r",
        figures="svg",
        on_event=lambda event: seen.append((event["mime"], bytes(event["data"]))),
    ) as session:
        session.run("plot(1:3); plot(3:1)")
        session.run("x <- 1")
        assert [mime for mime, _ in seen] == ["image/svg+xml"] * 2
        assert all(b"<svg" in data for _, data in seen)
        assert session.eval("length(list.files(pattern = 'Rplots'))") == 0
        assert session.eval("length(list.files(tempdir()))") == 0


def test_options(tmp_path):
    with pytest.raises(InvalidArgument, match="figures"):
        connect("r", figures="image/tiff")
    with pytest.raises(EnvironmentNotFound, match="home"):
        connect("r", home=str(tmp_path))
    with connect(
        "r", lib=str(tmp_path), packages=["stats4"], cwd=str(tmp_path), env={"ARCUATE_X": "é"}
    ) as session:
        assert os.path.samefile(session.eval(".libPaths()[1]"), tmp_path)
        assert "package:stats4" in list(session.eval("search()"))
        assert session.eval("Sys.getenv('ARCUATE_X')") == "é"
        assert os.path.samefile(session.eval("getwd()"), tmp_path)
        assert list(session) == []
    with pytest.raises(ArcuateError, match="nosuchpackage"):
        connect("r", packages=["nosuchpackage"])


def test_temporary_directory_goes_with_the_process():
    with connect("r") as session:
        place = session.eval("tempdir()")
        assert os.path.isdir(place)
    assert not os.path.exists(place)


def test_it_goes_with_a_session_that_does_not_begin(tmp_path):
    with pytest.raises(ArcuateError, match="nosuchpackage"):
        connect("r", packages=["nosuchpackage"], env={"TMPDIR": str(tmp_path)})
    assert list(tmp_path.iterdir()) == []


def test_it_goes_with_a_process_that_is_killed(tmp_path):
    """What R itself cannot remove any more the host does, and nothing else that it finds in the place."""
    with connect("r", env={"TMPDIR": str(tmp_path)}) as session:
        place = session.eval("tempdir()")
        assert os.path.dirname(place) == str(tmp_path)
        session.run(
            "writeLines('x', file.path(tempdir(), 'x')); file.symlink('/etc', file.path(tempdir(), 'l'))"
        )
        other = tmp_path / "RtmpOther1"
        other.mkdir(mode=0o700)
        os.kill(session.info["pid"], signal.SIGKILL)
        with pytest.raises(EnvironmentCrashed):
            session.eval("1")
        assert list(tmp_path.iterdir()) == [other]
        assert os.path.isdir("/etc")
        assert session.eval("2") == 2
    assert list(tmp_path.iterdir()) == [other]


def test_a_parent_that_is_killed_takes_r_and_its_files_with_it(tmp_path):
    code = (
        "from arcuate.client import connect; import sys, time; r = connect('r');"
        "print(int(r.eval('Sys.getpid()')), r.eval('tempdir()'), flush=True); r.run('Sys.sleep(600)')"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        pid, place = parent.stdout.readline().split()
        fd = os.pidfd_open(int(pid))
        parent.send_signal(signal.SIGKILL)
        parent.wait(10)
        import select

        assert select.select([fd], [], [], 20)[0], "R is still there"
        os.close(fd)
        assert not os.path.exists(place)
    finally:
        parent.kill()
        parent.wait()
        if parent.stdout is not None:
            parent.stdout.close()


def test_elements_of_objects(r):
    gen = r.eval(
        "R6::R6Class('P', public = list(n = 1, add = function(k = 1) "
        "{ self$n <- self$n + k; invisible(self) }))$new()"
    )
    assert gen.n == 1
    gen.add(4)
    assert gen.n == 5
    gen.n = 7
    assert r.call("get", "n", gen) == 7
    r.run("setClass('S', representation(v = 'numeric'))")
    s = r.call("new", "S", v=3.5)
    assert s.v == 3.5
    assert r.eval("list(a.b = 3)", keep=True).a_b == 3
    with pytest.raises(AttributeError):
        _ = s.nothing


def test_help(r):
    doc = r.describe("stats::quantile")
    assert doc["kind"] == "function"
    assert "Sample Quantiles" in doc["doc"]
    assert [p["name"] for p in doc["parameters"]] == ["x", "..."]
    assert r.describe("t_test")["name"] == "t.test"
    assert r.describe("no_such_thing_at_all")["kind"] == ""
    assert r.describe("stats")["kind"] == "package"
    assert "quantile" in r.names("stats", "quant")
