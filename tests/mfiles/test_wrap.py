"""`arcuate wrap`: the package is typed, says what the m-files say, and calls the real Octave."""

from __future__ import annotations

import importlib
import inspect
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tests.cli.support import arcuate
from tests.mfiles.conftest import PROJECT, write

from arcuate.client import connect
from arcuate.errors import InvalidArgument
from arcuate.octave.mfiles import read
from arcuate.octave.mfiles.wrap import package

pytestmark = pytest.mark.skipif(shutil.which("octave-cli") is None, reason="octave: not installed")

FILES = {
    **PROJECT,
    "toolbox/lambda.m": "function y = lambda (in, from, ~, nargout)\n% LAMBDA  \"quoted\" \\d and '''.\n"
    "  y = [in, from, nargout];\nend\n",
    "toolbox/lambda_.m": "function y = lambda_ ()\n  y = 7;\nend\n",
    "toolbox/int.m": 'function y = int (x)\n% Ends with a quote "\n  y = round (x);\nend\n',
    "toolbox/none.m": "function none (x)\n  global seen; seen = x;\nend\n",
    "toolbox/many.m": "function [n, varargout] = many (first, varargin)\n"
    "% Copyright somebody\n\n% -*- texinfo -*-\n% @deftypefn {} {@var{n} =} many (@var{first}, @dots{})\n"
    "% Counts.\n% @end deftypefn\n  n = nargin; varargout = varargin;\nend\n",
    "toolbox/defaults.m": 'function y = defaults (a, b = [1, 2], c = "x,y")\n'
    "  y = numel (b) + numel (c) + a;\nend\n",
    "toolbox/asks.m": "function [n, o] = asks (a, b)\n  n = nargin; o = nargout;\nend\n",
    "toolbox/point.m": "classdef point\n% A point.\n  properties\n    x = 0\n  end\n  methods\n"
    "    function p = point (x)\n      p.x = x;\n    end\n  end\nend\n",
    "toolbox/not-a-name.m": "x = 1;\n",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with ``toolbox`` and the package ``tools``."""
    folder = write(tmp_path_factory.mktemp("wrapped"), FILES)
    done = arcuate("wrap", folder / "toolbox", "--out", folder / "tools", "--exclude", "tests")
    assert done.returncode == 0, done.stderr
    assert "not-a-name.m: Octave cannot call" in done.stderr
    assert "15 functions" in done.stdout
    return folder


@pytest.fixture(scope="module")
def tools(made: Path) -> Iterator[ModuleType]:
    """The package, imported."""
    sys.path.insert(0, str(made))
    try:
        yield importlib.import_module("tools")
        importlib.import_module("tools.arcuate_toolbox").toolbox.close()
    finally:
        sys.path.remove(str(made))
        for name in [one for one in sys.modules if one == "tools" or one.startswith("tools.")]:
            del sys.modules[name]


def test_calls(tools: Any) -> None:
    assert tools.disc(2.0) == pytest.approx(12.566370614359172)
    assert tools.lambda__(1.0, 2.0, 0.0, 3.0).tolist() == [[1.0, 2.0, 3.0]]
    assert tools.lambda_() == 7.0
    assert tools.int_(2.6) == 3.0
    assert tools.fit([1.0, 2.0], [1.0, 3.0], nargout=2) == pytest.approx((2.0, -1.0))
    assert tools.none(3.0) is None
    assert tools.many(1.0, 2.0, "three", nargout=3) == (3.0, 2.0, "three")
    assert tools.many(1.0, size=4.0, nargout=1) == 3.0
    assert tools.many(1.0, nargout=0) is None
    assert tools.defaults(1.0) == 6.0
    assert tools.defaults(1.0, [3.0]) == 5.0
    assert tools.geo.distance([0.0, 3.0], [4.0, 0.0]) == 5.0
    assert tools.geo.sphere.arc(2.0, 0.5) == 1.0
    assert tools.point(4.0).x == 4.0
    with pytest.raises(InvalidArgument, match="argument 1 is left out"):
        tools.asks(b=1.0)
    with pytest.raises(TypeError):
        tools.disc()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_what_is_left_out_is_not_given(tools: Any, count: int) -> None:
    assert tools.asks(*[1.0] * count) == count
    assert tools.asks(*[1.0] * count, nargout=2) == (count, 2.0)
    assert tools.asks(**dict(zip("ab", [1.0] * count, strict=False))) == count


def test_scripts_leave_their_variables(tools: Any) -> None:
    assert tools.settings() is None
    session = importlib.import_module("tools.arcuate_toolbox").toolbox.session
    assert session["gravity"] == 9.81


def test_signatures_and_help(tools: Any) -> None:
    assert list(inspect.signature(tools.lambda__).parameters) == [
        "in_",
        "from_",
        "unused3",
        "nargout_",
        "nargout",
    ]
    assert inspect.getdoc(tools.lambda__) == (
        "LAMBDA  \"quoted\" \\d and '''.\n\nIn Octave: y = lambda (in, from, ~, nargout)"
    )
    assert inspect.getdoc(tools.many) == (
        "-- n = many (first, ...)\nCounts.\n\nIn Octave: [n, varargout] = many (first, varargin)"
    )
    assert 'b = [1, 2], c = "x,y"' in inspect.getdoc(tools.defaults)
    assert str(inspect.signature(tools.settings)) == "() -> 'None'"


def test_another_session(made: Path, tools: Any) -> None:
    toolbox = importlib.import_module("tools.arcuate_toolbox").toolbox
    with connect("octave", path=toolbox.path) as session:
        toolbox.use(session)
        tools.settings()
        assert session["gravity"] == 9.81
        toolbox.use(None)
    assert not toolbox.session.closed
    assert toolbox.path == [f"{made}/toolbox/**", f"!{made}/toolbox/tests"]


def test_it_is_typed(made: Path) -> None:
    """mypy --strict, on the package and on a program that uses it well and badly."""
    (made / "program.py").write_text(
        "import tools\nfrom tools.geo import sphere\n"
        "one: float = tools.asks(1)\ntools.none(1)\n"
        "reveal_type(tools.fit([1], [2], nargout=2))\nreveal_type(sphere.arc(1, 2))\n"
        "tools.disc()\ntools.nowhere()\ntools.fit(1, 2, nargout=3)\ntools.disc(1, 2)\n"
    )
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--cache-dir",
        str(made / "cache"),
        "program.py",
        "tools",
    ]
    done = subprocess.run(command, cwd=made, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith(("program", "tools"))]
    assert [line.split(":")[1] for line in lines if "error:" in line] == ["7", "8", "9", "10"]
    assert all(line.startswith("program.py") for line in lines)
    assert 'Revealed type is "tuple[Any, ...]"' in done.stdout.replace("builtins.", "")


def test_a_function_beside_a_package_of_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"m/geo.m": "function y = geo ()\nend\n", "m/+geo/f.m": "function y = f ()\nend\n"})
    made = package(str(tmp_path / "m"), str(tmp_path / "out"))
    assert "def geo_(" in made.files["__init__.py"]
    assert "from . import geo as geo" in made.files["__init__.py"]
    assert '"geo.f"' in made.files["geo/__init__.py"]


def test_the_same_twice_and_nothing_stale(made: Path, tmp_path: Path) -> None:
    write(tmp_path, FILES)
    shutil.copytree(made / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__"))
    before = contents(tmp_path / "tools")
    (tmp_path / "tools/old").mkdir()
    shutil.copy(tmp_path / "tools/geo/__init__.py", tmp_path / "tools/old/__init__.py")
    done = arcuate("wrap", tmp_path / "toolbox", "-o", "tools", "--exclude", "tests", cwd=tmp_path)
    assert done.returncode == 0
    assert contents(tmp_path / "tools") == before


def contents(folder: Path) -> dict[str, str]:
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["toolbox", "--out", "to-ols"], "cannot be the name of a Python package"),
        (["nowhere", "--out", "tools"], "is no folder"),
        (["toolbox", "--out", "own"], "did not write"),
        (["toolbox", "--out", "file"], "is a file"),
        (["own", "--out", "tools"], "no m-files"),
        (["toolbox", "--out", "tools", "--exclude", "tset"], "tset, which is no folder"),
    ],
)
def test_mistakes(arguments: list[str], message: str, tmp_path: Path) -> None:
    write(tmp_path, {**PROJECT, "own/__init__.py": "x = 1\n", "file": ""})
    done = arcuate("wrap", *arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert message in " ".join(done.stderr.split())
    assert (tmp_path / "own/__init__.py").read_text() == "x = 1\n"
    assert not (tmp_path / "tools").exists()


HELP = {
    "below.m": "function below ()\n%BELOW  One.\n%   Two  three.\n%\n%  Four.\n\n% no\n  x = 1;\nend\n",
    "above.m": "% Copyright Me\n%\n% Rights.\n\n%% ABOVE One\n%% Two\n\nfunction above ()\n x = 1;\nend\n",
    "octaves.m": "## Author: me\n\n## usage: octaves (x)\n##\n## One.\n\nfunction octaves ()\nendfunction\n",
    "block.m": "function block ()\n%{\nOne\nTwo\n%}\n  x = 1;\nend\n",
    "beside.m": "function y = beside (a, ... first\n b) % One\n  y = 1; % three\nend\n",
    "script_.m": "% SCRIPT_ One\n% Two\nx = 1;\n",
}


def test_help_texts_are_octaves(tmp_path: Path, octave_says: Callable[..., str]) -> None:
    """Octave's own ``get_help_text`` finds the same words."""
    write(tmp_path, HELP)
    for file in HELP:
        said = octave_says(f"puts (get_help_text ('{file[:-2]}'));", cwd=tmp_path)
        assert read(str(tmp_path / file)).help.split() == said.replace("%", " ").split(), file


def test_octaves_own_functions_are_written(tmp_path: Path, octave_says: Callable[..., str]) -> None:
    """Hundreds of real signatures compile."""
    home = octave_says("disp (fullfile (OCTAVE_HOME (), 'share', 'octave', OCTAVE_VERSION (), 'm'))").strip()
    made = package(home, str(tmp_path / "octm"))
    assert made.functions > 700
    for name, text in made.files.items():
        compile(text, name, "exec")
