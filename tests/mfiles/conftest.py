"""A project of m-files as people write them, and Octave itself beside Arcuate."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = {
    "toolbox/disc.m": "function a = disc (r)\n% DISC  Area of a circle.\n  a = pi * square_ (r);\nend\n",
    "toolbox/private/square_.m": "function y = square_ (x)\n  y = x .^ 2;\nend\n",
    "toolbox/settings.m": "% Constants of the project.\ngravity = 9.81;\nnames = {'a', 'b'};\n",
    "toolbox/linear/fit.m": "function [k, d] = fit (x, y)\n  [k,d] = num2cell (polyfit (x, y, 1)){:};\nend\n",
    "toolbox/tests/broken.m": "error ('must not run');\n",
    "toolbox/tests/data/deep.m": "error ('must not run');\n",
    "toolbox/+geo/distance.m": "function d = distance (a, b)\n%Distance of points.\n  d = norm (a-b);\nend\n",
    "toolbox/+geo/+sphere/arc.m": "function l = arc (r, t)\n  l = geo.sphere.check (r) * t;\nend\n",
    "toolbox/+geo/+sphere/check.m": "function r = check (r)\n  if r < 0 error ('geo:r', 'r < 0'); end\nend\n",
    "toolbox/+geo/private/hidden.m": "function y = hidden ()\n  y = 1;\nend\n",
    "toolbox/@account/account.m": "function a = account (b)\n a = class (struct ('b', b), 'account');\nend\n",
    "toolbox/@account/balance.m": "function b = balance (a)\n  b = a.b;\nend\n",
    "toolbox/.hidden/secret.m": "function y = secret ()\n  y = 1;\nend\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The folder that holds ``toolbox``."""
    return write(tmp_path, PROJECT)


def write(folder: Path, files: dict[str, str]) -> Path:
    """Writes files, and returns the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def octave_says() -> Callable[..., str]:
    """What Octave itself prints for a piece of code."""
    program = shutil.which("octave-cli")
    if program is None:
        pytest.skip("octave: not installed")

    def run(code: str, cwd: Path | None = None) -> str:
        done = subprocess.run(
            [program, "--norc", "--quiet", "--eval", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=cwd,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run
