"""What all connectors promise, of each kind of database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.sql import servers

from arcuate.connector.testing import ConnectorContract, NetworkContract
from arcuate.sql import DatabaseConnector


class _Database:
    secret = ""

    def connector(self, url: str, **settings: Any) -> DatabaseConnector:
        return DatabaseConnector(url=url, **({"password": self.secret} if self.secret else {}), **settings)

    def use(self, connector: DatabaseConnector) -> object:
        return connector.read_arrow("SELECT %s AS a", (1,))

    def begin(self, connector: DatabaseConnector) -> Iterator[object]:
        stream = connector.stream_rows("SELECT 1 AS a UNION ALL SELECT 2 UNION ALL SELECT 3", rows=1)
        next(stream)
        return stream


class _Server(_Database, NetworkContract):
    secret = servers.PASSWORD

    def stranger(self, url: str) -> DatabaseConnector:
        return DatabaseConnector(url=url, password="wrong", retry=None)


class TestPostgreSQL(_Server):
    @pytest.fixture
    def address(self, postgres: servers.Server) -> str:
        return f"postgresql://tester@127.0.0.1:{postgres.port}/postgres"


class TestMariaDB(_Server):
    @pytest.fixture
    def address(self, maria: servers.Server) -> str:
        return f"mysql://tester@127.0.0.1:{maria.port}/work"


class TestSQLite(_Database, ConnectorContract):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/a.db"

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/no/a.db"


class TestDuckDB(_Database, ConnectorContract):
    @pytest.fixture
    def address(self, tmp_path: Path) -> str:
        return f"duckdb:///{tmp_path}/a.db"

    @pytest.fixture
    def nowhere(self, tmp_path: Path) -> str:
        return f"duckdb:///{tmp_path}/no/a.db"
