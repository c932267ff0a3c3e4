"""What all connectors promise, of stores of files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.connector.proxy import FaultProxy
from tests.storage import servers

from arcuate.connector.testing import ConnectorContract, NetworkContract
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


class TestS3(_Vendor):
    secret = "s3cret/Wört+p"

    @pytest.fixture
    def address(self, moto: int) -> str:
        return f"http://127.0.0.1:{moto}"

    def connector(self, url: str, **settings: Any) -> Storage:
        return servers.s3(int(url.rpartition(":")[2]), "work", **settings)


class TestSSH(NetworkContract):
    @pytest.fixture
    def address(self, ssh: servers.Host) -> str:
        self.host = ssh
        return servers.sftp_url(ssh)

    def between(self, url: str) -> FaultProxy:
        proxy = super().between(url)
        self.host.knows(proxy.port)
        return proxy

    def connector(self, url: str, **settings: Any) -> Storage:
        return servers.sftp(self.host, url=url, **settings)

    def use(self, connector: Storage) -> object:
        return list(connector.list())

    def stranger(self, url: str) -> Storage:
        return servers.sftp(self.host, url=url, key_file=str(self.host.other), retry=None)


class TestFolder(ConnectorContract):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}"

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> str:
        return f"file://{tmp_path}/no"

    def connector(self, url: str, **settings: Any) -> Storage:
        return Storage(url=url, **settings)

    def use(self, connector: Storage) -> object:
        return list(connector.list())
