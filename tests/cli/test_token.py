"""``arcuate token``: what it writes and what it prints, in a process of its own where that matters."""

from __future__ import annotations

import hashlib
import json
import re
import stat
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from tests.cli.support import arcuate, shell

try:
    import tomllib
except ImportError:  # Python 3.10
    import tomli as tomllib


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "tokens.toml"


def create(file: Path, *options: str) -> str:
    """Makes a token; the last line."""
    done = arcuate("token", "create", "--file", file, *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def entries(file: Path) -> dict[str, Any]:
    """What the file says of tokens, read by a TOML reader that is not ours."""
    found: dict[str, Any] = tomllib.loads(file.read_text())["token"]
    return found


def test_the_last_line_is_the_token_and_only_its_hash_is_kept(tmp_path: Path) -> None:
    done = shell("token", "create", "--file", "tokens.toml", "--name", "ann", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *said, token = done.stdout.splitlines()
    assert re.fullmatch(r"arc_[0-9a-f]{12}_[A-Za-z0-9_-]{43}", token)
    assert any("shell" in line for line in said)  # what it means to send code
    file = tmp_path / "tokens.toml"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert token[17:] not in file.read_text()
    found = entries(file)["ann"]
    assert found.pop("created") == pytest.approx(time.time(), abs=60)
    expected = "sha256:" + hashlib.sha256(token.encode()).hexdigest()
    assert found == {"id": token[4:16], "hash": expected}


def test_every_option(file: Path) -> None:
    options = {
        "--environment": ["r", "py*"], "--allow": ["stats::*", "len"], "--publish": ["lab/*"],
        "--subscribe": ["lab/*", "office"], "--expires": ["90d"],
        "--limit": ["sessions=2", "call_seconds=0.5"],
    }  # fmt: skip
    words = [word for name, values in options.items() for value in values for word in (name, value)]
    token = create(file, "--name", "bob@lab", "--no-eval", "--no-workspace", *words)
    found = entries(file)["bob@lab"]
    assert found.pop("expires") == pytest.approx(time.time() + 90 * 86_400, abs=60)
    assert found.pop("hash").startswith("sha256:")
    del found["created"]
    assert found == {
        "id": token[4:16], "environments": ["r", "py*"], "functions": ["stats::*", "len"], "eval": False,
        "workspace": False, "publish": ["lab/*"], "subscribe": ["lab/*", "office"],
        "limits": {"sessions": 2, "call_seconds": 0.5},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("5m", 300), ("12h", 43_200), ("2w", 1_209_600), ("1y", 31_536_000), ("never", None)],
)
def test_ends_counted_from_now(file: Path, text: str, seconds: int | None) -> None:
    create(file, "--name", "ann", "--expires", text)
    found = entries(file)["ann"].get("expires")
    assert found == (None if seconds is None else pytest.approx(time.time() + seconds, abs=60))


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2031-01-31", datetime(2031, 1, 31, tzinfo=timezone.utc)),
        ("2031-01-31T12:30:00+02:00", datetime(2031, 1, 31, 10, 30, tzinfo=timezone.utc)),
    ],
)
def test_ends_on_a_date(file: Path, text: str, instant: datetime) -> None:
    create(file, "--name", "ann", "--expires", text)
    assert entries(file)["ann"]["expires"] == instant.timestamp()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--allow", "len"], "--no-eval"),
        (["--expires", "soon"], "30d"),
        (["--limit", "sessions"], "--limit sessions=2"),
        (["--limit", "sessions=many"], "--limit sessions=2"),
        (["--limit", "colour=3"], "sessions, memory"),
        (["--limit", "sessions=0"], "positive"),
        (["--limit", "message=1e6"], "whole number"),
        (["--name", "no name"], "letters"),
        (["--name", "ann"], "already"),
    ],
)
def test_mistakes_leave_the_file_alone(file: Path, options: list[str], said: str) -> None:
    create(file, "--name", "ann")
    before = file.read_text()
    done = arcuate("token", "create", "--file", file, *options)
    assert done.returncode == 1
    assert said in done.stderr
    assert "arc_" not in done.stdout
    assert file.read_text() == before


def test_a_file_that_others_can_write(file: Path) -> None:
    create(file, "--name", "ann")
    file.chmod(0o666)
    done = arcuate("token", "create", "--file", file, "--name", "bob")
    assert done.returncode == 1
    assert f"chmod 600 {file}" in done.stderr


def test_list_and_revoke(file: Path) -> None:
    create(file, "--name", "ann")
    create(
        file, "--name", "bob", "--no-eval", "--allow", "stats::*", "--limit", "sessions=2", "--no-workspace"
    )
    create(file, "--name", "old", "--expires", "2020-01-31", "--environment", "r")
    with file.open("a") as out:  # what is none of its business stays
        out.write('[certificate."CN=robot"]\neval = false\n[key.probe]\npublic = "' + 40 * "a" + '"\n')
    done = arcuate("token", "list", "--file", file)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "ann: *; may send code",
        "bob: *; functions: stats::*; no variables; sessions 2",
        "old: r; may send code; expired 2020-01-31T00:00+00:00",
    ]
    listed = json.loads(arcuate("token", "list", "--json", "--file", file).stdout)
    assert list(listed) == ["ann", "bob", "old"]
    assert "hash" not in json.dumps(listed)
    done = arcuate("token", "revoke", "bob", "--file", file)
    assert (done.returncode, done.stdout) == (0, "revoked: bob\n")
    found = tomllib.loads(file.read_text())
    assert list(found["token"]) == ["ann", "old"]
    assert found["certificate"] == {"CN=robot": {"eval": False}}
    assert found["key"] == {"probe": {"public": 40 * "a"}}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    done = arcuate("token", "revoke", "bob", "--file", file)
    assert done.returncode == 1
    assert "ann, old" in done.stderr


def test_without_a_file(tmp_path: Path) -> None:
    done = arcuate("token", "list", "--file", tmp_path / "none.toml")
    assert done.returncode == 1
    assert "arcuate token create --file" in done.stderr
