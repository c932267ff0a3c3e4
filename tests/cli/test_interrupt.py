"""Ctrl-C, as a terminal sends it: a word, status 130, and nothing half is left."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.support import ARCUATE, CLEAN

from arcuate.cli.failure import orderly


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


@pytest.mark.parametrize(
    "words",
    [
        ("copy", "http://127.0.0.1:{}/a.csv", "b.csv"),
        ("copy", "postgresql://me@127.0.0.1:{}/db#t", "b.parquet"),
        ("health", "http://127.0.0.1:{}", "mqtt://127.0.0.1:{}"),
    ],
    ids=["copy", "copy of a table", "health"],
)
def test_ctrl_c_leaves_nothing_half(silent: socket.socket, tmp_path: Path, words: tuple[str, ...]) -> None:
    port = silent.getsockname()[1]
    with subprocess.Popen(
        [ARCUATE, *(word.format(port) for word in words)],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **CLEAN},
    ) as process:
        try:
            one, _ = silent.accept()  # it is under way
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
            one.close()
        finally:
            process.kill()
    assert (process.returncode, err) == (130, "interrupted\n"), out
    assert out == ""
    assert list(tmp_path.iterdir()) == []


def test_sigterm_leaves_nothing_half(silent: socket.socket, tmp_path: Path) -> None:
    """As a batch system and ``timeout`` end a program."""
    words = ("copy", f"http://127.0.0.1:{silent.getsockname()[1]}/a.csv", "b.parquet")
    with subprocess.Popen(
        [ARCUATE, *words],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        env={**os.environ, **CLEAN, "TMPDIR": str(tmp_path)},
    ) as process:
        try:
            one, _ = silent.accept()
            one.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 90000000\r\n\r\n" + b"a,b\n" * 500_000)
            deadline = time.monotonic() + 20
            while not any(tmp_path.iterdir()) and time.monotonic() < deadline:
                time.sleep(0.01)
            assert any(tmp_path.iterdir())
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=20)
            one.close()
        finally:
            process.kill()
    assert process.returncode == 143
    assert list(tmp_path.iterdir()) == []


def test_a_second_sigterm_does_not_disturb_what_is_put_away() -> None:
    """``timeout`` sends one to the program, and at once another to its whole group."""
    before, put_away = signal.getsignal(signal.SIGTERM), False
    with pytest.raises(SystemExit) as ended, orderly():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGTERM)
            put_away = True
    assert (put_away, ended.value.code) == (True, 143)
    assert signal.getsignal(signal.SIGTERM) is before
