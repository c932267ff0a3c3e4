"""What all connectors promise, of the stores of Google and Microsoft."""

from __future__ import annotations

from typing import Any

import pytest
from tests.storage import servers

from arcuate.connector.testing import NetworkContract
from arcuate.storage import Storage


class _Vendor(NetworkContract):
    """The address is that of the server; the connector's names a bucket in it."""

    def through(self, url: str, port: int) -> str:
        return f"http://127.0.0.1:{port}"

    def use(self, connector: Storage) -> object:
        return list(connector.list())


class TestGoogle(_Vendor):
    secret = "ya29.s3cret-token"

    @pytest.fixture
    def address(self, google: int) -> str:
        return f"http://127.0.0.1:{google}"

    def connector(self, url: str, **settings: Any) -> Storage:
        return servers.gs(int(url.rpartition(":")[2]), "work", **settings)


class TestAzure(_Vendor):
    secret = servers.KEY

    @pytest.fixture
    def address(self, azurite: int) -> str:
        return f"http://127.0.0.1:{azurite}"

    def connector(self, url: str, **settings: Any) -> Storage:
        return servers.az(int(url.rpartition(":")[2]), "work", **settings)

    def stranger(self, url: str) -> Storage:
        wrong = {"secret": "d3Jvbmcta2V5LXdyb25nLWtleQ==", "retry": None}
        return servers.az(int(url.rpartition(":")[2]), "work", **wrong)
