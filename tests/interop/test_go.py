"""The Go client: formatted, vetted, built, and its own tests with a hub of this environment.

What each test does is told by `go test -v ./...` in clients/go.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients/go"
GO = shutil.which("go")


def go(*command: str, **env: str) -> str:
    """Run Go in the client's folder; return what it prints."""
    if GO is None:
        pytest.skip("go: not installed")
    if not (ROOT / ".tools/go-client.version").is_file():
        pytest.skip("go: the client was not compiled; type: python3 tools/setup.py tools")
    done = subprocess.run(
        [GO, *command], cwd=CLIENT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_format_and_vet() -> None:
    assert go("vet", "./...") == ""
    gofmt = shutil.which("gofmt") or str(Path(go("env", "GOROOT").strip(), "bin/gofmt"))
    done = subprocess.run([gofmt, "-l", "."], cwd=CLIENT, capture_output=True, text=True, check=True)
    assert done.stdout == "", "type: make -C clients/go format"


def test_its_own_tests() -> None:
    out = go("test", "-count=1", "./...", ARCUATE=str(Path(sys.executable).with_name("arcuate")))
    assert "ok  \tarcuate.invalid/go\t" in out
