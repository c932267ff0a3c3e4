"""The README's Python examples run as they stand, and what it says of the commands is true."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
EXPECTED = [
    ("10%", "wt", "<NA>"),
    ("42.0", "timeout"),
    ("[6.0, 24.0, 120.0]", "5.0"),
    ("2.5", "[10. 20.]"),
    ("dose", "5.0"),
]
HUB = "grpc://127.0.0.1:50051"


def test_every_block_has_an_expectation() -> None:
    assert len(BLOCKS) == len(EXPECTED)


@contextmanager
def hub(folder: Path) -> Iterator[str]:
    """A hub as the README starts it, on a port that the system chooses; its address is on the terminal."""
    command = [sys.executable, "-m", "arcuate.cli", "serve", "--grpc", "127.0.0.1:0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield next(line for line in process.stdout if "://" in line).split()[-1]
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("number", range(len(EXPECTED)))
def test_block(number: int, tmp_path: Path) -> None:
    block = BLOCKS[number]
    if HUB not in block:
        run_block(number, block, tmp_path)
        return
    with hub(tmp_path) as address:
        run_block(number, block.replace(HUB, address), tmp_path)


def run_block(number: int, block: str, tmp_path: Path) -> None:
    """Runs a block as it stands."""
    done = subprocess.run(
        [sys.executable, "-c", block],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for text in EXPECTED[number]:
        assert text in done.stdout, done.stdout


def test_commands_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    verbs = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    named = {
        word for line in re.findall(r"(?:^|`)make ([a-z]+(?: [a-z]+)*)", text, re.M) for word in line.split()
    }
    assert {"setup", "demo", "test"} <= named <= verbs, named - verbs


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "protos").glob("*.md")]:
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
