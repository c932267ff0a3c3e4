"""`arcuate doctor`: what is here, what is not, and what to type."""

from __future__ import annotations

import json
import os
import platform
import stat
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from tests.cli.support import arcuate, needs_octave, needs_r, octave, rscript, shell

from arcuate.client import environments


def found(*names: str, **env: str) -> tuple[int, dict[str, Any]]:
    done = shell("doctor", *names, "--json", **env)
    return done.returncode, {one["name"]: one for one in json.loads(done.stdout)["environments"]}


@needs_r
@needs_octave
def test_all_work_and_were_tried() -> None:
    status, report = found()
    assert status == 0
    assert set(report) == set(environments())
    assert report["python"]["version"] == platform.python_version()
    assert report["r"]["version"] == rscript("cat(as.character(getRversion()))")
    assert report["octave"]["version"] == octave("printf('%s', version())")
    for name, one in report.items():
        if name == "matlab" and one["status"] == "missing":
            continue  # it cannot be installed freely
        assert one["status"] == "works"
        assert 0 < one["start"] < 60
        assert 0 < one["call"] < one["start"] + 5


def test_what_the_hub_needs() -> None:
    done = shell("doctor", "--json")
    hub = {one["name"]: one for one in json.loads(done.stdout)["hub"]}
    assert set(hub) == {"grpc", "zmq", "http", "confinement"}
    assert hub["zmq"]["status"] == "works"
    assert hub["zmq"]["version"] == f"pyzmq {version('pyzmq')}"
    assert "arcuate serve" in arcuate("doctor").stdout
    assert "arcuate serve" not in arcuate("doctor", "python").stdout


def test_what_the_hub_lacks(tmp_path: Path) -> None:
    (tmp_path / "zmq.py").write_text("raise ImportError('no zmq here')\n")
    done = shell("doctor", "--json", PYTHONPATH=str(tmp_path))
    zmq = next(one for one in json.loads(done.stdout)["hub"] if one["name"] == "zmq")
    assert zmq["status"] == "missing"
    assert zmq["install"] == "pip install 'arcuate[hub]'"
    assert "no zmq here" in zmq["missing"][0]


def test_for_people() -> None:
    done = arcuate("doctor", "python")
    assert done.returncode == 0
    assert platform.python_version() in done.stdout
    assert "session in" in done.stdout


@pytest.fixture
def empty(tmp_path: Path) -> dict[str, str]:
    """A machine without R and Octave: a PATH with nothing on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    return {"PATH": str(folder), "R_HOME": "", "OCTAVE_EXECUTABLE": ""}


def test_what_is_missing_fails_only_when_named(empty: dict[str, str]) -> None:
    status, report = found(**empty)
    assert status == 0
    for name in ("r", "octave"):
        assert report[name]["status"] == "missing"
        assert (
            report[name]["install"].split()[-1] in ("octave", "r-base")
            or "install" in report[name]["install"]
        )
        assert report[name]["missing"]
    assert report["python"]["status"] == "works"
    assert found("python", **empty)[0] == 0
    assert found("octave", **empty)[0] == 1
    assert found("r", **empty)[0] == 1


@needs_octave
def test_what_is_broken_fails(empty: dict[str, str]) -> None:
    """An octave-cli that says its version and then starts no session."""
    program = Path(empty["PATH"]) / "octave-cli"
    program.write_text(
        "#!/bin/sh\ncase \"$*\" in *--version*) echo 'GNU Octave, version 9.9.9';; *) exit 7;; esac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    status, report = found("octave", **{**empty, "PATH": f"{empty['PATH']}:/bin"})
    assert status == 1
    assert report["octave"]["status"] == "broken"
    assert "no session works" in " ".join(report["octave"]["missing"])


def test_an_unknown_environment() -> None:
    done = shell("doctor", "cobol")
    assert done.returncode == 1
    assert "no environment 'cobol'" in done.stdout


@pytest.mark.soak  # compiles; the set-up does so too
@needs_octave
def test_build_makes_the_helper(tmp_path: Path) -> None:
    done = arcuate("doctor", "octave", "--build", XDG_CACHE_HOME=str(tmp_path))
    assert done.returncode == 0
    assert "helper is built" in done.stdout
    made = [name for _, _, names in os.walk(tmp_path) for name in names]
    assert any(name.endswith(".oct") for name in made)
