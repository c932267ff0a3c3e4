"""ZeroMQ: a scalar call and 80 MB there and back, beside raw pyzmq in the same run.

Each function returns medians in seconds. The hub and the raw echo are processes of their own.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import zmq

from arcuate.client import connect

HUB = """
import sys
from arcuate.hub import Hub
from arcuate.zmq import ZmqBridge
hub = Hub()
bridge = ZmqBridge(hub, [sys.argv[1]])
bridge.start()
print(bridge.endpoints[0], flush=True)
sys.stdin.read()
hub.close()
bridge.stop(1.0)
"""
ECHO = """
import sys, zmq
socket = zmq.Context().socket(zmq.REP)
socket.bind(sys.argv[1])
print(socket.getsockopt_string(zmq.LAST_ENDPOINT), flush=True)
while True:
    parts = socket.recv_multipart(copy=False)
    if len(parts[0]) == 4:
        break
    socket.send_multipart(parts, copy=False)
"""
TCP = "tcp://127.0.0.1:*"


@contextmanager
def hub(address: str = "tcp://127.0.0.1:0") -> Iterator[str]:
    """A hub in a process of its own: its endpoint."""
    process = subprocess.Popen(
        [sys.executable, "-c", HUB, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate(timeout=30)


@contextmanager
def echo(address: str = TCP) -> Iterator[zmq.Socket[bytes]]:
    """A socket whose messages come back from another process."""
    process = subprocess.Popen([sys.executable, "-c", ECHO, address], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with zmq.Context() as context, context.socket(zmq.REQ) as socket:
        socket.connect(process.stdout.readline().strip())
        yield socket
        socket.send(b"over")
        process.wait(30)


def median(work: Callable[[], Any], times: int) -> float:
    """The median of that many runs, in seconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def scalar(rounds: int = 5, calls: int = 1000) -> dict[str, float]:
    """``math.hypot(3.0, 4.0)`` here, through the hub, and 100 bytes through raw pyzmq, in turns."""
    found: dict[str, list[float]] = {"local": [], "hub": [], "raw": []}
    with hub() as endpoint, connect(f"{endpoint}/python") as far, connect("python") as near, echo() as raw:

        def bounce() -> None:
            raw.send(b"x" * 100)
            raw.recv()

        work = {
            "local": lambda: near.call("math.hypot", 3.0, 4.0),
            "hub": lambda: far.call("math.hypot", 3.0, 4.0),
            "raw": bounce,
        }
        for call in work.values():
            median(call, 200)
        for _ in range(rounds):
            for name, call in work.items():
                found[name].append(median(call, calls))
    result = {name: statistics.median(values) for name, values in found.items()}
    result["beyond"] = result["hub"] - result["local"]
    result["ratio"] = result["beyond"] / result["raw"]
    return result


def large(times: int = 15, elements: int = 10_000_000) -> dict[str, float]:
    """80 MB of float64 to the python environment and back, and as a multipart message through raw pyzmq."""
    array = np.arange(float(elements))
    with hub() as endpoint, connect(f"{endpoint}/python") as far, echo() as raw:
        far.run("def same(x): return x")

        def there_and_back() -> None:
            assert far.call("same", array)[-1] == array[-1]

        def bounce() -> None:
            raw.send_multipart([b"x" * 100, array], copy=False)
            assert np.frombuffer(raw.recv_multipart(copy=False)[1].buffer)[-1] == array[-1]

        found: dict[str, list[float]] = {"hub": [], "raw": []}
        for _ in range(3):
            there_and_back(), bounce()
        for _ in range(times):
            found["hub"].append(median(there_and_back, 1))
            found["raw"].append(median(bounce, 1))
    result = {name: statistics.median(values) for name, values in found.items()}
    result["speed"] = result["raw"] / result["hub"]
    return result


def on_a_socket_file(times: int = 15, elements: int = 10_000_000) -> dict[str, float]:
    """80 MB of float64 to the python environment and back over ipc: through files, and through the socket."""
    array = np.arange(float(elements))
    with hub("ipc://*") as endpoint:
        files = connect(f"{endpoint}/python")
        with mock.patch("arcuate.client.net.zmq.POSSIBLE", new=False):
            parts = connect(f"{endpoint}/python")
        with files, parts:
            found: dict[str, list[float]] = {"files": [], "parts": []}
            for session in (files, parts):
                session.run("def same(x): return x")
            for number in range(3 + times):
                for name, session in (("files", files), ("parts", parts)):
                    begin = time.perf_counter()
                    back = session.call("same", array)
                    taken = time.perf_counter() - begin
                    assert back[-1] == array[-1]
                    del back
                    if number >= 3:
                        found[name].append(taken)
    result = {name: statistics.median(values) for name, values in found.items()}
    result["speed"] = result["parts"] / result["files"]
    return result


if __name__ == "__main__":
    for title, measured in (
        ("scalar", scalar()),
        ("80 MB", large()),
        ("80 MB, socket file", on_a_socket_file()),
    ):
        print(title, {name: round(value, 6) for name, value in measured.items()})
