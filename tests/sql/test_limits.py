"""SQLite and DuckDB, which have no limit of time of their own: a statement ends when its time is over."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from arcuate.connector import IntegrationError, IntegrationTimeout
from arcuate.sql import DatabaseConnector

ENDLESS = {
    "sqlite": "WITH t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) AS n FROM t",
    "duckdb": "SELECT count(*) AS n FROM range(10000000) AS a, range(10000000) AS b WHERE a.range <> b.range",
}


@pytest.fixture(params=["sqlite", "duckdb"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    url = f"{request.param}:///{tmp_path}/a.db"
    with DatabaseConnector(url=url, timeouts={"call": 0.1}, retry=None) as found:
        yield found


@pytest.mark.parametrize("way", ["execute_query", "read_arrow", "stream_rows", "stream_arrow"])
def test_a_statement_ends_in_time(db: DatabaseConnector, way: str) -> None:
    with pytest.raises(IntegrationTimeout, match=r"timeouts\.call"):
        list(getattr(db, way)(ENDLESS[db.kind]))
    assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]


def test_writing_ends_in_time_and_keeps_nothing(db: DatabaseConnector) -> None:
    db.execute_query("CREATE TABLE t (n BIGINT)")
    with pytest.raises(IntegrationTimeout, match=r"timeouts\.call"):
        db.execute_query("INSERT INTO t " + ENDLESS[db.kind])
    assert db.execute_query("SELECT * FROM t") == []


@pytest.mark.parametrize("way", ["stream_rows", "stream_arrow"])
def test_a_slow_reader_has_all_the_time(db: DatabaseConnector, way: str) -> None:
    query = {
        "sqlite": "WITH t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 9) SELECT n FROM t",
        "duckdb": "SELECT * FROM range(9)",
    }[db.kind]
    stream = getattr(db, way)(query, rows=3)
    next(stream)
    threading.Event().wait(0.15)  # longer than a statement may take
    assert len(list(stream)) >= 1


def test_ctrl_c_in_sqlite_stays_one() -> None:
    """sqlite3 swallows what its progress handler raises."""
    with DatabaseConnector(url="sqlite:///:memory:") as database:
        for _ in range(5):
            strike = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT))
            strike.start()
            with pytest.raises(KeyboardInterrupt):
                database.execute_query(ENDLESS["sqlite"])
            strike.join()
        assert database.execute_query("SELECT 1 AS a") == [{"a": 1}]


def test_a_name_that_reads_like_an_interrupt() -> None:
    with DatabaseConnector(url="sqlite:///:memory:") as database, pytest.raises(IntegrationError):
        database.execute_query("SELECT * FROM interrupted")
