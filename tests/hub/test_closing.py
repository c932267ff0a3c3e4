"""Closing what a hub holds up that takes nothing, and the end of Python while somebody waits."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.hub.process import served

from arcuate.client.net import grpc
from arcuate.client.streams import publisher
from arcuate.errors import SessionClosed
from arcuate.hub import Config, Server

PATIENCE = 30.0
_LEFT = """
import asyncio, sys
from arcuate.client.aio.streams import subscribe
async def main():
    blocks = await subscribe("nothing", sys.argv[1])
    task = asyncio.create_task(blocks.next())
    await asyncio.sleep(0.05)
asyncio.run(main())
"""


def test_a_publisher_of_a_hub_that_is_stopped_can_be_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grpc, "_CLOSE_SECONDS", 0.2)
    block = np.zeros(4_000_000)
    with served(tmp_path, "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0") as hub:
        ours = [publisher("t", hub.ready[name]) for name in ("http", "grpc")]
        os.kill(hub.process.pid, signal.SIGSTOP)
        try:
            found: list[Any] = []

            def send(one: Any) -> None:
                try:
                    found.append(one.send(block))
                except BaseException as error:  # looked at below
                    found.append(error)

            threads = [threading.Thread(target=send, args=(one,), daemon=True) for one in ours]
            for thread in threads:
                thread.start()
            time.sleep(0.3)  # nothing tells that a system's buffers are full
            begun = time.monotonic()
            for one in ours:
                one.close()
            for thread in threads:
                thread.join(PATIENCE)
            assert time.monotonic() - begun < 5  # gRPC's own closing takes 20, the wait for HTTP 60
        finally:
            os.kill(hub.process.pid, signal.SIGCONT)
    assert [type(one) for one in found] == [SessionClosed] * 2, found


def test_python_ends_though_an_asyncio_subscription_was_left_waiting() -> None:
    with Server(Config(zmq=["127.0.0.1:0"])) as server:
        found = subprocess.run(
            [sys.executable, "-c", _LEFT, server.endpoints["zmq"]],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert (found.returncode, found.stderr) == (0, "")
