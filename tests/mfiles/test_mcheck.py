"""`arcuate mcheck`: planted faults are found where they are, code that runs is clean, and nothing is run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.support import arcuate, shell
from tests.mfiles.conftest import PROJECT, write

from arcuate.errors import ArcuateError, InvalidArgument
from arcuate.octave import OctaveEnvironment
from arcuate.octave.mfiles.check import Finding, check

pytestmark = pytest.mark.skipif(shutil.which("octave-cli") is None, reason="octave: not installed")

CLEAN = {
    "quotes.m": "function y = quotes (x)\n  y = x'; z = [x' x']; s = 'it''s'; t = ['a' 'b'];\n"
    "  v = \"say \\\"x\\\" % no comment\"; w = {x', 'a'}; if x == 'a', y = s; end\nend\n",
    "comments.m": "function comments ()\n%{\ntable (1)\n%}\n#{\ntable (2)\n#}\n x = 1; % table (3)\nend\n",
    "commands.m": "function commands ()\n  hold on; close all\n  format long\n  warning off\nend\n",
    "continued.m": "function y = continued (a, ...  the first\n  b)\n  y = [a, ... table\n b];\nend\n",
    "variables.m": "function table = variables (string)\n  [contains, height(2)] = deal (1, 2);\n"
    "  datetime.x = 3; table = contains (1) + height (2) + string (1) + datetime.x (1);\nend\n",
    "lambdas.m": "function f = lambdas ()\n  f = @(strlength) strlength (1) + 1;\nend\n",
    "loops.m": "function loops ()\n  for table = 1:3, disp (table (1)), end\n  try\n x = 1;\n  catch string\n"
    "    disp (string (1));\n  end\nend\n",
    "guarded.m": "function y = guarded (x)\n  if (exist ('OCTAVE_VERSION', 'builtin'))\n    y = 1;\n  else\n"
    "    y = table (x);\n  end\nend\n",
    "tried.m": "function y = tried (x)\n  try\n    y = string (x);\n  catch\n    y = char (x);\n  end\nend\n",
    "asked.m": "function y = asked (x)\n  if exist ('strlength')\n    y = strlength (x);\n  end\nend\n",
    "setup.m": "1;\nfunction y = half (x)\n  y = x / 2;\nend\nwidth = half (4);\nheight (1) = width;\n",
    "loaded.m": "function y = loaded ()\n  load data.mat\n  y = width + 1;\nend\n",
    "maps.m": "function y = maps (m)\n  y = isKey (m, 'a') && numel (keys (m)) > 0;\nend\n",
    "shape.m": "classdef shape < handle\n  properties (SetAccess = private)\n    width = 1\n   table\n  end\n"
    "  methods\n    function obj = shape (w)\n      obj.width = w;\n    end\n    function a = area_of (obj)\n"
    "      a = obj.width ^ 2 + table;\n    end\n  end\n  methods (Static)\n    function y = unit ()\n"
    "      y = shape (1);\n    end\n  end\nend\n",
    "user.m": "function a = user ()\n  s = shape.unit (); a = area_of (s) + geo.distance (1, 2);\nend\n",
}
"""All of it runs in Octave, however much it looks like something else."""

FAULTS = {
    "operators.m": ("function y = operators (x)\n  y = 1 +* x;\nend\n", ("parse", 2, 10, "")),
    "unfinished.m": ("function y = unfinished (x)\n  if x\n    y = 1;\n", ("parse", 4, 0, "")),
    "kinds.m": ("classdef kinds\n  enumeration\n    Red, Green\n  end\nend\n", ("parse", 3, 8, "")),
    "checked.m": ("classdef checked\n  properties\n    x double = 0\n  end\nend\n", ("parse", 3, 12, "")),
    "copied.m": ("classdef copied < matlab.mixin.Copyable\nend\n", ("class", 1, 0, "")),
    "given.m": (
        "function y = given (x)\n  arguments\n    x (1,1) double = 1\n  end\n  y = x;\nend\n",
        ("syntax", 2, 3, ""),
    ),
    "brings.m": (
        "function y = brings ()\n  import geo.*\n  y = 1;\nend\n",
        ("syntax", 2, 3, "geo.*"),
    ),
    "late.m": ("x = half (4);\nfunction y = half (x)\n  y = x / 2;\nend\n", ("syntax", 1, 5, "half")),
    "tables.m": ("function t = tables (x)\n  t = table (x, x');\nend\n", ("missing", 2, 7, "table")),
    "texts.m": ("function y = texts (x)\n  y = contains(x, 'a');\nend\n", ("missing", 2, 7, "contains")),
    "filters.m": (
        "function y = filters (x)\n  [b, a] = ellip (3, 1, 40, .5);\n  y = 1;\nend\n",
        ("missing", 2, 12, "ellip"),
    ),
    "handles.m": ("function f = handles ()\n  f = @wordcloud;\nend\n", ("missing", 2, 8, "wordcloud")),
    "records.m": (
        "function y = records (s)\n  y = getfields (s, 'a');\nend\n",
        ("missing", 2, 7, "getfields"),
    ),
}


def errors(folder: Path, **options: object) -> list[Finding]:
    return [one for one in check(str(folder), **options).findings if one.level == "error"]  # type: ignore[arg-type]


def test_code_that_runs_is_clean(tmp_path: Path) -> None:
    report = check(str(write(tmp_path, {**PROJECT, **CLEAN})))
    assert [one for one in report.findings if one.level != "note"] == []
    assert (
        report.clean == report.files == len(PROJECT) - 1 + len(CLEAN)
    )  # a folder with a dot is not looked at
    assert {one.name for one in report.findings} == {"table", "string", "strlength"}


def test_each_planted_fault_is_found_where_it_is(tmp_path: Path) -> None:
    faults = {name: source for name, (source, _) in FAULTS.items()}
    report = check(str(write(tmp_path, {**CLEAN, **faults})))
    found = {
        one.file: (one.kind, one.line, one.column, one.name)
        for one in report.findings
        if one.level == "error"
    }
    assert found == {name: expected for name, (_, expected) in FAULTS.items()}
    assert report.clean == len(CLEAN)


@pytest.mark.parametrize("name", [name for name, (_, expected) in FAULTS.items() if expected[0] == "parse"])
def test_parse_errors_are_where_octave_has_them(name: str, tmp_path: Path) -> None:
    """Octave itself, run on the file by a user."""
    write(tmp_path, {name: FAULTS[name][0]})
    command = ["octave-cli", "--norc", "--quiet", "--eval", f"{name[:-2]} (1)"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    said = re.search(r"near line (\d+)", done.stderr)
    assert done.returncode == 1
    assert said
    assert [one.line for one in errors(tmp_path)] == [int(said.group(1))]


def test_options_that_only_matlab_knows(tmp_path: Path, octave_says: Callable[..., str]) -> None:
    """What is reported really fails in this Octave, and what is not reported runs."""
    names = ("all", "any", "cumsum", "max", "mean", "median", "min", "mode", "prod", "std", "sum", "var")
    calls = ["round (1.25, 1)", "round (1.25)"]
    for name in names:
        empty = "[], " if name in ("max", "min") else ""
        calls += [f"{name} ([1 2; 3 4], {empty}'{option}')" for option in ("all", "omitnan")]
        calls += [f"{name} ([1 2])"]
    write(tmp_path, {f"f{number:02}.m": f"y = {call};\n" for number, call in enumerate(calls)})
    said = octave_says(" ".join(f"try, {call}; puts ('1'); catch, puts ('0'); end;" for call in calls))
    assert len(said) == len(calls)
    failing = [f"f{number:02}.m" for number, digit in enumerate(said) if digit == "0"]
    assert [one.file for one in errors(tmp_path)] == failing
    assert len(failing) > 10
    write(tmp_path, {f"{name}.m": f"function y = {name} (varargin)\n  y = 1;\nend\n" for name in names})
    assert [one.file for one in errors(tmp_path)] == ["f00.m"]


def test_what_runs_otherwise_is_a_warning(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "a.m": 'function y = a (x)\n  y = "abc" + x;\n  z = f(x, name=3);\n!ls\nend\nfunction f\nend\n',
            "b.m": "classdef b\n  properties\n    x (1,1) double = 0\n  end\nend\n",
            "c.m": "function c ()\n  nowhere_at_all (1);\nend\n",
        },
    )
    report = check(str(tmp_path))
    found = [(one.file, one.line, one.kind, one.name) for one in report.findings]
    assert {one.level for one in report.findings} == {"warning"}
    assert found == [
        ("a.m", 2, "syntax", "+"),
        ("a.m", 3, "syntax", "name"),
        ("a.m", 4, "syntax", "ls"),
        ("b.m", 0, "class", ""),
        ("c.m", 2, "unknown", "nowhere_at_all"),
    ]
    assert report.errors == 0


@pytest.mark.parametrize(
    ("part", "least"),
    [("general", 50), ("strings", 30), ("pkg", 20), pytest.param("", 800, marks=pytest.mark.soak)],
)
def test_octaves_own_code_is_clean(part: str, least: int, octave_says: Callable[..., str]) -> None:
    """Files that run, a thousand in the long version: no fault of syntax; what they miss is nowhere."""
    folder = octave_says(
        f"disp (fullfile (OCTAVE_HOME (), 'share', 'octave', OCTAVE_VERSION (), 'm', '{part}'))"
    ).strip()
    report = check(folder)
    assert report.files > least
    found = [one for one in report.findings if one.level != "note"]
    assert {one.kind for one in found} <= {"missing", "unknown"}
    names = ", ".join(f"'{one.name}'" for one in found)
    assert (
        octave_says(f"disp (any (cellfun (@(s) any (exist (s) == [2, 3, 5]), {{{names}}})))").strip() == "0"
    )
    assert len(found) <= 10


def test_packages_are_told(tmp_path: Path) -> None:
    write(tmp_path, {"records.m": FAULTS["records.m"][0], "filters.m": FAULTS["filters.m"][0]})
    found = {one.name: one for one in errors(tmp_path)}
    assert found["ellip"].package == "signal"
    assert found["getfields"].package == "struct"
    report = check(str(tmp_path))
    if not report.packages["struct"]:
        pytest.skip("octave: its package struct is not installed (Debian: octave-struct)")
    assert "packages=['struct']" in found["getfields"].message
    assert "getfields" not in {one.name for one in errors(tmp_path, packages=["struct"])}
    with pytest.raises(InvalidArgument, match="nosuch"):
        check(str(tmp_path), packages=["nosuch"])


def test_a_folder_beside_counts(tmp_path: Path) -> None:
    write(tmp_path, {"a/f.m": "function f ()\n  g (1);\nend\n", "b/c/g.m": "function g (x)\nend\n"})
    assert [one.name for one in check(str(tmp_path / "a")).findings] == ["g"]
    assert check(str(tmp_path / "a"), path=[f"{tmp_path}/b/**"]).findings == []


def test_a_folder_is_left_out(tmp_path: Path) -> None:
    write(tmp_path, {"a.m": "x = 1;\n", "old/b.m": "x = +;\n", "old/c.slx": "", "older/d.m": "x = +;\n"})
    assert [one.file for one in errors(tmp_path, exclude=["old"])] == ["older/d.m"]
    assert arcuate("mcheck", tmp_path, "--exclude", "old", "--exclude", "older").returncode == 0
    with pytest.raises(InvalidArgument, match="odl is no folder"):
        check(str(tmp_path), exclude=["odl"])


def test_nothing_is_run(tmp_path: Path) -> None:
    """Octave computes defaults and attributes of a class when it reads one, and runs PKG_ADD."""
    mark = tmp_path / "was-run"
    touch = f"system ('touch {mark}')"
    write(
        tmp_path,
        {
            "code/plain.m": f"classdef plain\n  properties\n    x = {touch}\n  end\n  properties (Constant)\n"
            f"    y = [{touch}, ...\n 2];\n  end\nend\n",
            "code/@inside/inside.m": f"classdef inside < plain\n  properties (Hidden = {touch})\n    x = 1\n"
            "  end\nend\n",
            "code/+pack/packed.m": f"classdef (Sealed = {touch}) packed < inside\nend\n",
            "code/script.m": f"{touch}\n",
            "code/defaults.m": f"function defaults (x = {touch})\nend\n",
            "code/PKG_ADD": f"{touch}\n",
            "code/fopen.m": f"function f = fopen (varargin)\n  {touch};\nend\n",
            "code/strsplit.m": f"function f = strsplit (varargin)\n  {touch};\nend\n",
        },
    )
    report = check(str(tmp_path / "code"))
    assert not mark.exists()
    assert [one for one in report.findings if one.level == "error"] == []


def test_a_default_that_is_wrong_is_found_in_its_column(tmp_path: Path) -> None:
    write(
        tmp_path,
        {"k.m": "classdef k\n  properties\n    a = 1 +* 2\n  end\nend\n", "@l/l.m": "classdef l\nx\nend\n"},
    )
    assert [(one.file, one.line, one.column) for one in errors(tmp_path)] == [
        ("@l/l.m", 2, 1),
        ("k.m", 3, 12),
    ]


def test_octave_that_dies_costs_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of processor time is enough for all files but the large one."""
    row = "1.25 2.5 3.75 -4.5 1e-3 " * 40
    write(
        tmp_path,
        {
            "code/a.m": "x = 1 +;\n",
            "code/big.m": f"x = [{(row + chr(10)) * 8_000}];\n",
            "code/c.m": "y = +;\n",
        },
    )
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -t 1\nexec {OctaveEnvironment().executable()} "$@"\n')
    limited.chmod(0o755)
    monkeypatch.setenv("OCTAVE_EXECUTABLE", str(limited))
    found = [(one.file, one.line) for one in errors(tmp_path / "code")]
    assert found == [("a.m", 1), ("big.m", 0), ("c.m", 1)]


