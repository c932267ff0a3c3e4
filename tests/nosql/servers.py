"""Real servers, each its data in a folder of its own, ended by its id."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from tests.sql import servers as databases

PASSWORD = "s3cret/Wört+p@ss"
TOOLS = Path(__file__).parents[2] / ".tools"


@dataclass(frozen=True)
class Server:
    """A server that runs.

    Attributes:
        whole: it keeps all types of MongoDB's.
        behind: the port of the database that it uses.
    """

    port: int
    pid: int = 0
    whole: bool = True
    behind: int = 0


@contextmanager
def redis(*options: str, password: bool = True) -> Iterator[Server]:
    """Redis, in memory only; its default user has PASSWORD."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server: not installed; type: python3 tools/setup.py tools")
    with tempfile.TemporaryDirectory(prefix="arc-redis-") as folder:
        for _ in range(5):  # another may have taken the port in between
            with socket.socket() as asked:
                asked.bind(("127.0.0.1", 0))
                port = int(asked.getsockname()[1])
            lines = [f"port {port}", "bind 127.0.0.1", f"dir {folder}", 'save ""', "daemonize no", *options]
            lines += [f'requirepass "{PASSWORD}"'] if password else []
            with subprocess.Popen(
                [program, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                try:
                    process.stdin.write("\n".join(lines) + "\n")
                    process.stdin.close()
                    if any("Ready to accept connections" in line for line in process.stdout):
                        yield Server(port, process.pid)
                        return
                finally:
                    process.kill()
                    process.stdout.read()
        raise AssertionError("redis-server does not start")


@contextmanager
def mongo() -> Iterator[Server]:
    """mongo-java-server: MongoDB's protocol, in memory, without users and transactions."""
    java, folder = shutil.which("java"), TOOLS / "maven" / "mongo-java-server"
    if java is None or not (folder / "installed.version").is_file():
        pytest.skip("mongo-java-server: not installed; type: python3 tools/setup.py tools")
    source = Path(__file__).with_name("MongoServerMain.java")
    with subprocess.Popen(
        [java, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{folder}/*", source],
        env=os.environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()), process.pid)
        finally:
            process.stdin.close()
            process.kill()
            process.stdout.read()


@contextmanager
def ferret() -> Iterator[Server]:
    """FerretDB, which keeps its documents in a PostgreSQL of its own; not all types of them."""
    if not (TOOLS / "bin" / "ferretdb").is_file():
        pytest.skip("ferretdb: not installed; type: python3 tools/setup.py tools")
    with databases.postgresql() as behind, ferret_before(behind.port) as found:
        yield found


@contextmanager
def ferret_before(behind: int, *options: str) -> Iterator[Server]:
    """FerretDB before the PostgreSQL at this port."""
    word = quote(databases.PASSWORD, safe="")
    command = [str(TOOLS / "bin" / "ferretdb"), "--listen-addr=127.0.0.1:0", "--debug-addr=-"]
    command += ["--state-dir=-", "--telemetry=disable", "--log-format=json", *options]
    command += [f"--postgresql-url=postgres://tester:{word}@127.0.0.1:{behind}/postgres"]
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        # what it goes on to say is read, so that it never has to wait
        reader = threading.Thread(target=process.stderr.read, daemon=True)
        try:
            lines = []
            for line in process.stderr:
                lines.append(line)
                found = re.search(r"Listening on TCP.*?127\.0\.0\.1:(\d+)", line)
                if found:
                    reader.start()
                    yield Server(int(found.group(1)), process.pid, whole=False, behind=behind)
                    return
            raise AssertionError(f"ferretdb ended: {''.join(lines[-20:])}")
        finally:
            process.kill()
            if reader.ident is not None:
                reader.join(10)
