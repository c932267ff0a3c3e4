"""Hubs with a ZeroMQ bridge: one of this process, and one of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from arcuate.hub import Hub
from arcuate.hub.config import Config
from arcuate.zmq import ZmqBridge

PATIENCE = 30.0

Start = Callable[..., ZmqBridge]


def until(what: Callable[[], Any], said: str) -> Any:
    """Polls until something holds, and returns it."""
    end = time.monotonic() + PATIENCE
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < end, f"waited in vain: {said}"
        time.sleep(0.01)


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts hubs in this process: ``start(addresses, limits={...}, curve=..., heartbeat=...)``."""
    with ExitStack() as stack:

        def make(
            addresses: tuple[str, ...] = ("127.0.0.1:0",),
            limits: dict[str, Any] | None = None,
            **options: Any,
        ) -> ZmqBridge:
            hub = Hub(Config.model_validate({"limits": limits or {}}))
            stack.callback(hub.close)
            bridge = ZmqBridge(hub, addresses, **options)
            bridge.start()
            stack.callback(bridge.stop, 0.5)
            return bridge

        yield make


@pytest.fixture(scope="module")
def bridge() -> Iterator[ZmqBridge]:
    """A hub that a module's tests share."""
    with Hub() as hub:
        found = ZmqBridge(hub, ["127.0.0.1:0", "ipc://*"])
        found.start()
        yield found
        found.stop(0.5)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Callable[..., tuple[subprocess.Popen[bytes], dict[str, str]]]]:
    """Starts ``arcuate serve`` with ZeroMQ only: its process, and what its ready file says."""
    running: list[subprocess.Popen[bytes]] = []

    def make(config: str = "", *arguments: str) -> tuple[subprocess.Popen[bytes], dict[str, str]]:
        ready = tmp_path / f"ready{len(running)}.json"
        settings = tmp_path / f"arcuate{len(running)}.toml"
        settings.write_text(config)
        command = [sys.executable, "-m", "arcuate.cli", "serve", "--zmq", "127.0.0.1:0"]
        command += ["--ready-file", str(ready), "--config", str(settings), *arguments]
        log = ready.with_suffix(".log")
        with open(log, "wb") as file:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file)
        running.append(process)
        until(lambda: ready.exists() or process.poll() is not None, "the hub is ready")
        assert process.poll() is None, log.read_text()
        return process, json.loads(ready.read_text())

    yield make
    for process in running:
        process.kill()
        process.wait()
