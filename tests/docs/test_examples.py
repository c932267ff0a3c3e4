"""Every example of the documentation runs and prints what the page says it prints."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))


ELSEWHERE = {"kafka"}
"""Examples that run where their server does: tests/streaming/test_kafka.py."""


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 4


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.stem not in ELSEWHERE], ids=lambda path: path.stem
)
def test_example(example: Path, tmp_path: Path) -> None:
    if "redis-server" in example.read_text(encoding="utf-8") and not shutil.which("redis-server"):
        pytest.skip("redis-server: not installed; type: python3 tools/setup.py tools")
    done = subprocess.run(
        [sys.executable, str(example)],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip() == example.with_suffix(".out").read_text(encoding="utf-8").rstrip()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_example_is_shown(example: Path) -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md"))
    assert f"docs/examples/{example.name}" in pages
    assert f"docs/examples/{example.stem}.out" in pages
