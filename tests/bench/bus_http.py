"""HTTP: a scalar call and 80 MB there and back, beside a raw uvicorn echo in the same run.

Each function returns medians in seconds. The hub and the raw echo are processes of their own. The echo is
asked by ``http.client``, of which nothing here is a part.
"""

from __future__ import annotations

import http.client
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from arcuate.client import connect

HUB = """
import sys
from arcuate.hub import Hub
from arcuate.http import HttpBridge
hub = Hub()
bridge = HttpBridge(hub, ["127.0.0.1:0"])
bridge.start()
print(bridge.endpoints[0], flush=True)
sys.stdin.read()
hub.close()
bridge.stop(1.0)
"""
ECHO = """
import os, socket, sys, threading, uvicorn
async def echo(scope, receive, send):
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message["body"])
        more = message["more_body"]
    body = parts[0] if len(parts) == 1 else b"".join(parts)
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
config = uvicorn.Config(echo, lifespan="off", log_config=None, access_log=False, proxy_headers=False)
uvicorn.Server(config).run([listener])
"""


@contextmanager
def _process(code: str) -> Iterator[str]:
    """A process that ends with its standard input: the line that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate(timeout=30)


@contextmanager
def echo() -> Iterator[Callable[[Any, int], Any]]:
    """Sends a body to a raw uvicorn, and returns what comes back."""
    with _process(ECHO) as port:
        connection = http.client.HTTPConnection("127.0.0.1", int(port))
        connection.connect()

        def bounce(body: Any, size: int) -> Any:
            connection.request("POST", "/", body, {"Content-Length": str(size)})
            answer = connection.getresponse()
            if size < 1 << 16:
                return answer.read()
            back = np.empty(size, np.uint8)  # no copy that a good client would not make
            at = 0
            while at < size:
                at += answer.readinto(back.data[at:])
            answer.read()
            return back

        try:
            yield bounce
        finally:
            connection.close()


def median(work: Callable[[], Any], times: int) -> float:
    """The median of that many runs, in seconds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def scalar(rounds: int = 5, calls: int = 1000) -> dict[str, float]:
    """``math.hypot(3.0, 4.0)`` here, through the hub, and 100 bytes through raw uvicorn, in turns."""
    found: dict[str, list[float]] = {"local": [], "hub": [], "raw": []}
    with (
        _process(HUB) as endpoint,
        connect(f"{endpoint}/python") as far,
        connect("python") as near,
        echo() as bounce,
    ):
        work: dict[str, Callable[[], Any]] = {
            "local": lambda: near.call("math.hypot", 3.0, 4.0),
            "hub": lambda: far.call("math.hypot", 3.0, 4.0),
            "raw": lambda: bounce(b"x" * 100, 100),
        }
        for call in work.values():
            median(call, 200)
        for _ in range(rounds):
            for name, call in work.items():
                found[name].append(median(call, calls))
    result = {name: statistics.median(values) for name, values in found.items()}
    result["beyond"] = result["hub"] - result["local"]
    result["ratio"] = result["beyond"] / result["raw"]
    result["speed"] = 1.0 / result["ratio"]
    return result


def large(times: int = 15, elements: int = 10_000_000) -> dict[str, float]:
    """An array of float64 to the python environment and back, and as a body through raw uvicorn, in turns."""
    array = np.arange(float(elements))
    with _process(HUB) as endpoint, connect(f"{endpoint}/python") as far, echo() as bounce:
        far.run("def same(x): return x")

        def there_and_back() -> None:
            assert far.call("same", array)[-1] == array[-1]

        def raw() -> None:
            assert bounce(array.data.cast("B"), array.nbytes).view(np.float64)[-1] == array[-1]

        found: dict[str, list[float]] = {"hub": [], "raw": []}
        for _ in range(3):
            there_and_back()
            raw()
        for _ in range(times):
            found["hub"].append(median(there_and_back, 1))
            found["raw"].append(median(raw, 1))
    result = {name: statistics.median(values) for name, values in found.items()}
    result["speed"] = result["raw"] / result["hub"]
    result["ratio"] = result["hub"] / result["raw"]
    return result


if __name__ == "__main__":
    for title, measured in (("scalar", scalar()), ("80 MB", large())):
        print(title, {name: round(value, 6) for name, value in measured.items()})
