"""Debian's nats-server with JetStream, its data in a folder of its own, ended by its id."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class NATSServer:
    """A server that runs, can be killed, and started again on the same port.

    Attributes:
        port: where it listens; chosen by the system.
        process: the server.
    """

    def __init__(self, folder: Path, *options: str) -> None:
        program = shutil.which("nats-server") or shutil.which("nats-server", path="/usr/sbin")
        if program is None:
            pytest.skip("nats-server: not installed; type: python3 tools/setup.py tools")
        self._folder = folder
        self._command = [program, "-a", "127.0.0.1", "-js", "-sd", str(folder), *options]
        self.port = -1
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"nats://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; returns when it takes connections."""
        command = [*self._command, "-p", str(self.port), "--ports_file_dir", str(self._folder)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        ports = self._folder / f"nats-server_{self.process.pid}.ports"
        end = time.monotonic() + 20
        while time.monotonic() < end:
            assert self.process.poll() is None, "nats-server ended"
            try:
                self.port = int(json.loads(ports.read_text())["nats"][0].rpartition(":")[2])
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except (OSError, ValueError, KeyError):
                time.sleep(0.01)  # the server writes the file when it listens
        raise AssertionError("nats-server did not start within 20 s")

    def kill(self) -> None:
        """As a crash of the machine would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@contextmanager
def nats_server(*options: str) -> Iterator[NATSServer]:
    """A server with JetStream."""
    folder = Path(tempfile.mkdtemp(prefix="arc-nats-"))
    server = None
    try:
        server = NATSServer(folder, *options)
        yield server
    finally:
        if server is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


def speak(port: int, *lines: bytes) -> bytes:
    """Speaks NATS's own protocol, as any program can: sends lines and gives back what came until PONG."""
    with socket.create_connection(("127.0.0.1", port), 10) as wire:
        file = wire.makefile("rwb")
        file.readline()  # INFO
        file.write(b'CONNECT {"verbose":false}\r\n' + b"".join(lines) + b"PING\r\n")
        file.flush()
        came = b""
        while not came.endswith(b"PONG\r\n"):
            line = file.readline()
            assert line, came
            came += line
        return came
