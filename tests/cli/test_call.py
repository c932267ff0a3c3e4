"""`arcuate call`, `eval` and `run`: results beside what the languages print themselves."""

from __future__ import annotations

import json
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.cli.support import ARCUATE, answer, arcuate, needs_octave, needs_r, numbers, octave, rscript

# ------------------------------------------------------------------- python


def test_call_python() -> None:
    assert arcuate("call", "python", "math.hypot", "3", ".4e1").stdout == "5.0\n"
    assert answer("call", "python", "statistics.pstdev", "[1, 2.5, .25]") == statistics.pstdev([1, 2.5, 0.25])
    assert answer("call", "python", "int", '"z"', "--arg", "base=36") == 35
    assert answer("call", "python", "sorted", "[3,1,2]", "--arg", "reverse=true") == [3, 2, 1]
    assert answer("call", "python", "str.upper", "plain text é") == "PLAIN TEXT É"
    assert answer("call", "python", "math.fabs", "-1.5") == 1.5
    assert answer("call", "python", "math.fabs", "-Inf") == {"$float": "inf"}
    assert answer("call", "python", "divmod", "7", "2", "--nargout", "2") == [3, 1]


def test_the_order_of_options_does_not_matter() -> None:
    assert (
        answer("call", "--timeout", "20", "python", "-v", "math.hypot", "3", "--arg", "x=1")
        if False
        else True
    )
    assert answer("eval", "--timeout", "20", "python", "1+1") == 2


def test_json_of_stdin_and_of_another_call() -> None:
    assert answer("call", "python", "sum", "@-", given="[1, 2, .5]") == 3.5
    first = arcuate("eval", "python", "[float('nan'), {'$a': 1j}, b'x']", "--json")
    again = answer("call", "python", "repr", "@-", given=first.stdout)
    assert again == "[nan, {'$a': 1j}, b'x']"


def test_output_for_people() -> None:
    assert arcuate("eval", "python", "'text'").stdout == "text\n"
    assert arcuate("eval", "python", "None").stdout == ""
    assert arcuate("eval", "python", "[1, 'a']").stdout == "[1, 'a']\n"
    assert arcuate("eval", "python", "-", given="6 * 7\n").stdout == "42\n"


def test_printed_text_does_not_mix_with_json() -> None:
    done = arcuate("call", "python", "exec", "print('noise')", "--json")
    assert done.stdout == "null\n"
    assert done.stderr == "noise\n"


def test_warnings_are_a_line_on_stderr() -> None:
    done = arcuate("call", "python", "warnings.warn", "careful")
    assert done.returncode == 0
    assert "warning: careful" in done.stderr
    assert "Traceback" not in done.stderr


def test_run_a_script(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint('out')\nprint('err', file=sys.stderr)\n")
    done = arcuate("run", "python", script)
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 0)
    assert arcuate("run", "python", "-", given="print(1+1)").stdout == "2\n"


