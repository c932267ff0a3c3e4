"""oauth2-mock-server for the tests of authentication."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.connector.servers import node


class Server:
    """Where it is, and what is asked of it beside the code under test."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://localhost:{port}"

    def who(self, headers: dict[str, str]) -> httpx2.Response:
        """Asks for the protected thing."""
        return httpx2.get(f"{self.issuer}/userinfo", headers=headers)

    def issued(self) -> int:
        """How many times it gave tokens."""
        return int(self.who({}).json()["issued"])

    def revoke(self, token: str) -> None:
        """From now on the token is refused."""
        httpx2.post(f"{self.issuer}/revoke", params={"token": token}).raise_for_status()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """The server."""
    with node("oauth2-mock-server", Path(__file__).with_name("server.mjs")) as port:
        yield Server(port)
