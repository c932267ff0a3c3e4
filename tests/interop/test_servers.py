"""The runner's own servers: they end with it, and the bad ones are bad in the way that they say."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.contract.processes import runs, until

from arcuate.client import connect
from arcuate.errors import ConnectionLost, ProtocolError
from arcuate.matrix import faulty, janitor
from arcuate.matrix.servers import Servers

HOLD = """
import psutil, sys
from pathlib import Path
from arcuate.matrix.program import Program
from arcuate.matrix.servers import Servers
servers = Servers()
servers.endpoint("plain", "http")
code = "import os; os.fork(); os.write(1, b'here'); __import__('time').sleep(3600)"
hung = Program([sys.executable, "-c", code], Path.cwd())
hung._start()  # it and its child never look at their input
hung._read(8, 1e9)
print(*[child.pid for child in psutil.Process().children(recursive=True)], servers.folder, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=["kill", "hangup"])
def test_nothing_stays_of_a_runner_that_is_killed(number: signal.Signals) -> None:
    """Not its hub, not a program that hangs nor what that started, not its files, not who tidies up."""
    runner = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    assert runner.stdin is not None
    *pids, folder = runner.stdout.readline().split()
    started = [int(pid) for pid in pids]
    assert len(started) >= 4  # hub, janitor, program, its child
    runner.send_signal(number)
    runner.wait()
    for pipe in (runner.stdin, runner.stdout):
        pipe.close()
    until(lambda: not any(map(runs, started)), "all that it started ends")  # who reaps orphans may be slow
    assert not Path(folder).exists()


def test_a_build_that_is_given_up_ends_with_all_that_it_started(tmp_path: Path) -> None:
    code = "import os, time; print(os.fork(), flush=True); time.sleep(3600)"
    before = {one.pid for one in psutil.process_iter()}
    with pytest.raises(subprocess.TimeoutExpired):
        janitor.finish([sys.executable, "-c", code], tmp_path, 0.5)
    left = [one for one in psutil.process_iter(["cmdline"]) if one.pid not in before]
    assert not [one for one in left if code in (one.info["cmdline"] or ())]


def test_the_proxy_cuts_in_the_middle(servers: Servers, tmp_path: Path) -> None:
    with faulty.Cutting("http", servers.endpoint("plain", "http").address, tmp_path / "x") as proxy:
        with connect(f"{proxy.url}/python") as session:
            assert session.call("len", [1, 2]) == 2
            proxy.cut_after(1000)
            with pytest.raises(ConnectionLost):
                session.call("len", b"x" * 1_000_000, timeout=20)
        assert proxy.cut


@pytest.mark.parametrize("scheme", ["grpc", "zmq", "http"])
def test_noise(scheme: str, tmp_path: Path) -> None:
    refused = pytest.raises((ConnectionLost, ProtocolError))
    with faulty.garbage_inside(scheme, tmp_path / "x") as url, refused:
        connect(f"{url}/python", start=2)
    with faulty.garbage(scheme, tmp_path / "y") as server:
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), 10) as one:
            one.sendall(b"hello")
            assert len(one.recv(100)) == 100
