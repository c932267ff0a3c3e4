"""``arcuate bench``: runs the benchmark of a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from arcuate.errors import Unsupported

__all__ = ["measure"]

_SCRIPT = Path("tests", "bench", "run.py")


def measure(quick: bool, extra: Sequence[str] = ()) -> int:
    """Runs ``tests/bench/run.py`` of the checkout that this code or the working directory is in.

    Returns:
        Its exit status.

    Raises:
        Unsupported: there is no checkout.
    """
    roots = [*Path(__file__).resolve().parents, Path.cwd(), *Path.cwd().parents]
    root = next((folder for folder in roots if (folder / _SCRIPT).is_file()), None)
    if root is None:
        raise Unsupported(
            "the benchmark is part of a checkout of the repository, not of the installed package; "
            "clone it and type: make bench"
        )
    peers = root / ".venv-bench" / "bin" / "python"
    command = [sys.executable, os.fspath(root / _SCRIPT)]
    if peers.exists():
        command += ["--peers", os.fspath(peers)]
    else:
        print("note: rpy2 and oct2py are not measured; `make bench` installs them", file=sys.stderr)
    return subprocess.run([*command, *["--quick"] * quick, *extra], check=False).returncode
