"""What a hub costs: memory while a large array passes, many idle sessions, very many calls.

Each function starts a hub in a process of its own and reads what the kernel says of that process.
"""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from arcuate.client import connect


@contextmanager
def hub(over: str) -> Iterator[tuple[dict[str, str], int]]:
    """A hub process with one bridge: its endpoints and its process id."""
    with tempfile.TemporaryDirectory() as folder:
        ready = os.path.join(folder, "ready.json")
        command = [sys.executable, "-m", "arcuate.cli", "serve", "--ready-file", ready]
        command += [f"--{over}", "127.0.0.1:0"]
        with open(os.path.join(folder, "log"), "wb") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            while not os.path.exists(ready):
                if process.poll() is not None:
                    with open(os.path.join(folder, "log")) as log_file:
                        sys.exit(log_file.read())
                time.sleep(0.02)
            with open(ready) as file:
                yield json.load(file), process.pid
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def resident(pid: int) -> dict[str, int]:
    """Bytes of memory of a process: ``VmRSS`` now, ``VmHWM`` at its peak."""
    with open(f"/proc/{pid}/status") as file:
        lines = [line.split() for line in file]
    return {
        line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[0].startswith(("VmRSS", "VmHWM"))
    }


def shared(pid: int) -> int:
    """Bytes of the memory files (segments) that a process holds, mapped or not."""
    found: dict[int, int] = {}  # by inode: a mapping of Python's holds a second descriptor of the same file
    for name in os.listdir(f"/proc/{pid}/fd"):
        try:
            if "memfd:" in os.readlink(f"/proc/{pid}/fd/{name}"):
                state = os.stat(f"/proc/{pid}/fd/{name}")
                found[state.st_ino] = state.st_blocks * 512
        except OSError:
            pass
    return sum(found.values())


def open_files(pid: int) -> int:
    """The descriptors that a process holds."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def passing(over: str, megabytes: int = 1000) -> dict[str, float]:
    """GB above idle in the hub while an array passes to `python` and back, segments included."""
    with hub(over) as (endpoints, pid):
        array = np.ones(megabytes * 125_000)
        with connect(f"{endpoints[over]}/python") as session:
            session.run("def same(x): return x")
            session.call("same", array[:1000])
            with open(f"/proc/{pid}/clear_refs", "w") as file:
                file.write("5")
            idle = resident(pid)["VmRSS"] + shared(pid)
            peak = 0
            over_ = threading.Event()

            def watch() -> None:
                nonlocal peak
                while not over_.wait(0.005):
                    now = resident(pid)["VmRSS"]
                    mapped = _mapped(pid)
                    peak = max(peak, now + max(0, shared(pid) - mapped))

            watcher = threading.Thread(target=watch)
            watcher.start()
            back = session.call("same", array)
            over_.set()
            watcher.join()
            assert back.nbytes == array.nbytes
            assert back[-1] == 1.0
        return {"median": (peak - idle) / 1e9}


def _mapped(pid: int) -> int:
    """Bytes of segments that count in the resident memory already."""
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("RssShmem"))


def idle_sessions(over: str, count: int = 100, calls: int = 400) -> dict[str, float]:
    """How much slower a call is while many sessions are open and idle: the ratio of the medians."""

    def median(session: Any) -> float:
        times = []
        for _ in range(calls):
            begin = time.perf_counter()
            session.call("math.sqrt", 4.0)
            times.append(time.perf_counter() - begin)
        return statistics.median(times)

    with hub(over) as (endpoints, _):
        target = f"{endpoints[over]}/python"
        with connect(target) as session:
            median(session)
            alone = median(session)
            idle = [connect(target) for _ in range(count)]
            try:
                among = median(session)
            finally:
                for one in idle:
                    one.close()
            again = median(session)
        return {"median": among / statistics.mean((alone, again)), "alone": alone, "among": among}


def many_calls(over: str, calls: int = 1_000_000) -> dict[str, float]:
    """Growth of the hub's resident memory over very many calls, after a tenth of them; descriptors left."""
    with hub(over) as (endpoints, pid), connect(f"{endpoints[over]}/python") as session:
        for _ in range(calls // 10):
            session.call("math.sqrt", 4.0)
        before, files = resident(pid)["VmRSS"], open_files(pid)
        for _ in range(calls - calls // 10):
            session.call("math.sqrt", 4.0)
        after = resident(pid)["VmRSS"]
        return {
            "median": after / before - 1.0,
            "descriptors": open_files(pid) - files,
            "megabytes": after / 1e6,
        }


if __name__ == "__main__":
    what, over, *rest = sys.argv[1:]
    print(
        json.dumps(
            {"passing": passing, "idle": idle_sessions, "calls": many_calls}[what](over, *map(int, rest))
        )
    )
