"""``connect``: what it finds, what it refuses, and what it says then."""

from __future__ import annotations

import gc
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from tests.contract.processes import children, descriptors, until

from arcuate.client import connect, environments
from arcuate.errors import ArcuateError, ConnectionLost, EnvironmentNotFound, InvalidArgument


@pytest.fixture(autouse=True)
def _nothing_left() -> object:
    connect("python").close()  # the thread that starts workers
    with suppress(ConnectionLost):  # ZeroMQ's own thread, one for the process
        connect("zmq://127.0.0.1:1/python", start=0.05)
    gc.collect()
    before, running = descriptors(), children()
    yield
    gc.collect()
    until(
        lambda: not descriptors().items() - before.items(), "what was opened is closed"
    )  # gRPC takes a moment
    assert children() == running


def test_what_comes_with_arcuate() -> None:
    assert {"python", "r", "octave"} <= set(environments())


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("nothing", "arcuate.environments"),
        ("", "arcuate.environments"),
        ("R", "arcuate"),
        ("Julia", "CONTRIBUTING"),
    ],
)
def test_an_unknown_environment(name: str, hint: str) -> None:
    with pytest.raises(EnvironmentNotFound, match=hint) as caught:
        connect(name)
    message = str(caught.value)
    assert repr(name) in message
    assert all(known in message for known in ("octave", "python", "r"))
    assert isinstance(caught.value, LookupError)


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port of this machine at which nobody answers, and at which nobody else can begin to listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.mark.parametrize("scheme", ["grpc", "zmq", "http", "grpcs", "https"])
def test_a_hub_that_is_not_there(scheme: str, nobody: int) -> None:
    if scheme.startswith("grpc"):
        pytest.importorskip("arcuate.client.net.grpc", reason="grpc: not part of this tree")
    with pytest.raises(ConnectionLost) as caught:
        connect(f"{scheme}://127.0.0.1:{nobody}/python", start=0.5)
    assert f"127.0.0.1:{nobody}" in caught.value.message
    assert caught.value.executed == "no"


@pytest.mark.parametrize("url", ["zmq://127.0.0.1:5555", "http://127.0.0.1:8080/", "grpc://[::1]:50051"])
def test_a_hub_without_the_name_of_an_environment(url: str) -> None:
    with pytest.raises(InvalidArgument, match=r"names no environment; write .*/r, for example") as caught:
        connect(url)
    assert url in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://host/r", "://", "GRPC://host:1/r", "file:///tmp/r", "htp://h/r"])
def test_an_address_with_a_scheme_that_is_none(url: str) -> None:
    with pytest.raises(InvalidArgument, match=r"grpc://.*zmq://.*http://") as caught:
        connect(url)
    assert url in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http:///r", "no host"),
        ("zmq://host:99999/r", "no address"),
        ("http://host:port/r", "no address"),
        ("http://me:secret@host/r", "token="),
        ("http://host/r?token=secret", "token="),
        ("zmq+ipc:///r", "folder/socket"),
    ],
)
def test_an_address_that_is_malformed(url: str, said: str) -> None:
    with pytest.raises(InvalidArgument, match=said) as caught:
        connect(url)
    assert "secret" not in str(caught.value)  # an error ends up in logs


def test_an_unknown_option() -> None:
    with pytest.raises(InvalidArgument, match=r"'colour'.*cwd, env, executable, figures, path"):
        connect("python", colour="red", cwd=".")
    with pytest.raises(InvalidArgument, match=r"'timeut'"):
        connect("python", timeut=3)


@pytest.mark.parametrize("options", [{"grace": 0}, {"grace": -1.0}, {"figures": "jpeg"}, {"cwd": "/no/such"}])
def test_impossible_options(options: dict[str, object]) -> None:
    with pytest.raises(InvalidArgument):
        connect("python", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/no/such/python", "no-such-python-anywhere", os.path.dirname(__file__)])
def test_a_program_that_is_not_there(path: str) -> None:
    with pytest.raises(EnvironmentNotFound, match=path):
        connect("python", executable=path)


def test_a_program_that_is_no_interpreter() -> None:
    with pytest.raises(ArcuateError, match="ended"):
        connect("python", executable="/bin/false")


def test_paths_may_be_path_objects(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("answer = 42\n")
    with connect("python", path=tmp_path, cwd=tmp_path) as session:
        assert session.eval("__import__('mine').answer") == 42
        assert os.path.samefile(session.eval("__import__('os').getcwd()"), tmp_path)


def test_a_broken_package_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment whose own dependency is not installed."""
    info = tmp_path / "arcuate_broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: arcuate-broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[arcuate.environments]\nbroken = arcuate_broken:Broken\n")
    (tmp_path / "arcuate_broken.py").write_text("import a_dependency_of_its_own\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "broken" in environments()
    with pytest.raises(EnvironmentNotFound, match=r"'broken'.*a_dependency_of_its_own"):
        connect("broken")


def test_with_the_backport_of_importlib_metadata() -> None:
    """It replaces the entry points of Python's own module by its own, as soon as anything imports it."""
    pytest.importorskip("importlib_metadata", reason="python: no importlib_metadata here")
    code = (
        "import importlib_metadata\n"
        "from arcuate.client import connect\n"
        "with connect('python') as python: print(python.eval('40 + 2'))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("42\n", 0), done.stderr
