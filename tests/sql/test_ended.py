"""Statements for which nobody waits any more: closed by another thread, Ctrl-C, or too late."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from tests.connector.proxy import FaultProxy
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    IntegrationTimeout,
)
from arcuate.errors import SessionClosed
from arcuate.sql import DatabaseConnector

ENDLESS = {
    "postgresql": "SELECT count(*) AS n FROM generate_series(1, 1000000000000) AS arcuate_endless",
    "mysql": "SELECT count(*) AS n FROM seq_1_to_1000000 AS arcuate_endless, seq_1_to_1000000 AS b "
    "WHERE arcuate_endless.seq <> b.seq + 1",
    "sqlite": "WITH t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) AS n FROM t",
    "duckdb": "SELECT count(*) AS n FROM range(10000000) AS a, range(10000000) AS b WHERE a.range <> b.range",
}
RUNNING = {
    "postgresql": "SELECT 1 AS a FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%arcuate_end%' "
    "AND pid <> pg_backend_pid()",
    "mysql": "SELECT 1 AS a FROM information_schema.PROCESSLIST WHERE INFO LIKE '%arcuate_end%' "
    "AND ID <> CONNECTION_ID()",
}


class _Place:
    """A database of a kind, and what runs in it."""

    def __init__(self, kind: str, url: str) -> None:
        self.kind, self.url = kind, url

    def connector(self, **settings: Any) -> DatabaseConnector:
        return DatabaseConnector(url=self.url, retry=None, **settings)

    def until(self, running: bool) -> None:
        """Waits until the server says that the endless statement runs, or that it does not."""
        if self.kind not in RUNNING:
            return
        with self.connector() as db:
            end = time.monotonic() + 20
            while bool(db.execute_query(RUNNING[self.kind])) is not running:
                assert time.monotonic() < end, f"running is not {running}"


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> _Place:
    kind = request.param
    server = {"postgresql": "postgres", "mysql": "maria"}.get(kind)
    return _Place(
        kind, address(kind, request.getfixturevalue(server)) if server else f"{kind}:///{tmp_path}/a.db"
    )


def _work(db: DatabaseConnector, way: str) -> Any:
    return list(getattr(db, way)(ENDLESS[db.kind]))


@pytest.mark.parametrize(
    ("place", "way"),
    [
        ("postgresql", "transaction"),
        ("postgresql", "read_arrow"),
        ("mysql", "stream_arrow"),
        ("sqlite", "execute_query"),
        ("duckdb", "read_arrow"),
    ],
    indirect=["place"],
)
def test_closed_by_another_thread(place: _Place, way: str) -> None:
    db, found = place.connector().open(), list[BaseException]()

    def work() -> None:
        try:
            if way != "transaction":
                _work(db, way)
            else:
                with db.transaction():
                    _work(db, "execute_query")
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    place.until(True)
    db.close()
    thread.join(10)
    assert not thread.is_alive()
    assert [type(one) for one in found] == [SessionClosed], found
    place.until(False)


@pytest.mark.parametrize(
    ("place", "way"),
    [
        ("postgresql", "read_arrow"),
        ("mysql", "execute_query"),
        ("duckdb", "read_arrow"),
        ("duckdb", "execute_query"),
    ],
    indirect=["place"],
)
def test_ctrl_c(place: _Place, way: str) -> None:
    with place.connector(timeouts={"call": 20}) as db:
        db.execute_query("CREATE TEMPORARY TABLE mine (a INTEGER)")

        def strike() -> None:
            place.until(True)
            os.kill(os.getpid(), signal.SIGINT)

        begun = time.monotonic()
        thread = threading.Timer(0.05, strike)
        with pytest.raises(KeyboardInterrupt):
            thread.start()
            _work(db, way)
        assert time.monotonic() - begun < 15  # not when its time was over
        thread.join()
        if place.kind == "duckdb":  # the same connection, and what is in it
            assert db.execute_query("SELECT a FROM mine") == []
        place.until(False)
        assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]


@pytest.mark.parametrize("place", ["mysql"], indirect=True)
def test_too_late(place: _Place) -> None:
    """MySQL went on with what was given up, once more for each repetition of a read."""
    with place.connector(timeouts={"call": 0.2}) as db:
        with pytest.raises(IntegrationTimeout, match=r"timeouts\.call"):
            db.execute_query(ENDLESS["mysql"])
        place.until(False)
        assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_commit_that_is_not_answered(request: pytest.FixtureRequest, kind: str) -> None:
    """The server may have committed: neither "no", nor repeated."""
    server: servers.Server = request.getfixturevalue({"postgresql": "postgres", "mysql": "maria"}[kind])
    calls = []
    with (
        FaultProxy(server.port) as proxy,
        DatabaseConnector(
            url=address(kind, server, proxy.port), timeouts={"call": 0.2, "connect": 0.2}
        ) as db,
    ):

        def work(db: DatabaseConnector) -> None:
            calls.append(1)
            db.execute_query("SELECT 1 AS a")
            proxy.hush()

        with pytest.raises(ConnectionError, match="look whether") as caught:
            db.in_transaction(work)
    assert (caught.value.executed, caught.value.recoverable, calls) == ("maybe", False, [1])
