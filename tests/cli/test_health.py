"""`arcuate health`: real systems that are up, down, silent, or wrongly configured."""

from __future__ import annotations

import json
import os
import socket
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cli.support import arcuate, needs_r, rscript, shell
from tests.connector.scripted import answer, scripted


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def closed() -> int:
    """A port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def configuration(folder: Path, text: str) -> str:
    path = folder / "connectors.toml"
    path.write_text(text)
    return str(path)


def asked(*names: str, **env: str) -> tuple[int, dict[str, Any]]:
    done = arcuate("health", *names, "--json", **env)
    report = json.loads(done.stdout)
    assert report["ok"] == (done.returncode == 0)
    return done.returncode, {one["name"]: one for one in report["checks"]}


@needs_r
def test_connectors_and_environments_at_once(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "lab.db").close()
    text = f'[connector.lab]\nurl = "sqlite:///{tmp_path}/lab.db"\n'
    done = shell("health", "--json", "--config", configuration(tmp_path, text))
    found = {one["name"]: one for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == 0, done.stdout
    assert {"lab", "python", "r", "octave"} <= set(found)
    assert found["lab"]["kind"] == "sql"
    assert found["lab"]["status"] == "ok"
    assert found["lab"]["latency"] > 0
    assert found["r"]["kind"] == "environment"
    assert found["r"]["facts"]["version"] == rscript("cat(as.character(getRversion()))")


def test_one_that_is_down_is_said_and_counts(tmp_path: Path, silent: str) -> None:
    down, up = closed(), tmp_path / "up.db"
    up.touch()
    text = (
        f'[connector.up]\nurl = "sqlite:///{up}"\n'
        f'[connector.down]\nurl = "http://127.0.0.1:{down}"\nretry = {{attempts = 1}}\n'
        f'[connector.silent]\nurl = "{silent}"\n'
    )
    path = configuration(tmp_path, text)
    status, found = asked("up", "down", "silent", "--timeout", "2", ARCUATE_CONNECTORS=path)
    assert status == 1
    assert {name: one["status"] for name, one in found.items()} == {
        "up": "ok",
        "down": "down",
        "silent": "down",
    }
    assert str(down) in found["down"]["detail"]
    assert "no answer within 2 s" in found["silent"]["detail"]
    table = arcuate("health", "up", "down", ARCUATE_CONNECTORS=path)
    assert table.returncode == 1
    assert [line.split()[:3] for line in table.stdout.splitlines()[1:3]] == [
        ["up", "sql", "ok"],
        ["down", "rest", "down"],
    ]
    assert asked("up", ARCUATE_CONNECTORS=path)[0] == 0


def test_auth_of_the_configuration_is_sent_and_never_shown(tmp_path: Path) -> None:
    with scripted(answer(200, "{}"), answer(401, "{}")) as server:
        text = (
            f'[connector.weather]\nurl = "{server.url}"\nretry = {{attempts = 1}}\n'
            '[connector.weather.auth]\ntype = "bearer"\ntoken = "env:WEATHER_TOKEN"\n'
        )
        given = {"ARCUATE_CONNECTORS": configuration(tmp_path, text), "WEATHER_TOKEN": "s3cr3t-token"}
        assert asked("weather", **given)[1]["weather"]["status"] == "ok"
        assert b"bearer s3cr3t-token" in server.asked[0].lower()
        refused = arcuate("health", "weather", "--json", **given)
    assert refused.returncode == 1
    assert "s3cr3t" not in refused.stdout + refused.stderr


def test_an_address(tmp_path: Path) -> None:
    there = tmp_path / "a.db"
    status, found = asked(f"sqlite:///{there}")
    assert (status, [one["status"] for one in found.values()]) == (1, ["unknown"])
    assert not there.exists()  # asking makes nothing
    sqlite3.connect(there).close()
    status, found = asked(f"sqlite:///{there}", f"sqlite:///file:{there}?mode=ro&uri=true")
    assert status == 0
    assert [one["status"] for one in found.values()] == ["ok", "ok"]
    done = arcuate("health", f"postgresql://me:hunter2@127.0.0.1:{closed()}/lab", "--json")
    assert done.returncode == 1
    assert "hunter2" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[connector.x]\nurl = "gopher://h"\n', "set type to one of"),
        ('[connector.x]\nurl = "htp://h"\n', "did you mean http://?"),
        ('[connector.x]\ntype = "telex"\n', "the type 'telex'; there are"),
        ('[connector.x]\nurl = "http://h"\nspeed = 3\n', "there is no setting 'speed'"),
        ('[connector.x]\nurl = "http://h"\nauth = {type = "bearer", tokn = "a"}\n', "no setting 'tokn'"),
        ('[connector.x]\nurl = "http://h"\nauth = {type = "magic"}\n', "auth of the type 'magic'"),
    ],
)
def test_what_is_wrong_in_a_configuration_is_said(tmp_path: Path, text: str, said: str) -> None:
    status, found = asked("x", ARCUATE_CONNECTORS=configuration(tmp_path, text))
    assert status == 1
    assert found["x"]["status"] == "down"
    assert said in found["x"]["detail"]


def test_names_that_are_not_there(tmp_path: Path) -> None:
    path = configuration(tmp_path, '[connector.lab]\nurl = "sqlite://"\n')
    done = arcuate("health", "lob", ARCUATE_CONNECTORS=path)
    assert done.returncode == 1
    assert "'lob'; connectors: lab; environments:" in done.stderr
    done = arcuate("health", ARCUATE_CONNECTORS=str(tmp_path / "none.toml"))
    assert done.returncode == 1
    assert "none.toml cannot be read" in done.stderr


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ('[connector.lab]\nurl = "sqlite://"\n'.encode("utf-16"), "cannot be read: 'utf-8' codec"),
        (b'[connectors.lab]\nurl = "sqlite://"\n', "[connector.NAME], and not [connectors.NAME]"),
    ],
)
def test_files_that_are_no_configuration(tmp_path: Path, data: bytes, said: str) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(data)
    done = arcuate("health", ARCUATE_CONNECTORS=str(path))
    assert done.returncode == 1
    assert said in done.stderr


def test_an_interpreter_that_hangs_is_said_and_ended(tmp_path: Path) -> None:
    """Beside a system that is well; one line for each, also where the terminal would be too narrow."""
    for name in ("octave-cli", "octave"):
        (tmp_path / name).write_text('#!/bin/sh\necho $$ > "$0.pid"\nexec sleep 300\n')
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    (tmp_path / f"{'x' * 150}.db").touch()
    up = f"sqlite:///{tmp_path}/{'x' * 150}.db"
    done = shell("health", "octave", up, "--timeout", "2", PATH=path, OCTAVE_EXECUTABLE="", COLUMNS="40")
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["octave", "environment", "down"], [up, "sql", "ok"]]
    assert "no answer within 2 s" in lines[1]
    assert not [line for line in lines if line != line.rstrip()]
    (started,) = tmp_path.glob("*.pid")
    assert not runs(int(started.read_text()))


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_hub_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from arcuate.cli import health
    from arcuate.hub import Config, Server

    monkeypatch.setattr(health, "environments", dict)  # they are asked in other tests
    with Server(Config(http=["127.0.0.1:0"])) as hub:
        url = str(hub.endpoints["http"])
        found = {one["name"]: one for one in json.loads(every(tmp_path, url))["checks"]}
    assert (found[url]["kind"], found[url]["status"]) == ("hub", "ok")
    gone = {one["name"]: one for one in json.loads(every(tmp_path, url))["checks"]}
    assert gone[url]["status"] == "down"


def every(folder: Path, hub: str) -> str:
    return arcuate("health", "--json", ARCUATE_CONNECTORS=configuration(folder, ""), ARCUATE_HUB=hub).stdout


def test_a_scheme_that_is_misspelt(tmp_path: Path) -> None:
    done = arcuate("health", "postgres://me:hunter2@h/lab")
    assert done.returncode == 1
    assert "there is no scheme 'postgres' (did you mean postgresql://?)" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_connector_of_others_that_fails_is_down_and_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from arcuate.integrations import kinds

    (tmp_path / "theirs.py").write_text(
        "class Telex:\n    def __init__(self, **_):\n        raise KeyError('x')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(kinds.KINDS, "telex", "theirs:Telex")
    path = configuration(tmp_path, '[connector.a]\ntype = "telex"\n[connector.b]\nurl = "sqlite://"\n')
    status, found = asked("a", "b", ARCUATE_CONNECTORS=path)
    assert status == 1
    assert {name: one["status"] for name, one in found.items()} == {"a": "down", "b": "ok"}
    assert "its connector failed: KeyError" in found["a"]["detail"]
