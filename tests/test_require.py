"""`ARCUATE_REQUIRE` turns skips into failures, seen from outside: pytest run on small suites."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

SUITE = """
import pytest

@pytest.mark.skipif(True, reason="r: not installed")
def test_marked(): ...

def test_inside(): pytest.skip("matlab: not installed")

@pytest.fixture
def octave(): pytest.skip("octave: not installed")

def test_fixture(octave): ...

def test_vague(): pytest.skip("no reason that names an environment")

@pytest.mark.xfail(reason="known")
def test_known(): assert False
"""
MODULE = """
import pytest
pytest.importorskip("arcuate_no_such_library", reason="r: not there")
"""


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        ("", {"skipped": 5, "failed": 0}),
        ("all", {"skipped": 1, "failed": 4}),
        ("r", {"skipped": 2, "failed": 3}),
        ("python", {"skipped": 4, "failed": 1}),
    ],
)
def test_skips_become_failures(tmp_path: Path, required: str, expected: dict[str, int]) -> None:
    conftest = Path(__file__).with_name("conftest.py").read_text(encoding="utf-8")
    tmp_path.joinpath("conftest.py").write_text(conftest, encoding="utf-8")
    tmp_path.joinpath("test_suite.py").write_text(SUITE)
    tmp_path.joinpath("test_module.py").write_text(MODULE)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            ".",
        ],
        cwd=tmp_path,
        env={**os.environ, "ARCUATE_REQUIRE": required, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    closing = done.stdout.strip().splitlines()[-1]
    words = closing.replace(",", "").replace("error", "failed").split()
    counts = {"skipped": 0, "failed": 0, "xfailed": 0}
    for number, word in itertools.pairwise(words):
        if word.rstrip("s") in counts:
            counts[word.rstrip("s")] += int(number)
    assert counts == {**expected, "xfailed": 1}, done.stdout
    assert done.returncode == (1 if expected["failed"] else 0)
