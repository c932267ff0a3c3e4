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

import httpx
import numpy as np
import pytest
from tests.hub.places import place
from tests.hub.process import served

from arcuate.client.net import grpc
from arcuate.client.streams import publisher
from arcuate.errors import SessionClosed
from arcuate.http import bridge
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


def test_a_session_that_takes_long_to_end_over_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bridge, "_TICK", 0.05)
    stubborn = " try: print('on', flush=True), time.sleep(9)\n except KeyboardInterrupt: pass"
    code = f"import time\nwhile True:\n{stubborn}"
    with place("http") as there, httpx.Client(base_url=there.url, timeout=30, trust_env=False) as client:
        begun = client.post("/v1/sessions", json={"environment": "python", "grace": 0.4})
        client.headers["Arcuate-Secret"] = begun.json()["value"]["secret"]
        body = {"op": "run", "id": 5, "code": code}
        path, asked = begun.headers["location"], {"Accept": "application/x-ndjson"}
        with client.stream("POST", path + "/messages", json=body, headers=asked) as run:
            lines = run.iter_lines()
            assert "on" in next(lines)
            assert client.delete(path).status_code == 200
            assert "SESSION_CLOSED" in "".join(lines)
        assert client.delete(path).status_code == 410


def test_python_ends_though_an_asyncio_subscription_was_left_waiting() -> None:
    with Server(Config(zmq=["127.0.0.1:0"])) as server:
        found = subprocess.run(
            [sys.executable, "-c", _LEFT, server.endpoints["zmq"]],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    assert (found.returncode, found.stderr) == (0, "")
