"""Transactions that the database ends in their midst: what comes after is not kept while the rest is lost."""

from __future__ import annotations

import asyncio
import datetime as dt
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.connector.proxy import Fault, FaultProxy
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    IntegrationError,
    NotFoundError,
)
from arcuate.errors import ConversionError, InvalidArgument, Unsupported
from arcuate.sql import DatabaseConnector, TransactionError

INNODB = "CREATE TABLE kept (id INT PRIMARY KEY, x INT) ENGINE=InnoDB"


@pytest.fixture
def my(maria: servers.Server) -> Iterator[DatabaseConnector]:
    with DatabaseConnector(url=address("mysql", maria)) as db:
        db.execute_query(INNODB)
        db.execute_query("INSERT INTO kept VALUES (1, 0), (2, 0)")
        yield db
        db.execute_query("DROP TABLE kept")


def _crossed(db: DatabaseConnector, second: Callable[[int], object]) -> list[IntegrationError]:
    """The errors of two threads, of which one is the victim; each has the row that the other one asks for."""
    meet, found = threading.Barrier(2), list[IntegrationError]()

    def work(mine: int, other: int) -> None:
        try:
            with db.transaction():
                db.execute_query("INSERT INTO kept VALUES (%s, 1)", (mine + 10,))
                db.execute_query("UPDATE kept SET x = x + 1 WHERE id = %s", (mine,))
                meet.wait(30)
                second(other)
        except IntegrationError as error:
            found.append(error)

    threads = [threading.Thread(target=work, args=ids) for ids in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return found


def _deadlock(db: DatabaseConnector, after: Callable[[TransactionError], object]) -> list[IntegrationError]:
    """As :func:`_crossed`; both go on as if nothing had happened."""

    def second(other: int) -> None:
        try:
            db.execute_query("UPDATE kept SET x = x + 1 WHERE id = %s", (other,))
        except TransactionError as error:
            after(error)

    return _crossed(db, second)


def test_a_deadlock_that_is_passed_over(my: DatabaseConnector) -> None:
    """MariaDB has undone the whole transaction, and would keep what comes after the error."""
    (error,) = _deadlock(my, lambda _error: None)
    assert isinstance(error, TransactionError)
    assert "ended the transaction" in str(error)
    assert error.recoverable
    assert my.execute_query("SELECT id, x FROM kept WHERE id < 10 ORDER BY id") == [
        {"id": 1, "x": 1},
        {"id": 2, "x": 1},
    ]
    assert my.execute_query("SELECT count(*) AS n FROM kept") == [{"n": 3}]


def test_a_statement_after_a_deadlock(my: DatabaseConnector) -> None:
    def after(_error: TransactionError) -> None:
        with pytest.raises(TransactionError, match="ended the transaction"), my.transaction():
            my.execute_query("INSERT INTO kept VALUES (99, 1)")
        my.execute_query("INSERT INTO kept VALUES (99, 1)")

    assert [type(one) for one in _deadlock(my, after)] == [TransactionError]
    assert my.execute_query("SELECT * FROM kept WHERE id = 99") == []


def test_a_deadlock_in_a_savepoint(my: DatabaseConnector) -> None:
    """The error is that of the deadlock, not that the savepoint is gone; and it is not repeated in there."""
    attempts = []

    def second(other: int) -> None:
        def inner(db: DatabaseConnector) -> None:
            attempts.append(other)
            db.execute_query("UPDATE kept SET x = x + 1 WHERE id = %s", (other,))

        my.in_transaction(inner)

    found = _crossed(my, second)
    assert [(type(one), one.status) for one in found] == [(TransactionError, "40P01")]
    assert sorted(attempts) == [1, 2]


def test_other_errors_leave_it_as_it_is(my: DatabaseConnector) -> None:
    with my.transaction():
        with pytest.raises(NotFoundError):
            my.execute_query("SELECT * FROM nowhere")
        my.execute_query("INSERT INTO kept VALUES (3, 1)")
        with pytest.raises(IntegrationError, match="Duplicate"):
            my.execute_query("INSERT INTO kept VALUES (3, 2)")
        my.execute_query("INSERT INTO kept VALUES (4, 1)")
    assert my.execute_query("SELECT count(*) AS n FROM kept") == [{"n": 4}]


def test_sqlite_undoes_a_transaction() -> None:
    with DatabaseConnector() as db:
        db.execute_query("CREATE TABLE t (a INTEGER PRIMARY KEY)")
        with pytest.raises(TransactionError, match="ended the transaction"), db.transaction():
            db.execute_query("INSERT INTO t VALUES (1)")
            with pytest.raises(IntegrationError, match="UNIQUE"):
                db.execute_query("INSERT OR ROLLBACK INTO t VALUES (1)")
            db.execute_query("INSERT INTO t VALUES (2)")
        assert db.execute_query("SELECT * FROM t") == []
        with db.transaction():
            db.execute_query("INSERT INTO t VALUES (3)")
            with pytest.raises(IntegrationError, match="UNIQUE"):
                db.execute_query("INSERT INTO t VALUES (3)")
        assert db.execute_query("SELECT * FROM t") == [{"a": 3}]


@pytest.fixture(params=["postgresql", "duckdb"])
def strict(request: pytest.FixtureRequest) -> Iterator[DatabaseConnector]:
    """A database that keeps nothing of a transaction in which there was an error."""
    duck = request.param == "duckdb"
    url = "duckdb://" if duck else address("postgresql", request.getfixturevalue("postgres"))
    with DatabaseConnector(url=url) as db:
        db.execute_query("CREATE TABLE strict (x INT PRIMARY KEY, d DATE)")
        yield db
        db.execute_query("DROP TABLE strict")


def test_an_error_that_is_passed_over(strict: DatabaseConnector) -> None:
    """PostgreSQL and DuckDB answer yes to the commit, and have undone all of it."""
    calls: list[int] = []

    def work(db: DatabaseConnector) -> None:
        calls.append(1)
        db.execute_query("INSERT INTO strict (x) VALUES (1)")
        with pytest.raises(IntegrationError, match="uplicate key"):
            db.execute_query("INSERT INTO strict (x) VALUES (1)")

    with pytest.raises(TransactionError, match=r"was passed over.*uplicate key") as caught:
        strict.in_transaction(work)
    assert not caught.value.recoverable
    assert calls == [1]
    assert strict.execute_query("SELECT * FROM strict") == []
    with strict.transaction():
        strict.execute_query("INSERT INTO strict (x) VALUES (2)")
        with pytest.raises(InvalidArgument):
            strict.execute_query("INSERT INTO strict (x) VALUES (%s)", (1, 2))
    assert strict.execute_query("SELECT x FROM strict") == [{"x": 2}]


def test_a_refused_insert_that_is_passed_over(postgres: servers.Server) -> None:
    """It is refused here, and COPY has begun: PostgreSQL ends the transaction."""
    with DatabaseConnector(url=address("postgresql", postgres)) as db:
        db.execute_query("CREATE TABLE begun (x DATE)")
        try:
            refused = pytest.raises(ConversionError)
            with pytest.raises(TransactionError, match="was passed over"), db.transaction(), refused:
                db.insert("begun", [{"x": dt.datetime(2026, 1, 1, 12)}])
            with db.transaction():
                with pytest.raises(ConversionError), db.transaction():  # a savepoint
                    db.insert("begun", [{"x": dt.datetime(2026, 1, 1, 12)}])
                db.insert("begun", [{"x": dt.date(2026, 1, 1)}])
            assert db.execute_query("SELECT * FROM begun") == [{"x": dt.date(2026, 1, 1)}]
        finally:
            db.execute_query("DROP TABLE begun")


def test_duckdb_has_no_savepoints() -> None:
    with DatabaseConnector(url="duckdb://") as db:
        db.execute_query("CREATE TABLE t (x INT)")
        with db.transaction():
            with pytest.raises(Unsupported, match="no transactions within others"), db.transaction():
                raise AssertionError("it is not begun")
            db.execute_query("INSERT INTO t VALUES (1)")
        assert db.execute_query("SELECT * FROM t") == [{"x": 1}]


@pytest.mark.parametrize("kind", ["sqlite", "mysql"])
def test_rows_of_which_one_fails(request: pytest.FixtureRequest, kind: str) -> None:
    """Within a transaction that goes on, none of them is kept."""
    url = "sqlite://" if kind == "sqlite" else address("mysql", request.getfixturevalue("maria"))
    with DatabaseConnector(url=url) as db:
        db.execute_query("CREATE TABLE rows_of (x INT PRIMARY KEY)")
        try:
            with db.transaction():
                db.execute_query("INSERT INTO rows_of VALUES (1200)")
                with pytest.raises(IntegrationError, match=r"UNIQUE|Duplicate"):
                    db.insert("rows_of", [{"x": x} for x in range(1201)])
                db.execute_query("INSERT INTO rows_of VALUES (2)")
            assert db.execute_query("SELECT x FROM rows_of ORDER BY x") == [{"x": 2}, {"x": 1200}]
        finally:
            db.execute_query("DROP TABLE rows_of")


def test_mariadb_is_lost_in_a_transaction(maria: servers.Server, my: DatabaseConnector) -> None:
    """Before the commit nothing is kept; while committing, nobody knows."""

    def kill(number: int) -> None:
        with DatabaseConnector(url=address("mysql", maria)) as other:
            other.execute_query(f"KILL {number}")

    own = "SELECT CONNECTION_ID() AS id"
    with pytest.raises(ConnectionError, match="undoes") as caught, my.transaction():
        my.execute_query("INSERT INTO kept VALUES (3, 1)")
        kill(my.execute_query(own)[0]["id"])
        my.execute_query("INSERT INTO kept VALUES (4, 1)")
    assert (caught.value.recoverable, caught.value.executed) == (True, "no")
    with pytest.raises(ConnectionError, match="look whether") as caught, my.transaction():
        my.execute_query("INSERT INTO kept VALUES (5, 1)")
        kill(my.execute_query(own)[0]["id"])
    assert (caught.value.recoverable, caught.value.executed) == (False, "maybe")
    assert my.execute_query("SELECT count(*) AS n FROM kept") == [{"n": 2}]


def test_tasks_have_transactions_of_their_own(tmp_path: Path) -> None:
    """What a task hands to another thread belongs to its transaction; what another task does, does not."""

    async def main(db: DatabaseConnector) -> None:
        begun, ended = asyncio.Event(), asyncio.Event()

        async def other() -> list[Any]:
            await begun.wait()
            found = db.execute_query("SELECT * FROM t")
            ended.set()
            return found

        waiting = asyncio.create_task(other())
        with pytest.raises(KeyError), db.transaction():
            await asyncio.to_thread(db.execute_query, "INSERT INTO t VALUES (1)")
            assert db.execute_query("SELECT * FROM t") == [{"a": 1}]
            late = asyncio.create_task(_after(ended, db))
            begun.set()
            await ended.wait()
            raise KeyError
        assert await waiting == []
        assert await late == []

    async def _after(ended: asyncio.Event, db: DatabaseConnector) -> list[Any]:
        await ended.wait()
        await asyncio.sleep(0)  # the transaction in which it was started is no more
        return db.execute_query("SELECT * FROM t")

    with DatabaseConnector(url=f"sqlite:///{tmp_path}/a.db") as db:
        db.execute_query("CREATE TABLE t (a INTEGER)")
        asyncio.run(main(db))
        assert db.execute_query("SELECT * FROM t") == []


def test_a_stream_that_is_left(maria: servers.Server) -> None:
    """Its rest is not waited for: it would take hours."""
    endless = "SELECT a.seq, REPEAT('x', 100) AS s FROM seq_1_to_1000000 AS a, seq_1_to_1000000 AS b"
    with DatabaseConnector(url=address("mysql", maria), pool=1) as db:
        for stream in (db.stream_rows, db.stream_arrow):
            one = stream(endless, rows=10)
            next(one)
            one.close()
            assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]
        with db.transaction():
            one = db.stream_rows("SELECT seq FROM seq_1_to_1000", rows=10)
            next(one)
            one.close()
            own = db.execute_query("SELECT CONNECTION_ID() AS id")
        assert db.execute_query("SELECT CONNECTION_ID() AS id") == own


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "sqlite", "duckdb"])
@pytest.mark.parametrize("way", ["stream_rows", "stream_arrow"])
def test_a_statement_in_the_midst_of_a_stream(request: pytest.FixtureRequest, kind: str, way: str) -> None:
    """MySQL and DuckDB throw the rest of it away: that is said, and no row is missing."""
    server = {"postgresql": "postgres", "mysql": "maria"}.get(kind)
    url = address(kind, request.getfixturevalue(server)) if server else f"{kind}://"
    numbers = " UNION ALL ".join(f"SELECT {number} AS a" for number in range(30))
    refused = kind in ("mysql", "duckdb")
    with DatabaseConnector(url=url) as db:

        def savepoint() -> None:
            with db.transaction():
                db.execute_query("SELECT 1 AS a")

        with db.transaction():
            for work in (
                savepoint,
                lambda: db.execute_query("SELECT 1 AS a"),
                lambda: db.read_arrow("SELECT 1 AS a"),
            ):
                stream = getattr(db, way)(numbers, rows=10)
                count = 1 if way == "stream_rows" else next(stream).num_rows
                if way == "stream_rows":
                    next(stream)
                if refused:
                    with pytest.raises(InvalidArgument, match="is not at its end"):
                        work()
                elif (
                    kind == "postgresql" or work is not savepoint
                ):  # SQLite's statements end with a savepoint
                    work()
                count += sum(1 if way == "stream_rows" else one.num_rows for one in stream)
                assert count == 30
            assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]
            half = getattr(db, way)(numbers, rows=10)
            next(half)
            db.execute_query("SELECT 1") if not refused else half.close()
            half = getattr(db, way)(numbers, rows=10)
            next(half)
        with pytest.raises(InvalidArgument, match="has ended; read it inside"):
            list(half)
        with pytest.raises(KeyError), db.transaction():
            half = getattr(db, way)(numbers, rows=10)
            next(half)
            raise KeyError("of the program, while a stream is open")
        if kind != "duckdb":
            with db.transaction():
                with pytest.raises(KeyError), db.transaction():
                    half = getattr(db, way)(numbers, rows=10)
                    next(half)
                    raise KeyError("of the program, in a savepoint")
                if kind == "mysql":
                    with pytest.raises(InvalidArgument, match="has ended"):
                        list(half)
        assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]


@pytest.mark.parametrize("kind", ["postgresql", "mysql"])
def test_a_commit_whose_answer_is_lost(request: pytest.FixtureRequest, kind: str) -> None:
    """The server has committed, and its answer does not come: neither yes nor no, and not repeated."""
    server = request.getfixturevalue({"postgresql": "postgres", "mysql": "maria"}[kind])
    attempts = []
    with (
        DatabaseConnector(url=address(kind, server)) as straight,
        FaultProxy(server.port) as proxy,
        DatabaseConnector(url=address(kind, server, proxy.port)) as db,
    ):
        straight.execute_query("CREATE TABLE answers (id INT)")
        try:

            def work(db: DatabaseConnector) -> None:
                attempts.append(1)
                db.execute_query("INSERT INTO answers VALUES (1)")
                proxy.strike = Fault(cut=0)

            with pytest.raises(ConnectionError, match="look whether") as caught:
                db.in_transaction(work)
            assert (caught.value.recoverable, caught.value.executed) == (False, "maybe")
            assert attempts == [1]
            assert straight.execute_query("SELECT count(*) AS n FROM answers") == [{"n": 1}]
        finally:
            straight.execute_query("DROP TABLE answers")
