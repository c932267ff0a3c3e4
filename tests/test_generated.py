"""Generated files are in step with their sources, and the messages run on the oldest and newest protobuf.

`.venv-generate`, made by `make test` beside `.venv`, holds the pinned generator and so the oldest runtime.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import google.protobuf
import numpy
import pytest

ROOT = Path(__file__).resolve().parent.parent
OLDEST = ROOT / ".venv-generate/bin/python"
OLDEST_VERSION = "6.31.1"

needs_oldest = pytest.mark.skipif(
    not OLDEST.exists(), reason="no .venv-generate: run `make test`, or python3 tools/setup.py generate"
)

PROGRAM = """
import sys
sys.path += sys.argv[2:]
import google.protobuf
from arcuate.values import encode
from arcuate.values.protobuf import dump, load
from arcuate.values import decode
assert google.protobuf.__version__ == sys.argv[1], google.protobuf.__version__
value = {"a": [1, 2.5, "text", None], "b": {"é": b"\\x00\\xff"}, "n": True}
data = dump(encode(value))
assert decode(load(data)) == value
print(data.hex())
"""


@needs_oldest
def test_generated_files_are_in_step() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "tools/generate.py"), "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def run_with(python: Path | str, version: str) -> str:
    """Run the program on a runtime; what it lacks (numpy) comes from this environment."""
    libraries = str(Path(numpy.__file__).parent.parent)
    done = subprocess.run(
        [str(python), "-W", "error", "-c", PROGRAM, version, libraries],
        env={**os.environ, "PYTHONPATH": str(ROOT / "clients/python")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@needs_oldest
def test_messages_on_the_oldest_and_the_newest_runtime() -> None:
    """Both give the same bytes and read them back, without a warning."""
    assert google.protobuf.__version__ != OLDEST_VERSION, "this environment should hold the newest protobuf"
    newest = run_with(sys.executable, google.protobuf.__version__)
    assert newest
    assert run_with(OLDEST, OLDEST_VERSION) == newest
