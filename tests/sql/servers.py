"""Real database servers of Debian's packages, each its data in a folder of its own, ended by its id."""

from __future__ import annotations

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PASSWORD = "s3cret/Wört+p@ss"


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    port: int
    folder: Path
    pid: int


def free_port() -> int:
    """A port that the system chose."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def _someone(*names: str) -> dict[str, object]:
    """The unprivileged user that servers run as when the tests are root."""
    if os.geteuid() != 0:
        return {}
    for name in (*names, "nobody"):
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
    raise AssertionError("no unprivileged user")


@contextmanager
def _folder(who: dict[str, object]) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="arc-db-"))
    try:
        if who:
            os.chown(folder, int(str(who["user"])), int(str(who["group"])))
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], who: dict[str, object], folder: Path) -> None:
    done = subprocess.run(
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **who
    )  # type: ignore[call-overload]
    assert done.returncode == 0, done.stdout + done.stderr


@contextmanager
def _process(
    command: list[str], ready: str, who: dict[str, object], folder: Path, last: int = signal.SIGKILL
) -> Iterator[int]:
    """A server that says on its output when it is ready, and ends at the signal ``last``."""
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        **who,
    ) as process:  # type: ignore[call-overload]
        lines = []
        reader = threading.Thread(target=process.stdout.read, daemon=True)
        try:
            for line in process.stdout:
                lines.append(line)
                if ready in line:
                    break
            else:
                raise AssertionError(f"{command[0]} ended: {''.join(lines[-20:])}")
            # What it goes on to say, such as each error, is read: it would wait when the pipe is full.
            reader.start()
            yield process.pid
        finally:
            try:
                process.send_signal(last)
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
            if reader.ident is not None:
                reader.join(10)


@contextmanager
def postgresql() -> Iterator[Server]:
    """PostgreSQL with user "tester", whose password is PASSWORD."""
    programs = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    found = shutil.which("postgres") or (f"{programs[-1]}/postgres" if programs else None)
    if found is None:
        pytest.skip("postgresql: not installed")
    who = _someone("postgres")
    with _folder(who) as folder:
        (folder / "password").write_text(PASSWORD + "\n")
        os.chmod(folder / "password", 0o644)  # in a folder that only this user can enter
        data, port = folder / "data", free_port()
        _run(
            [
                *(str(Path(found).with_name("initdb")), "-D", str(data), "-U", "tester", "--no-sync"),
                *("-A", "scram-sha-256", "--pwfile", str(folder / "password")),
                *("-E", "UTF8", "--locale=C", "--lc-messages=C"),
            ],
            who,
            folder,
        )
        options = ["-F", "-p", str(port), "-h", "127.0.0.1", "-k", str(folder)]
        command = [found, "-D", str(data), *options, "-c", "deadlock_timeout=100ms"]
        # an immediate shutdown, which still removes its shared memory
        with _process(command, "ready to accept connections", who, folder, signal.SIGQUIT) as pid:
            yield Server(port, folder, pid)


@contextmanager
def mariadb() -> Iterator[Server]:
    """MariaDB with user "tester", whose password is PASSWORD."""
    found, maker = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if found is None or maker is None:
        pytest.skip("mariadb: not installed")
    who = _someone("mysql")
    with _folder(who) as folder:
        data, port = folder / "data", free_port()
        common = ["--no-defaults", f"--datadir={data}", "--innodb-log-file-size=4M"]
        _run([maker, *common, "--auth-root-authentication-method=normal", "--skip-test-db"], who, folder)
        (folder / "init.sql").write_text(
            "CREATE DATABASE work CHARACTER SET utf8mb4;\n"
            f"CREATE USER tester@'%' IDENTIFIED BY '{PASSWORD}';\n"
            "GRANT ALL ON work.* TO tester@'%';\n"
        )
        os.chmod(folder / "init.sql", 0o644)
        options = [f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder}/s"]
        options += [
            f"--init-file={folder}/init.sql",
            "--innodb-flush-log-at-trx-commit=0",
            "--skip-name-resolve",
        ]
        options += ["--innodb-buffer-pool-size=16M"]
        with _process([found, *common, *options], "ready for connections", who, folder) as pid:
            yield Server(port, folder, pid)
