"""The command itself: start-up, version, help, usage errors, completion, a missing extra."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from importlib.metadata import entry_points, version

import pytest
from tests.cli.support import arcuate, shell

COMMANDS = {
    "bench", "call", "config", "convert", "copy", "demo", "doctor", "environments", "eval", "health",
    "matrix", "mcheck", "publish", "repl", "run", "serve", "stream", "subscribe", "token", "types", "wrap",
}  # fmt: skip
"""What the design promises, written down here and not read from the application."""


def test_version() -> None:
    done = shell("--version")
    assert done.stdout == f"arcuate {version('arcuate')}\n"
    assert done.returncode == 0


def test_help_lists_every_command_and_is_quick() -> None:
    took = []
    for _ in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = shell("--help")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert done.returncode == 0
    for name in COMMANDS:
        assert f" {name} " in done.stdout
    assert min(took) < 0.9  # processor time; 0.4 s on a machine that does nothing else


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['arcuate', '--help']\n"
        "from arcuate.cli import main\n"
        "try: main()\nexcept SystemExit: pass\n"
        "heavy = {'numpy', 'pandas', 'xarray', 'scipy', 'matplotlib', 'arcuate.client'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_of_each(command: str) -> None:
    done = arcuate(command, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert "Usage:" in done.stdout
    assert ("connector.NAME" in done.stdout) == ("Tables" in done.stdout)  # rich takes [...] for a style


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch"], "No such command"),
        (["call"], "Missing argument"),
        (["call", "python", "math.hypot", "--nonsense", "3"], "no option '--nonsense'"),
        (["call", "python", "math.hypot", "-q"], "no option '-q'"),
        (["call", "python", "math.hypot", "[1,"], "is no JSON"),
        (["call", "python", "f", "@nothere.nc"], "no file 'nothere.nc'"),
        (["call", "python", "f", "@x.zip"], "are not read"),
        (["call", "python", "f", "--arg", "x"], "key=value"),
        (["call", "python", "f", "--arg", "x=1", "--arg", "x=2"], "given twice"),
        (["eval", "python", "1", "-o", "x.zip"], "cannot write"),
        (["eval", "python", "1", "-o", "nowhere/x.json"], "no folder"),
        (["eval", "python", "1", "--timeout", "0"], "0"),
        (["run", "python", "nothere.py"], "no file"),
    ],
)
def test_usage_errors_have_status_2(arguments: list[str], said: str) -> None:
    done = arcuate(*arguments, COLUMNS="400")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_the_extra_it_says_what_to_type(tmp_path: object) -> None:
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('typer', 'rich'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from arcuate.cli import main\n"
        "main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "pip install 'arcuate[cli]'" in done.stderr
    assert done.stderr.count("\n") == 1


def complete(words: str, number: int) -> list[str]:
    done = subprocess.run(
        [os.path.join(os.path.dirname(sys.executable), "arcuate")],
        env={
            **os.environ,
            "_ARCUATE_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(number),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_completion_knows_the_environments() -> None:
    names = sorted({point.name for point in entry_points(group="arcuate.environments")})
    assert complete("arcuate call ", 2) == names
    assert complete("arcuate doctor py", 2) == ["python"]
    assert set(complete("arcuate ", 1)) == COMMANDS


def test_environments() -> None:
    import json

    done = arcuate("environments", "--json")
    found = {one["name"]: one for one in json.loads(done.stdout)}
    assert set(found) == {point.name for point in entry_points(group="arcuate.environments")}
    assert "executable" in found["python"]["options"]
    assert "executable" in arcuate("environments").stdout


def test_types_prints_every_row_of_the_table() -> None:
    import json

    from arcuate.values import table

    found = json.loads(arcuate("types", "--json").stdout)
    assert [one["value"] for one in found] == [row.name for row in table.rows()]
    by_name = {one["value"]: one for one in found}
    assert by_name["int beyond 2^53"]["environments"]["r"]["to"] == {"kind": "error", "detail": "bit64"}
    shown = arcuate("types", "r")
    assert shown.returncode == 0
    for row in table.rows():
        assert row.name.split()[0] in shown.stdout
    assert arcuate("types", "cobol").returncode == 1


def test_bench_needs_a_checkout(tmp_path: object) -> None:
    code = (
        "from arcuate.cli import benchmark\nfrom pathlib import Path\n"
        "benchmark._SCRIPT = Path('tests', 'bench', 'not-there.py')\n"
        "import sys; sys.argv = ['arcuate', 'bench']\n"
        "from arcuate.cli import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=str(tmp_path)
    )
    assert done.returncode == 1
    assert "make bench" in done.stderr
