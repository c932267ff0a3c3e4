"""The client in R: built, and its own tests run against a hub, with servers that fail on purpose."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.hub.certificates import Files

import arcuate.hub
from arcuate.hub.tokens import create

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "clients" / "r"
CUT_AFTER = 1 << 20
"""Bytes from the hub after which a connection is cut: in the middle of the array of 4 MB."""


def _has(*packages: str) -> bool:
    if shutil.which("Rscript") is None:
        return False
    code = "; ".join(f"invisible(packageVersion('{name}'))" for name in packages)
    return (
        subprocess.run(["Rscript", "--vanilla", "-e", code], capture_output=True, check=False).returncode == 0
    )


class Server:
    """Listens on a port that the system chooses; each connection is served by a thread.

    Args:
        answer: what is sent to whoever connects; ``None``: pass everything on to ``target``.
        target: a port of this machine.
        again: whether connections are accepted after one was cut.
    """

    def __init__(self, answer: bytes | None = None, target: int = 0, again: bool = True) -> None:
        self._answer, self._target, self._again = answer, target, again
        self._cut = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(client)
            if self._cut.is_set() and not self._again:
                client.close()
                continue
            thread = threading.Thread(
                target=self._garbage if self._answer is not None else self._pass, args=(client,)
            )
            self._threads.append(thread)
            thread.start()

    def _garbage(self, client: socket.socket) -> None:
        assert self._answer is not None
        try:
            client.recv(1 << 16)
            client.sendall(self._answer)
        except OSError:
            pass
        client.close()

    def _pass(self, client: socket.socket) -> None:
        hub = socket.create_connection(("127.0.0.1", self._target))
        self._open.append(hub)
        there = threading.Thread(target=self._copy, args=(client, hub, False))
        self._threads.append(there)
        there.start()
        self._copy(hub, client, True)

    def _copy(self, source: socket.socket, target: socket.socket, cuts: bool) -> None:
        count = 0
        try:
            while data := source.recv(1 << 16):
                count += len(data)
                if cuts and count > CUT_AFTER and not self._cut.is_set():
                    self._cut.set()
                    break
                target.sendall(data)
        except OSError:
            pass
        for one in (source, target):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self) -> None:
        """Ends everything."""
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._listener.close()
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join()
        for one in self._open:
            one.close()


@contextmanager
def hub(ready: Path, *options: str) -> Iterator[dict[str, str]]:
    """A hub with both protocols; what stands in its ready file."""
    command = [sys.executable, "-m", "arcuate.cli", "serve", "--http", "127.0.0.1:0", "--zmq", "127.0.0.1:0"]
    command += ["--ready-file", str(ready), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            while not ready.exists():  # it appears whole, when calls are served
                assert process.poll() is None, process.stdout and process.stdout.read()
                time.sleep(0.05)
            yield json.loads(ready.read_text())
        finally:
            process.terminate()
            process.communicate(timeout=20)


@pytest.fixture(scope="module")
def library() -> Path:
    """The folder that the client is installed into."""
    if not _has("curl", "pbdZMQ", "testthat", "jsonlite"):
        pytest.skip("r: not installed")
    done = subprocess.run(["make", "build"], cwd=CLIENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return CLIENT / "build-library"


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The ready file of a hub whose sessions end a second after they were lost."""
    file = tmp_path_factory.mktemp("hub") / "ready.json"
    with hub(file, "--set", "limits.grace_seconds=1"):
        yield file


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What the tests have to know of a hub with TLS, CURVE and tokens."""
    folder = tmp_path_factory.mktemp("secure")
    authority = Files(folder, "ours")
    certificate, key = authority.issue("hub", "127.0.0.1")
    token = create(folder / "tokens.toml", "tester", environments=["python"], eval=True)
    options = [
        "--tokens",
        str(folder / "tokens.toml"),
        "--tls-certificate",
        str(certificate),
        "--tls-key",
        str(key),
    ]
    with hub(folder / "ready.json", *options, "--curve-key", str(folder / "curve.key")) as addresses:
        yield {
            "ARCUATE_TEST_SECURE": str(folder / "ready.json"),
            "ARCUATE_TEST_CA": str(authority.ca),
            "ARCUATE_TEST_TOKEN": token,
            "ARCUATE_TEST_SERVER_KEY": addresses["zmq_server_key"],
        }


def test_own_tests(library: Path, ready: Path, secure: dict[str, str]) -> None:
    addresses = json.loads(ready.read_text())
    with ExitStack() as stack:
        servers: dict[str, Server] = {
            "GARBAGE": Server(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.arcuate.frames\r\n"
                b"Content-Length: 64\r\n\r\n" + b"\xc3" * 64
            ),
            "NOISE": Server(b"\x00\xffnoise" * 20),
        }
        for scheme in ("http", "zmq"):
            port = urlsplit(addresses[scheme]).port
            assert port is not None
            servers[f"CUT_ONCE_{scheme.upper()}"] = Server(target=port)
            servers[f"CUT_{scheme.upper()}"] = Server(target=port, again=False)
        for server in servers.values():
            stack.callback(server.close)
        ports = {f"ARCUATE_TEST_{name}": str(server.port) for name, server in servers.items()}
        done = subprocess.run(
            ["make", "test"],
            cwd=CLIENT,
            env={
                **os.environ,
                **ports,
                **secure,
                "LC_ALL": "C",
                "ARCUATE_TEST_READY": str(ready),
                "ARCUATE_REQUIRE": "all",
            },
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "faults:" not in done.stdout, done.stdout  # none of them was skipped
    assert "secure:" not in done.stdout, done.stdout


LAST = """
library(arcuate)
told <- file("stdin", "r")
con <- arcuate_connect(paste0(Sys.getenv("HUB"), "/python"))
arcuate_run(con, "def ask(function): return function()")
busy <- function(...) message("busy")
itself <- function() { busy(); readLines(told, 1L) }
code <- "print('begun', flush=True); import time; time.sleep(60)"
calling <- function() arcuate_run(con, code, .on_output = busy)
work <- if (startsWith(Sys.getenv("HUB"), "http")) calling else itself
failed <- tryCatch(con$ask(work), error = function(e) e)
cat(class(failed)[1L], conditionMessage(failed))
"""


@pytest.mark.parametrize("protocol", ["http", "zmq"])
def test_a_client_that_was_busy_hears_the_last_word(library: Path, protocol: str) -> None:
    """Busy in R itself, or in a call that its function makes."""
    server = arcuate.hub.Server(arcuate.hub.Config(**{protocol: ["127.0.0.1:0"]})).start()
    env = {**os.environ, "R_LIBS": str(library), "HUB": server.endpoints[protocol]}
    command = ["Rscript", "--vanilla", "-e", LAST]
    pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(command, env=env, text=True, **pipes) as client:
        assert client.stderr is not None
        said = client.stderr.readline()
        server.stop(0)
        found, more = client.communicate("go\n", timeout=30)
    assert found.startswith("arcuate_Unavailable"), (found, said, more)
    assert "shutting down" in found


def test_example_of_the_docs(library: Path, ready: Path) -> None:
    example = ROOT / "docs" / "examples" / "r_client.R"
    env = {**os.environ, "R_LIBS": str(library), "HUB": json.loads(ready.read_text())["http"]}
    done = subprocess.run(
        ["Rscript", "--vanilla", example], env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == example.with_suffix(".out").read_text(encoding="utf-8")
