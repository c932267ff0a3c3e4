"""One engine that all tests of this folder share, and plain Octave as a judge."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from arcuate.compat.matlab import engine
from arcuate.compat.matlab.engine import MatlabEngine
from arcuate.errors import EnvironmentNotFound


@pytest.fixture(scope="session")
def runtime() -> Iterator[str]:
    """A folder of this run for the sockets of shared engines; its path is short, as sockets need it."""
    with tempfile.TemporaryDirectory(prefix="arc-") as folder:
        yield folder


@pytest.fixture(autouse=True)
def _own_names(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines of other programs are not seen."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)


def start() -> MatlabEngine:
    try:
        found: MatlabEngine = engine.start_matlab()
    except engine.EngineError as error:
        if isinstance(error.__cause__, EnvironmentNotFound):
            pytest.skip(f"octave: {error.__cause__}")
        raise
    return found


@pytest.fixture(scope="session")
def shared() -> Iterator[MatlabEngine]:
    with start() as eng:
        yield eng


@pytest.fixture
def eng(shared: MatlabEngine) -> MatlabEngine:
    """The engine with an empty workspace."""
    shared.eval("clear -variables", nargout=0)
    return shared


@pytest.fixture
def fresh() -> Iterator[MatlabEngine]:
    """An engine of the test's own."""
    with start() as eng:
        yield eng


@pytest.fixture(scope="session")
def plain_octave() -> Callable[[str], str]:
    """Runs m-code in octave-cli, without Arcuate, and returns what it prints."""
    program = shutil.which("octave-cli")
    if program is None:
        pytest.skip("octave: octave-cli is not on PATH")

    def run(code: str) -> str:
        command = [program, "--norc", "--quiet", "--eval", code]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    return run


@pytest.fixture
def python(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a program in a Python of its own."""

    def run(code: str, *arguments: str, command: tuple[str, ...] = (), **options: Any) -> Any:
        script = tmp_path / "program.py"
        script.write_text(code)
        return subprocess.run(
            [sys.executable, *command, str(script), *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
            check=False,
            **options,
        )

    return run
