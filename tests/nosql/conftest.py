"""Servers, one of each kind for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import pytest
from tests.nosql import servers

from arcuate.nosql import DocumentStore, RedisStore


@pytest.fixture(scope="package")
def redis() -> Iterator[servers.Server]:
    with servers.redis() as server:
        yield server


def address(server: servers.Server, port: int | None = None, password: str = servers.PASSWORD) -> str:
    return f"redis://:{quote(password, safe='')}@127.0.0.1:{port or server.port}/0"


@pytest.fixture
def store(redis: servers.Server) -> Iterator[RedisStore]:
    with RedisStore(url=address(redis)) as found:
        found.command("FLUSHALL")
        yield found


@pytest.fixture(scope="package")
def java() -> Iterator[servers.Server]:
    with servers.mongo() as server:
        yield server


@pytest.fixture(scope="package")
def ferret() -> Iterator[servers.Server]:
    with servers.ferret() as server:
        yield server


@pytest.fixture(scope="package", params=["java", "ferret"])
def mongo(request: pytest.FixtureRequest) -> servers.Server:
    """Two servers of MongoDB's protocol that others wrote, one after the other."""
    found: servers.Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def db(mongo: servers.Server) -> Iterator[DocumentStore]:
    with _empty(mongo) as found:
        yield found


@pytest.fixture
def full(java: servers.Server) -> Iterator[DocumentStore]:
    """The server that keeps all types and knows all operators."""
    with _empty(java) as found:
        yield found


def _empty(server: servers.Server) -> DocumentStore:
    found = DocumentStore(url=f"mongodb://127.0.0.1:{server.port}/work")
    for name in found.collections():
        found.drop(name)
    return found
