"""Scripts that say `import matlab.engine`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]

MODULE = ("-m", "arcuate.compat")


def test_installed_by_name(python: Run) -> None:
    done = python(
        "import arcuate.compat\n"
        "arcuate.compat.install_as_matlab()\n"
        "arcuate.compat.install_as_matlab()\n"
        "import matlab.engine\n"
        "import matlab\n"
        "from matlab.engine import MatlabExecutionError, FutureResult\n"
        "from matlab import double\n"
        "assert matlab.engine is __import__('arcuate.compat.matlab.engine', fromlist=['x'])\n"
        "with matlab.engine.start_matlab() as eng:\n"
        "    print(eng.sum(matlab.double([1, 2, 3])), isinstance(eng.eval('[1 2]'), double))\n"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "6.0 True\n", "")


def test_it_refuses_beside_another_matlab(python: Run, tmp_path: Path) -> None:
    (tmp_path / "matlab").mkdir()
    (tmp_path / "matlab" / "__init__.py").write_text("genuine = True\n")
    done = python(
        "import matlab, arcuate.compat\n"
        "from arcuate.errors import Unsupported\n"
        "try:\n"
        "    arcuate.compat.install_as_matlab()\n"
        "except Unsupported as error:\n"
        "    print(error)\n"
        "import matlab\n"
        "print(matlab.genuine)\n"
    )
    assert done.returncode == 0, done.stderr
    assert "another package 'matlab' is imported already" in done.stdout
    assert done.stdout.endswith("True\n")


def test_nothing_is_installed_unasked(python: Run) -> None:
    done = python(
        "import sys, arcuate.compat.matlab.engine\nprint('matlab' in sys.modules, 'pandas' in sys.modules)\n"
    )
    assert done.stdout == "False False\n"


def test_a_script_runs_unchanged(python: Run, tmp_path: Path) -> None:
    (tmp_path / "beside.py").write_text("NAME = 'beside'\n")
    done = python(
        "import sys\nimport matlab.engine\nimport matlab\nimport beside\n"
        "eng = matlab.engine.start_matlab()\n"
        "print(eng.sqrt(float(sys.argv[1])), sys.argv[1:], __name__, beside.NAME, __file__ == sys.argv[0])\n"
        "eng.quit()\n"
        "class Kept:\n    pass\n"
        "import pickle\n"
        "print(type(pickle.loads(pickle.dumps(Kept()))) is Kept)\n",
        "16",
        "--flag",
        command=MODULE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4.0 ['16', '--flag'] __main__ beside True\nTrue\n"


@pytest.mark.parametrize(
    "code",
    [
        "import sys\nsys.exit(3)\n",
        "import sys\nsys.exit('a message')\n",
        "def f():\n    return 1 / 0\n\nf()\n",
        "x = (\n",
        "raise KeyboardInterrupt\n",
        "import os\nos._exit(7)\n",
        "import atexit\natexit.register(print, 'at exit')\nraise RuntimeError('é') from KeyError('x')\n",
        "import sys\nsys.excepthook = lambda *a: print('hook', a[0].__name__)\nraise RuntimeError('x')\n",
    ],
)
def test_status_and_traceback_are_pythons_own(python: Run, code: str) -> None:
    ours, theirs = python(code, command=MODULE), python(code)
    assert ours.returncode == theirs.returncode
    assert ours.stdout == theirs.stdout
    assert ours.stderr == theirs.stderr


def test_what_cannot_be_run(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "arcuate.compat", *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    assert run().returncode == 2
    assert "usage" in run().stderr
    missing = run(str(tmp_path / "missing.py"))
    plain = subprocess.run(
        [sys.executable, str(tmp_path / "missing.py")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert missing.returncode == plain.returncode == 2
    assert missing.stderr.partition(": ")[2] == plain.stderr.partition(": ")[2]
    assert run("-x").returncode == 2
    assert run("--help").stdout.startswith("usage")
