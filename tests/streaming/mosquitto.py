"""Debian's Mosquitto and its clients; the data in a folder of its own, ended by its id."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PASSWORD = "s3cret/Wört+p@ss"


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name}: not installed; type: python3 tools/setup.py tools")
    return found


class Mosquitto:
    """A broker that runs, can be killed, and started again on the same port.

    Attributes:
        port: where it listens.
        tls: where it listens with TLS, when a folder with certificates was given.
    """

    def __init__(self, folder: Path, *lines: str, certificates: Path | None = None) -> None:
        for name in ("mosquitto", "mosquitto_pub", "mosquitto_sub", "mosquitto_passwd"):
            program(name)
        self.folder = folder
        (folder / "acl").write_text("topic readwrite open/#\nuser lab\ntopic readwrite #\n")
        (folder / "passwords").touch(mode=0o644)
        made = [program("mosquitto_passwd"), "-b", str(folder / "passwords"), "lab", PASSWORD]
        subprocess.run(made, check=True, capture_output=True)
        for _ in range(5):  # another program may have taken a port meanwhile
            (self.port, self.tls) = _free(2)
            self._configure(*lines, certificates=certificates)
            try:
                self.start()
                return
            except ChildProcessError:
                continue
        raise AssertionError("mosquitto ended each time")

    def _configure(self, *lines: str, certificates: Path | None) -> None:
        folder = self.folder
        settings = [
            "per_listener_settings false",
            "persistence false",
            "max_queued_messages 0",
            "allow_anonymous true",
            f"password_file {folder}/passwords",
            f"acl_file {folder}/acl",
            "log_type error",
            *lines,
            f"listener {self.port} 127.0.0.1",
        ]
        if certificates is not None:
            for name in ("server.pem", "ca.pem"):  # where it can read them without root's rights
                shutil.copy(certificates / name, folder / name)
            settings += [
                f"listener {self.tls} 127.0.0.1",
                f"certfile {folder}/server.pem",
                f"keyfile {folder}/server.pem",
                f"cafile {folder}/ca.pem",
                "require_certificate true",
            ]
        (folder / "mosquitto.conf").write_text("\n".join(settings) + "\n")
        for one in folder.iterdir():
            os.chmod(one, 0o644)
        os.chmod(folder, 0o755)  # as root it gives its rights up before it reads some of them

    @property
    def url(self) -> str:
        """Its address, for a user that may do everything."""
        return f"mqtt://lab@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it; returns when it takes connections."""
        self.process = subprocess.Popen(
            [program("mosquitto"), "-c", str(self.folder / "mosquitto.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + 20
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise ChildProcessError("mosquitto ended")
            try:
                socket.create_connection(("127.0.0.1", self.port), 5).close()
                return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("mosquitto did not start within 20 s")

    def kill(self) -> None:
        """As a crash of the machine would."""
        self.process.kill()
        self.process.wait()

    def _run(self, name: str, *arguments: str, data: bytes | None = None) -> bytes:
        who = ["-u", "lab", "-P", PASSWORD, "-h", "127.0.0.1", "-p", str(self.port), "-V", "5"]
        done = subprocess.run(
            [program(name), *who, *arguments], input=data, capture_output=True, check=False, timeout=30
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def publish(self, topic: str, *payloads: bytes, options: tuple[str, ...] = ("-q", "1")) -> None:
        """Publishes by mosquitto_pub."""
        for payload in payloads:
            self._run("mosquitto_pub", "-t", topic, "-s", *options, data=payload)

    def begin(self, name: str, topic: str) -> None:
        """Makes a session of mosquitto_sub's that waits for :meth:`read`."""
        session = ["-i", name, "-c", "-x", "600", "-q", "2"]
        self._run("mosquitto_sub", *session, "-t", topic, "-E")

    def read(self, name: str, topic: str, count: int, form: str) -> bytes:
        """What a session got, as mosquitto_sub prints it."""
        session = ["-i", name, "-c", "-x", "600", "-q", "2"]
        return self._run("mosquitto_sub", *session, "-t", topic, "-C", str(count), "-W", "10", "-F", form)


def _free(count: int) -> list[int]:
    asked = [socket.socket() for _ in range(count)]
    try:
        for one in asked:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in asked]
    finally:
        for one in asked:
            one.close()


@contextmanager
def mosquitto(*lines: str, certificates: Path | None = None) -> Iterator[Mosquitto]:
    """A broker that lets user "lab" do everything with PASSWORD, and others read and write open/#."""
    folder = Path(tempfile.mkdtemp(prefix="arc-mqtt-"))
    broker = None
    try:
        broker = Mosquitto(folder, *lines, certificates=certificates)
        yield broker
    finally:
        if broker is not None:
            broker.kill()
        shutil.rmtree(folder, ignore_errors=True)
