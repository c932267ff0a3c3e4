"""What all connectors promise, of stores of keys and of documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.nosql import servers

from arcuate.connector.testing import NetworkContract
from arcuate.nosql import DocumentStore, RedisStore


class TestRedis(NetworkContract):
    secret = servers.PASSWORD

    @pytest.fixture
    def address(self, redis: servers.Server) -> str:
        return f"redis://127.0.0.1:{redis.port}/0"

    def connector(self, url: str, **settings: Any) -> RedisStore:
        return RedisStore(url=url, password=self.secret, **settings)

    def use(self, connector: RedisStore) -> object:
        return connector.get("k")

    def begin(self, connector: RedisStore) -> Iterator[object]:
        connector.set_many({f"k{number}": number for number in range(100)})
        pages = connector.pages(size=10)
        next(pages)
        return pages

    def stranger(self, url: str) -> RedisStore:
        return RedisStore(url=url, password="wrong-pass-word", retry=None)


class TestDocuments(NetworkContract):
    """The server has no users; who is refused is tested by a scripted one."""

    @pytest.fixture
    def address(self, java: servers.Server) -> str:
        return f"mongodb://127.0.0.1:{java.port}/work?directConnection=true"

    def connector(self, url: str, **settings: Any) -> DocumentStore:
        return DocumentStore(url=url, **settings)

    def use(self, connector: DocumentStore) -> object:
        return connector.find("c")

    def begin(self, connector: DocumentStore) -> Iterator[object]:
        connector.delete("many", {}, many=True)
        connector.insert("many", [{"a": number} for number in range(10)])
        pages = connector.stream_pages("many", size=2)
        next(pages)
        return pages
