"""Servers of others, started for tests: each ends when its stdin is closed, and is waited for."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / ".tools"


@contextlib.contextmanager
def node(package: str, script: Path, *arguments: str | Path) -> Iterator[int]:
    """Runs a script with a server of npm's; its port, which is the first line that it prints."""
    program = shutil.which("node")
    folder = TOOLS / "npm" / package
    if program is None or not (folder / "installed.version").is_file():
        pytest.skip(f"{package}: not installed; type: python3 tools/setup.py tools")
    variable = package.upper().replace("-", "_")
    server = subprocess.Popen(
        [program, script, *arguments],
        env={**os.environ, variable: str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield int(server.stdout.readline())
    finally:
        server.stdin.close()
        try:
            server.wait(10)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()
