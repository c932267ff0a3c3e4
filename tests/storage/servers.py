"""Servers of storage that nobody here wrote: Moto, Azurite, fake-gcs-server, OpenSSH."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pytest
from tests.connector.servers import TOOLS

from arcuate.storage import Storage

ACCOUNT, KEY = "arcuatetests", "c2VjcmV0K3Rlc3RzL29mK2FyY3VhdGU9PQ=="  # made up; Azurite is told of it
SSHD = "/usr/sbin/sshd"
PART = 512 << 10  # bytes of a part


@contextmanager
def _running(command: list[str | Path], **options: object) -> Iterator[subprocess.Popen[str]]:
    server = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **options,  # type: ignore[call-overload]
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield server
    finally:
        server.stdin.close()
        server.kill()  # nothing of it is kept, and an orderly end waits for idle connections
        server.wait()
        for thread in threading.enumerate():
            if thread.name == f"output of {server.pid}":
                thread.join(10)
        server.stdout.close()


def _drained(output: IO[str]) -> None:
    for _ in output:
        pass


def _line(server: subprocess.Popen[str], mark: str) -> str:
    """The first line with these words."""
    assert server.stdout is not None
    said = []
    for line in server.stdout:
        said.append(line)
        if mark in line:
            # What it says from now on is read, for it would wait when the pipe is full.
            name = f"output of {server.pid}"
            threading.Thread(target=_drained, args=(server.stdout,), name=name, daemon=True).start()
            return line.strip()
    raise AssertionError(f"the server ended: {''.join(said)}")


def free_port() -> int:
    """A port that the system chose."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


@contextmanager
def moto() -> Iterator[int]:
    """Moto's S3; its port."""
    environment = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": "1000", "S3_UPLOAD_PART_MIN_SIZE": str(PART)}
    environment["MOTO_S3_DEFAULT_KEY_BUFFER_SIZE"] = str(5 << 20)
    with _running(
        [sys.executable, "-W", "ignore", str(Path(__file__).with_name("moto_main.py"))], env=environment
    ) as server:
        assert server.stdout is not None
        yield int(server.stdout.readline())


@contextmanager
def azurite(folder: Path) -> Iterator[int]:
    """Azurite's blobs; its port."""
    main = TOOLS / "npm/azurite/node_modules/azurite/dist/src/blob/main.js"
    program = shutil.which("node")
    if program is None or not (TOOLS / "npm/azurite/installed.version").is_file():
        pytest.skip("azurite: not installed; type: python3 tools/setup.py tools")
    options = ["--blobPort", "0", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"}
    with _running([program, str(main), *options], cwd=folder, env=environment) as server:
        yield int(_line(server, "listens on").rpartition(":")[2])


@contextmanager
def google() -> Iterator[int]:
    """fake-gcs-server; its port."""
    program = TOOLS / "bin/fake-gcs-server"
    if not program.is_file():
        pytest.skip("fake-gcs-server: not installed; type: python3 tools/setup.py tools")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    options = ["-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-external-url", url]
    with _running(
        [str(program), *options, "-public-host", f"127.0.0.1:{port}", "-backend", "memory"]
    ) as server:
        _line(server, "server started")
        yield port


@dataclass(frozen=True)
class Host:
    """An SSH server.

    Attributes:
        port: where it listens.
        folder: where its files are.
        key: the file with the key that it lets in.
        other: one that it does not.
        known: the file that knows it.
    """

    port: int
    folder: Path
    key: Path
    other: Path
    known: Path
    host_key: str

    def knows(self, port: int) -> None:
        """It is known at this port too: that of a proxy before it."""
        with self.known.open("a") as file:
            file.write(f"[127.0.0.1]:{port} {self.host_key}\n")


@contextmanager
def sshd(denied: str = "") -> Iterator[Host]:
    """OpenSSH's server, only for this user, only SFTP; some of its requests may be denied."""
    keygen = shutil.which("ssh-keygen")
    if not Path(SSHD).is_file() or keygen is None:
        pytest.skip("sshd: not installed; on Debian type: sudo apt-get install -y openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd wants this folder when it is root
    folder = Path(tempfile.mkdtemp(prefix="arc-ssh-"))
    try:
        for name in ("host", "key", "other"):
            subprocess.run(
                [keygen, "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True, timeout=20
            )
        shutil.copy(folder / "key.pub", folder / "authorized")
        (folder / "files").mkdir()
        port = free_port()
        host_key = " ".join((folder / "host.pub").read_text().split()[:2])
        (folder / "known").write_text(f"[127.0.0.1]:{port} {host_key}\n")
        (folder / "config").write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/authorized\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\nMaxStartups 100\n"
            f"Subsystem sftp internal-sftp\nForceCommand internal-sftp{f' -P {denied}' if denied else ''}\n"
            "AllowTcpForwarding no\n"
        )
        with _running([SSHD, "-D", "-e", "-f", str(folder / "config")]) as server:
            _line(server, "Server listening")
            yield Host(port, folder / "files", folder / "key", folder / "other", folder / "known", host_key)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def s3(port: int, bucket: str = "work/lab", **options: object) -> Storage:
    """A storage in Moto."""
    settings = {"key": "AKIAEXAMPLE", "secret": "s3cret/Wört+p", "endpoint": f"http://127.0.0.1:{port}"}
    return Storage({"url": f"s3://{bucket}", **settings, **options})


def az(port: int, container: str = "work/lab", **options: object) -> Storage:
    """A storage in Azurite."""
    settings = {"key": ACCOUNT, "secret": KEY, "endpoint": f"http://127.0.0.1:{port}/{ACCOUNT}"}
    return Storage({"url": f"az://{container}", **settings, **options})


def gs(port: int, bucket: str = "work/lab", **options: object) -> Storage:
    """A storage in fake-gcs-server."""
    settings = {"token": "ya29.s3cret-token", "endpoint": f"http://127.0.0.1:{port}"}
    return Storage({"url": f"gs://{bucket}", **settings, **options})


def sftp_url(host: Host, port: int | None = None) -> str:
    """The address of its folder, by way of a proxy at a port."""
    return f"sftp://{getpass.getuser()}@127.0.0.1:{port or host.port}{host.folder}"


def sftp(host: Host, port: int | None = None, **options: object) -> Storage:
    """A storage behind OpenSSH."""
    settings = {"key_file": str(host.key), "known_hosts": str(host.known)}
    return Storage({"url": sftp_url(host, port), **settings, **options})
