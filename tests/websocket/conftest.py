"""ws, the server of npm, for the tests of WebSocket."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.connector.servers import node


class Server:
    """Where it is, and what it saw."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"ws://127.0.0.1:{port}"

    def state(self) -> dict[str, Any]:
        """What happened there."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/state") as answer:
            found: dict[str, Any] = json.load(answer)
        return found


@pytest.fixture(scope="session")
def sockets() -> Iterator[Server]:
    """The server."""
    with node("ws", Path(__file__).with_name("server.cjs")) as port:
        yield Server(port)