def test_files_that_only_matlab_reads(tmp_path: Path) -> None:
    for name in ("f.m", "live.mlx", "hidden.p", "f.p", "fast.mexw64", "ours.mexa64", "ours.mex"):
        (tmp_path / name).write_bytes(b"f = 1;\n" if name.endswith(".m") else b"\0")
    assert [(one.file, one.kind) for one in errors(tmp_path)] == [
        ("fast.mexw64", "file"),
        ("hidden.p", "file"),
        ("live.mlx", "file"),
    ]


@pytest.mark.parametrize("name", ["none", "empty"])
def test_bad_folders(name: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArcuateError, match=r"is no folder|no m-files"):
        check(str(tmp_path / name))


def test_strange_names_and_bytes(tmp_path: Path) -> None:
    folder = tmp_path / 'it\'s a "folder"'
    write(folder, {"é.m": "x = 1;\n", "a b.m": "x = +;\n"})
    (folder / "latin.m").write_bytes(b"% caf\xe9\nx = '\xe9';\n")
    (folder / "windows.m").write_bytes(b"function y = windows (x)\r\n  y = 1 + ...\r\n    x;\r\nend\r\n")
    (folder / "bom.m").write_bytes(b"\xef\xbb\xbffunction y = bom ()\n  y = 1;\nend\n")
    assert [(one.file, one.line) for one in errors(folder)] == [("a b.m", 1)]