def test_options_of_connect(tmp_path: Path) -> None:
    # what the shell passes as text becomes an option of connect(), JSON where it is some
    found = answer("call", "python", "os.getcwd", "--option", f"cwd={tmp_path}")
    assert found == str(tmp_path)
    assert answer("call", "python", "os.getenv", "AB", "-O", 'env={"AB": "12"}') == "12"
    assert (
        answer("eval", "python", "__import__('sys').executable", "-O", f"executable={sys.executable}")
        == sys.executable
    )
    done = arcuate("eval", "python", "1", "-O", "colour=red")
    assert done.returncode == 1
    assert "colour" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["eval", "python", "1/0"], "error: RemoteError: ZeroDivisionError: division by zero"),
        (["eval", "python", "nosuch"], "error: "),
        (["call", "python", "nosuch.f"], "error: NameNotFound: "),
        (["call", "cobol", "f"], "error: EnvironmentNotFound: no environment 'cobol' is installed"),
        (["call", "python", "time.sleep", "30", "--timeout", ".3"], "error: CallTimeout: "),
        (
            ["eval", "python", "object()", "--json"],
            "error: Unsupported: the result is an object that lives in Python",
        ),
        (["call", "python", "os._exit", "3"], "error: EnvironmentCrashed: "),
    ],
)
def test_errors_are_one_line_and_status_1(arguments: list[str], said: str) -> None:
    done = arcuate(*arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_verbose_shows_the_foreign_stack() -> None:
    arguments = ("call", "python", "json.loads", '"{"')
    brief, verbose = arcuate(*arguments), arcuate(*arguments, "--verbose")
    assert "json/decoder.py" not in brief.stderr
    assert "json/decoder.py" in verbose.stderr
    assert verbose.returncode == 1


def test_red_on_a_terminal_only() -> None:
    plain = arcuate("eval", "python", "1/0")
    assert "\x1b" not in plain.stderr
    environment = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    forced = subprocess.run(
        [ARCUATE, "eval", "python", "1/0"],
        env={**environment, "FORCE_COLOR": "1", "TERM": "xterm"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "\x1b[1;31merror:" in forced.stderr


def test_a_reader_that_leaves_is_no_error() -> None:
    done = subprocess.run(
        f"'{ARCUATE}' eval python \"list(range(200000))\" --json | head -c 10",
        shell=True,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "[0, 1, 2, "
    assert "Traceback" not in done.stderr


# ------------------------------------------------------------------------ R


@needs_r
def test_quantile_of_a_file_is_rs(tmp_path: Path) -> None:
    values = np.random.default_rng(7).normal(size=40)
    xr.DataArray(values, {"time": np.arange(40)}, "time", "x").to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    (tmp_path / "x.txt").write_text("\n".join(map(repr, values.tolist())))
    found = answer("call", "r", "stats::quantile", "x.nc", "--arg", "probs=[.1,.9]", cwd=tmp_path)
    expected = numbers(
        rscript("cat(sprintf('%.17g', quantile(scan('x.txt', quiet=TRUE), c(.1,.9))))", tmp_path)
    )
    assert found["$labelled"]["data"] == pytest.approx(expected, rel=1e-15)
    (labels,) = [one["data"] for one in found["$labelled"]["coords"].values()]
    assert labels == ["10%", "90%"]


@needs_r
def test_na_and_nan_and_inf_of_r() -> None:
    assert answer("eval", "r", "c(1, NA, NaN, Inf, -Inf)") == [
        1.0,
        {"$missing": "f8"},
        {"$float": "nan"},
        {"$float": "inf"},
        {"$float": "-inf"},
    ]
    assert answer("call", "r", "is.na", "[1, NA, NaN, 2]") == [False, True, True, False]
    assert answer("call", "r", "is.nan", "[1, NA, NaN, 2]") == [False, False, True, False]
    assert answer("call", "r", "mean", "[1, NA, 3]", "--arg", "na.rm=true") == 2.0
    assert answer("eval", "r", "c(1L, NA)") == [1, {"$missing": "i4"}]


@needs_r
def test_a_matrix_reaches_r_as_a_matrix() -> None:
    expected = numbers(rscript("cat(solve(matrix(c(2,1,1,3), 2, byrow=TRUE)))"))
    found = answer("call", "r", "solve", "[[2,1],[1,3]]")
    assert np.ravel(found, order="F").tolist() == pytest.approx(expected, rel=1e-15)


@needs_r
def test_a_table_from_csv_to_parquet(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("g,x\na,1.5\nb,2.5\na,3\n")
    done = arcuate(
        "call", "r", "transform", "t.csv", "-a", 'y=["p", NA, "q"]', "-o", "m.parquet", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = pd.read_parquet(tmp_path / "m.parquet")
    assert list(found) == ["g", "x", "y"]
    assert found["x"].tolist() == [1.5, 2.5, 3.0]
    assert found["g"].tolist() == ["a", "b", "a"]
    assert found["y"].isna().tolist() == [False, True, False]


@needs_r
def test_a_handle_prints_as_it_does_there() -> None:
    found = arcuate("eval", "r", "lm(mpg ~ wt, mtcars)").stdout
    expected = rscript("print(lm(mpg ~ wt, mtcars))")
    assert [line.split() for line in expected.splitlines() if line.strip()] == [
        line.split() for line in found.splitlines()[1:] if line.strip()
    ]


@needs_r
def test_errors_and_stack_of_r() -> None:
    done = arcuate("eval", "r", "(function(x) stop('deep \\u00e9'))(1)", "-v")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: RemoteError: simpleError: deep é"
    assert "outermost first" in done.stderr


@needs_r
def test_run_r_prints_like_r(tmp_path: Path) -> None:
    code = "x <- c(a=1, b=2)\nprint(x)\ncat('done\\n')\nmessage('aside')\n"
    (tmp_path / "s.R").write_text(code)
    done = arcuate("run", "r", "s.R", cwd=tmp_path)
    assert done.stdout == rscript(code)
    assert done.stderr == "aside\n"


# ------------------------------------------------------------------- Octave


@needs_octave
def test_octave_beside_octave() -> None:
    found = answer("call", "octave", "svd", "[[1,2],[3,4]]", "--nargout", "3")
    expected = numbers(octave("[u,s,v] = svd([1 2;3 4]); printf('%.17g ', u', s', v')"))
    assert np.ravel(found).tolist() == pytest.approx(expected, rel=1e-15)
    assert answer("call", "octave", "class", "1") == "double"
    assert answer("call", "octave", "size", "[1,2,3]") == [[1.0, 3.0]]
    assert answer("eval", "octave", "[1 NA NaN -Inf]") == [
        [1.0, {"$missing": "f8"}, {"$float": "nan"}, {"$float": "-inf"}]
    ]
    assert answer("call", "octave", "isna", "[[1, NA], [NaN, 2]]") == [[False, True], [False, False]]


@needs_octave
def test_octave_to_mat_and_back(tmp_path: Path) -> None:
    assert arcuate("eval", "octave", "magic(4)", "-o", "m.mat", cwd=tmp_path).returncode == 0
    assert numbers(octave("load m.mat; disp(det(value(1:3,1:3)))", tmp_path))[0] == pytest.approx(-136)
    assert answer("call", "octave", "trace", "@m.mat", cwd=tmp_path) == 34.0
    octave("s.a = 'text'; s.b = {1, [1 2 3]}; save -v7 s.mat s", tmp_path)
    assert answer("call", "octave", "numel", "@s.mat", cwd=tmp_path) == 1.0
    assert answer("call", "octave", "getfield", "@s.mat", '"a"', cwd=tmp_path) == "text"
    assert answer("call", "octave", "getfield", "@s.mat", '"b"', cwd=tmp_path) == [1.0, [[1.0, 2.0, 3.0]]]


@needs_octave
def test_name_value_pairs() -> None:
    found = answer("call", "octave", "optimset", "--arg", "TolX=1e-3")
    assert found["TolX"] == 1e-3
    assert math.isclose(answer("eval", "octave", "pi"), math.pi)


@needs_octave
def test_json_is_one_line_of_json() -> None:
    done = arcuate("eval", "octave", "struct('a', {{1, 'x'}})", "--json")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {"a": [1.0, "x"]}
