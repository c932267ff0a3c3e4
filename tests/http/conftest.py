"""A hub process of its own, as users run it: ``arcuate serve``."""

from __future__ import annotations

import select
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process, and the address that it prints."""
    folder: Path = tmp_path_factory.mktemp("hub")
    config = folder / "arcuate.toml"
    config.write_text(
        'http_origins = ["https://lab.example"]\n[telemetry]\nmetrics = true\n'
        '[environments.python]\nlanguage = "python"\n[limits]\nmessage = 300_000_000\n'
    )
    command = [sys.executable, "-m", "arcuate.cli", "serve", "--config", str(config)]
    command += ["--http", "127.0.0.1:0", "--ready-file", str(folder / "ready.json")]
    with (folder / "log").open("w+") as log:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, cwd=folder)
        try:
            assert running.stdout is not None
            ready, _, _ = select.select([running.stdout], [], [], 60)
            line = running.stdout.readline().strip() if ready else ""
            log.seek(0)
            assert line.startswith("http://"), log.read()
            yield running, line
        finally:
            running.terminate()
            try:
                running.wait(20)
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
            if running.stdout is not None:
                running.stdout.close()


@pytest.fixture(scope="session")
def url(process: tuple[subprocess.Popen[str], str]) -> str:
    """The address of the hub."""
    return process[1]
