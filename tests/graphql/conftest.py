"""graphql-yoga with graphql-ws for the tests of GraphQL."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.connector.servers import node

from arcuate.graphql import GraphQLClient

QUICK = {"attempts": 3, "initial": 0.01, "jitter": 0.0, "maximum": 0.05}
STATIONS = [
    {"id": str(number), "name": f"station {number}", "height": number * 1.5} for number in range(1, 24)
]


class Server:
    """Where it is, and what it saw."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/graphql"

    def asked(self, what: str) -> Any:
        """Something that is asked beside GraphQL."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/{what}") as answer:
            return json.load(answer)

    def state(self) -> dict[str, Any]:
        """What happened there."""
        found: dict[str, Any] = self.asked("state")
        return found


@pytest.fixture(scope="session")
def yoga() -> Iterator[Server]:
    """The server."""
    with node("graphql-yoga", Path(__file__).with_name("server.mjs")) as port:
        yield Server(port)


@pytest.fixture
def client(yoga: Server) -> Iterator[GraphQLClient]:
    """A client of it."""
    with GraphQLClient(url=yoga.url, retry=QUICK) as one:
        yield one
