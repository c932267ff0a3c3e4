"""A hub with archives of Octave, R and Python, as users run it, and MathWorks' client in its own process."""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.compat.arrays.oracle import PYTHON, NotHere, install

HERE = Path(__file__).parent
CONFIG = """
audit = "audit.jsonl"
[telemetry]
metrics = true
[limits]
recycle = 100000
[archives.tools]
environment = "octave"
directories = ["{here}/tools"]
functions = ["svd", "magic", "absent", "cellfun"]
[archives.stats]
environment = "r"
directories = ["{here}/stats"]
functions = ["stop", "stats::sd"]
[archives.py]
environment = "python"
functions = [
  "statistics.mean", "len", "divmod", "norm=numpy.linalg.norm", "made=builtins.eval", "same=copy.copy",
]
"""


class Client:
    """The genuine client, which evaluates expressions."""

    def __init__(self, python: Path, url: str) -> None:
        self._process = subprocess.Popen(
            [str(python), str(HERE / "driver.py"), url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __call__(self, code: str) -> Any:
        """What an expression gives there, or what it raised."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(code) + "\n")
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], 60)
        assert ready, f"no answer to {code}"
        return json.loads(process.stdout.readline())

    def value(self, code: str) -> Any:
        """What an expression gives there."""
        found = self(code)
        assert "value" in found, found
        return found["value"]

    def close(self) -> None:
        """Ends it."""
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.close()
        process.wait(20)
        process.stdout.close()


@pytest.fixture(scope="session")
def oracle() -> Path:
    """The interpreter of the environment with MathWorks' package."""
    try:
        install()
    except NotHere as reason:
        pytest.skip(f"oracle: {reason}")
    return PYTHON


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the hub."""
    return tmp_path_factory.mktemp("mps")


@pytest.fixture(scope="session")
def url(folder: Path, octave: str, r: str) -> Iterator[str]:
    """The address of the Production Server bridge of a hub with Octave and R."""
    config = folder / "arcuate.toml"
    config.write_text(CONFIG.format(here=HERE))
    command = [sys.executable, "-m", "arcuate.cli", "serve", "--config", str(config), "--mps", "127.0.0.1:0"]
    with (folder / "log").open("w+") as log:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder)
        assert running.stdout is not None
        try:
            ready, _, _ = select.select([running.stdout], [], [], 60)
            line = running.stdout.readline().strip() if ready else ""
            log.seek(0)
            assert line.startswith("http://"), log.read()
            yield line
        finally:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            running.stdout.close()


@pytest.fixture(scope="session")
def http(url: str) -> Iterator[httpx.Client]:
    """A client that knows nothing of MathWorks."""
    with httpx.Client(base_url=url, timeout=30) as found:
        yield found


@pytest.fixture(scope="session")
def client(oracle: Path, url: str) -> Iterator[Client]:
    """MathWorks' client, connected to the hub."""
    found = Client(oracle, url)
    try:
        yield found
    finally:
        found.close()


@pytest.fixture(scope="session")
def octave() -> str:
    """Plain Octave."""
    found = shutil.which("octave-cli")
    if found is None:
        pytest.skip("octave: not installed")
    return found


@pytest.fixture(scope="session")
def r() -> str:
    """Plain R."""
    found = shutil.which("Rscript")
    if found is None:
        pytest.skip("r: not installed")
    return found
