"""The client in m-code against real hubs: its own tests over each route, its package, its documentation.

What it does with every golden vector is the affair of ``arcuate matrix``.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.hub.process import Served, served

from arcuate.hub.tokens import create

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "octave"
PAGE = ROOT / "docs" / "clients" / "octave.md"
NOISE = b"\x00\x01 no protocol that anybody speaks \r\n" * 8
PASSED = 1_000_000  # bytes of the hub that come through before the connection is cut


def octave(*arguments: str, **env: str) -> str:
    """Runs Octave and returns what it prints."""
    program = shutil.which("octave-cli")
    if program is None:
        pytest.skip("octave: not installed")
    command = [program, "--norc", "--quiet", *arguments]
    done = subprocess.run(
        command,
        cwd=CLIENT,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Bad:
    """What listens and is no good hub: noise, or a way to one that is cut for good during an answer."""

    def __init__(self, behind: str | None = None) -> None:
        self._behind = behind
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._ends: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                end, _ = self._listener.accept()
            except OSError:
                return
            self._ends.append(end)
            if self._behind is None:
                self._run(self._noise, end)
            else:
                host, _, port = self._behind.rpartition("/")[2].partition(":")
                hub = socket.create_connection((host, int(port)))
                self._ends.append(hub)
                self._run(self._pass, end, hub, 1 << 60)
                self._run(self._pass, hub, end, PASSED)

    def _run(self, target: object, *arguments: object) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments))  # type: ignore[arg-type]
        self._threads[-1].start()

    @staticmethod
    def _noise(end: socket.socket) -> None:
        if end.recv(65536):
            end.sendall(NOISE)
        end.close()

    def _pass(self, source: socket.socket, target: socket.socket, most: int) -> None:
        try:
            while most > 0 and (data := source.recv(65536)):
                target.sendall(data[:most])
                most -= len(data)
        except OSError:
            pass
        if most <= 0:
            self.close(wait=False)

    def close(self, *, wait: bool = True) -> None:
        """Ends all of it."""
        for one in (self._listener, *self._ends):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        if wait:
            for thread in self._threads:
                thread.join(10)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A hub that lets everybody of this machine in."""
    with served(tmp_path_factory.mktemp("plain"), "--http", "127.0.0.1:0", "--zmq", "127.0.0.1:0") as hub:
        yield hub


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, str]]:
    """One that wants a token and takes messages of a megabyte; and a token."""
    folder = tmp_path_factory.mktemp("locked")
    token = create(folder / "tokens.toml", "alice")
    options = ("--tokens", str(folder / "tokens.toml"), "--set", "limits.message=1000000")
    with served(folder, "--http", "127.0.0.1:0", "--zmq", "127.0.0.1:0", *options) as hub:
        yield hub, token


def test_values() -> None:
    """What is written is read again, and what is malformed is refused, without a hub."""
    assert "16 of 16 passed" in octave("test/run_tests.m")


ROUTES = ("curl", "tcpclient", "sockets", "zeromq")


@pytest.fixture(scope="module")
def runs(plain: Served, locked: tuple[Served, str]) -> Iterator[dict[str, Future[str]]]:
    """What session.tst and errors.tst print over each route; all at the same time, since they wait a lot."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(len(ROUTES)))
        noise = Bad()
        stack.callback(noise.close)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        found = {}
        for route in ROUTES:
            kind = "zmq" if route == "zeromq" else "http"
            cutting = Bad(plain.ready["http"])
            stack.callback(cutting.close)
            found[route] = pool.submit(
                octave,
                "test/run_tests.m",
                ARCUATE_ROUTE=route,
                ARCUATE_HUB=plain.ready[kind],
                ARCUATE_LOCKED=locked[0].ready[kind],
                ARCUATE_TOKEN=locked[1],
                ARCUATE_DOWN=f"{kind}://127.0.0.1:{port}/python",
                ARCUATE_GARBAGE=noise.url,
                ARCUATE_CUT=cutting.url,
            )
        yield found


@pytest.mark.parametrize("route", ROUTES)
def test_route(route: str, runs: dict[str, Future[str]]) -> None:
    """Sessions and bad input."""
    assert re.findall(r"(\d+) of (\d+) passed", runs[route].result()) == [("16", "16"), ("12", "12")]


def test_package(tmp_path: Path) -> None:
    """`pkg install` of what `make build` makes: the package loads, and its functions are found."""
    made = subprocess.run(["make", "build"], cwd=CLIENT, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    (archive,) = CLIENT.glob("arcuate-*.tar.gz")
    here = str(tmp_path)
    code = (
        f"pkg prefix {here}/p {here}/p; pkg local_list {here}/list; pkg install {archive}; pkg load arcuate; "
        "disp (arcuate.unpack (arcuate.pack ('it is there')))"
    )
    assert octave("--eval", code).splitlines()[-1] == "it is there"
    listed = set(re.findall(r"^ arcuate\.(\w+)$", (CLIENT / "INDEX").read_text(), re.MULTILINE))
    functions = {path.stem for path in (CLIENT / "inst" / "+arcuate").glob("[a-z]*.m")}
    assert listed == functions


def test_page(plain: Served, tmp_path: Path) -> None:
    """The example of the documentation, which calls R and Python, prints what stands there."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(r"```matlab\n(% example\n.*?)```\n+```text\n(.*?)```", page, re.DOTALL)
    assert found is not None
    script = tmp_path / "example.m"
    script.write_text(found[1].replace("http://127.0.0.1:8080", plain.ready["http"]), encoding="utf-8")
    printed = octave("--path", str(CLIENT / "inst"), str(script))
    assert printed.strip() == found[2].strip()
