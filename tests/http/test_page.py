"""The examples in protos/http.md run as they stand, by bash and curl, and print what the page says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from arcuate.http.status import STATUS

PAGE = (Path(__file__).resolve().parents[2] / "protos" / "http.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```sh\n(.*?)```\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_example_says_what_it_prints() -> None:
    assert len(BLOCKS) == PAGE.count("```sh\n") >= 8


def test_the_examples(url: str, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl: not installed")
    script = "set -e\n"
    for number, (block, _) in enumerate(BLOCKS):
        script += f"{{ {block}}} > {number}\n"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "HUB": url},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for number, (block, said) in enumerate(BLOCKS):
        pattern = ".*".join(re.escape(part) for part in said.strip().split("..."))
        found = (tmp_path / str(number)).read_text().strip()
        assert re.fullmatch(pattern, found), f"{block}\nprints\n{found}\nnot\n{said}"


def test_the_table_of_status_codes_is_the_one_used() -> None:
    table = {
        code: int(status)
        for status, codes in re.findall(r"^\| (\d{3}) \| (.*) \|$", PAGE, re.MULTILINE)
        for code in re.findall(r"[A-Z]+_[A-Z_]+|INTERNAL|UNSUPPORTED|CONVERSION|UNAVAILABLE", codes)
        if not (code == "LIMIT_EXCEEDED" and status == "429")  # those that bound how many
    }
    assert table == STATUS