def test_the_command(tmp_path: Path) -> None:
    write(tmp_path, {name: source for name, (source, _) in FAULTS.items()})
    done = arcuate("mcheck", tmp_path)
    assert done.returncode == 1
    assert "operators.m:2:10" in done.stdout
    assert f"0 of {len(FAULTS)} files run on Octave" in done.stdout
    done = arcuate("mcheck", tmp_path, "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["files"] == answer["errors"] == len(FAULTS)
    assert {one["file"] for one in answer["findings"]} == set(FAULTS)
    for name in FAULTS:
        (tmp_path / name).unlink()
    write(tmp_path, CLEAN)
    done = arcuate("mcheck", tmp_path)
    assert done.returncode == 0
    assert f"{len(CLEAN)} of {len(CLEAN)} files run on Octave" in done.stdout
    assert "--notes" in done.stdout
    assert "strlength" in arcuate("mcheck", tmp_path, "--notes").stdout
    done = shell("mcheck", tmp_path / "none")
    assert done.returncode == 1
    assert "is no folder" in done.stderr


def test_hundreds_of_files_take_seconds(tmp_path: Path) -> None:
    write(
        tmp_path,
        {f"f{i}.m": f"function y = f{i} (x)\n  y = sin (x) + f{i - 1} (x);\nend\n" for i in range(1, 500)},
    )
    write(tmp_path, {"f0.m": "function y = f0 (x)\n  y = butter (x);\nend\n"})
    started = time.process_time()
    report = check(str(tmp_path))
    assert (report.files, report.errors) == (500, 1)
    assert time.process_time() - started < 5
