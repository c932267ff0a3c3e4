"""What the tests of the command line share: the command itself, and the languages run beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ARCUATE = Path(sys.executable).with_name("arcuate")
CLEAN = {"NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "200"}

needs_r = pytest.mark.skipif(shutil.which("Rscript") is None, reason="r: not installed")
needs_octave = pytest.mark.skipif(shutil.which("octave-cli") is None, reason="octave: not installed")


def shell(
    *arguments: str | os.PathLike[str],
    given: str = "",
    cwd: Path | None = None,
    timeout: float = 60,
    **env: str,
) -> subprocess.CompletedProcess[str]:
    """Runs the command as a user does, in a process of its own."""
    return subprocess.run(
        [os.fspath(ARCUATE), *map(os.fspath, arguments)],
        input=given,
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=timeout,
        check=False,
        env={**os.environ, **CLEAN, **env},
    )


def arcuate(
    *arguments: str | os.PathLike[str], given: str = "", cwd: Path | None = None, **env: str
) -> subprocess.CompletedProcess[str]:
    """Runs the command in this process, which saves a second each time."""
    from typer.testing import CliRunner

    from arcuate.cli.app import app

    words = [os.fspath(word) for word in arguments]
    before = os.getcwd()
    os.chdir(cwd or before)
    try:
        done = CliRunner().invoke(app, words, input=given, env={**CLEAN, **env}, prog_name="arcuate")
    finally:
        os.chdir(before)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return subprocess.CompletedProcess(words, done.exit_code, done.stdout, done.stderr)


def answer(*arguments: str | os.PathLike[str], **options: Any) -> Any:
    """The JSON that a successful run prints."""
    done = arcuate(*arguments, "--json", **options)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def rscript(code: str, cwd: Path | None = None) -> str:
    """What R itself prints for a piece of code."""
    done = subprocess.run(
        ["Rscript", "--vanilla", "-e", code], capture_output=True, text=True, check=True, cwd=cwd, timeout=60
    )
    return done.stdout


def octave(code: str, cwd: Path | None = None) -> str:
    """What Octave itself prints for a piece of code."""
    done = subprocess.run(
        ["octave-cli", "--norc", "--quiet", "--eval", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=cwd,
        timeout=60,
    )
    return done.stdout


def numbers(text: str) -> list[float]:
    """The numbers in a text."""
    return [float(word) for word in text.split()]
