"""Servers, one of each kind for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from tests.sql import servers

from arcuate.sql import DatabaseConnector


@pytest.fixture(scope="package")
def postgres() -> Iterator[servers.Server]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture(scope="package")
def maria() -> Iterator[servers.Server]:
    with servers.mariadb() as server:
        yield server


def address(scheme: str, server: servers.Server, port: int | None = None) -> str:
    name = "postgres" if scheme == "postgresql" else "work"
    word = quote(servers.PASSWORD, safe="")
    return f"{scheme}://tester:{word}@127.0.0.1:{port or server.port}/{name}"


@pytest.fixture
def pg(postgres: servers.Server) -> Iterator[DatabaseConnector]:
    with DatabaseConnector(url=address("postgresql", postgres)) as db:
        yield db
