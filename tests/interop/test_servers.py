"""The runner's own servers: they end with it, and the bad ones are bad in the way that they say."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from arcuate.client import connect
from arcuate.errors import ConnectionLost, ProtocolError
from arcuate.matrix import faulty
from arcuate.matrix.servers import Servers

HOLD = """
import psutil, sys
from arcuate.matrix.servers import Servers
servers = Servers()
servers.endpoint("plain", "http")
print(*[child.pid for child in psutil.Process().children()], servers.folder, flush=True)
sys.stdin.read()
"""


def test_a_hub_ends_with_a_runner_that_is_killed() -> None:
    runner = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert runner.stdout is not None
    assert runner.stdin is not None
    pid, folder = runner.stdout.readline().split()
    hub = psutil.Process(int(pid))
    runner.kill()
    runner.wait()
    for pipe in (runner.stdin, runner.stdout):
        pipe.close()
    gone, alive = psutil.wait_procs([hub], timeout=30)
    for one in alive:
        one.kill()
    assert gone == [hub]
    subprocess.run(["rm", "-r", folder], check=True)


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
