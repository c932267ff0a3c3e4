"""MariaDB, SQLite and DuckDB: what they keep, what they refuse."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import (
    AuthenticationError,
    DataError,
    DegradedWarning,
    IntegrationError,
    NotFoundError,
)
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.sql import DatabaseConnector, TransactionError


@pytest.fixture(params=["mysql", "sqlite", "duckdb"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseConnector]:
    kind = request.param
    where = (
        address("mysql", request.getfixturevalue("maria"))
        if kind == "mysql"
        else f"{kind}:///{tmp_path}/a.db"
    )
    with DatabaseConnector(url=where) as found:
        found.execute_query("CREATE TABLE kept (id BIGINT PRIMARY KEY, x DOUBLE, s VARCHAR(100), b BLOB)")
        yield found
        found.execute_query("DROP TABLE kept")


HARD = "é'; DROP TABLE kept; -- %s %% :x ? \\ \n"


def test_rows(db: DatabaseConnector) -> None:
    row = (2**53 + 1, 0.1 + 0.2, HARD, bytes(range(256)))
    db.execute_query("INSERT INTO kept VALUES (%s, %s, %s, %s)", row)
    db.execute_query(
        "INSERT INTO kept VALUES (:id, :x, :s, :b)", {"id": 2, "x": None, "s": '{"a"}', "b": None}
    )
    assert db.execute_query("SELECT * FROM kept WHERE s = %s", (HARD,)) == [
        dict(zip(("id", "x", "s", "b"), row, strict=True))
    ]
    db.execute_query("INSERT INTO kept (id, s) VALUES (%s, %s)", (3, {"json": [1, None]}))
    assert db.execute_query("SELECT s FROM kept WHERE id = :id", {"id": 3}) == [{"s": '{"json": [1, null]}'}]
    assert db.execute_query("SELECT 5 %% %s AS r", (3,)) == [{"r": 2}]
    assert db.health().status == "ok"
    assert db.health().facts["kind"] == db.kind


def test_arrow_and_streams(db: DatabaseConnector) -> None:
    data = pa.table(
        {"id": range(2500), "x": [0.5, None] * 1250, "s": ["a", None] * 1250, "b": [b"\0", None] * 1250}
    )
    assert db.insert("kept", data) == 2500
    query = "SELECT * FROM kept ORDER BY id"
    assert db.read_arrow(query).to_pylist() == data.to_pylist()
    assert [one.num_rows for one in db.stream_arrow(query, rows=1000)] == [1000, 1000, 500]
    assert [one.num_rows for one in db.stream_arrow("SELECT * FROM kept WHERE id < %s", (3,), rows=2)] == [
        2,
        1,
    ]
    assert list(db.stream_rows(query, rows=7)) == data.to_pylist()
    assert db.read_table(query)["id"].dtype == "Int64"
    assert db.read_arrow("SELECT * FROM kept WHERE id < 0").column_names == ["id", "x", "s", "b"]


def test_all_or_nothing(db: DatabaseConnector) -> None:
    with pytest.raises(KeyError), db.transaction():
        db.execute_query("INSERT INTO kept (id) VALUES (1)")
        assert db.read_arrow("SELECT id FROM kept").num_rows == 1
        raise KeyError
    with pytest.raises(IntegrationError):
        db.insert("kept", [{"id": 1}, {"id": 1}])
    assert db.execute_query("SELECT * FROM kept") == []


def test_refused(db: DatabaseConnector) -> None:
    with pytest.raises(InvalidArgument, match="execute_query is for such"):
        db.read_arrow("INSERT INTO kept (id) VALUES (7)")
    assert db.execute_query("SELECT * FROM kept") == []
    with pytest.raises(NotFoundError, match="nowhere"):
        db.execute_query("SELECT * FROM nowhere")
    with pytest.raises(NotFoundError, match="nowhere"):
        db.read_arrow("SELECT * FROM nowhere")
    with pytest.raises(InvalidArgument, match="1 parameters"):
        db.execute_query("SELECT %s", (1, 2))


def test_mariadb_types(maria: servers.Server) -> None:
    with DatabaseConnector(url=address("mariadb", maria)) as db:
        stamp = dt.datetime(2026, 1, 2, 3, 4, 5, 678901)
        query = "SELECT CAST(%s AS DECIMAL(30,10)) d, CAST(%s AS UNSIGNED) u, CAST(%s AS DATETIME(6)) t"
        row = {"d": Decimal("12345678901234567890.0123456789"), "u": 2**64 - 1, "t": stamp}
        assert db.execute_query(query, tuple(row.values())) == [row]
        assert db.read_arrow(query, tuple(row.values())).to_pylist() == [row]
        with pytest.raises(ConversionError, match="MySQL"):
            db.execute_query("SELECT %s", (float("nan"),))


def test_mariadb_deadlock(maria: servers.Server) -> None:
    with DatabaseConnector(url=address("mysql", maria)) as db:
        db.execute_query("CREATE TABLE locks (id INT PRIMARY KEY, x INT) ENGINE=InnoDB")
        db.execute_query("INSERT INTO locks VALUES (1, 0), (2, 0)")
        meet, counts, failures = threading.Barrier(2), ([], []), []

        def work(first: int, second: int, attempts: list[int]) -> None:
            def both(db: DatabaseConnector) -> None:
                attempts.append(1)
                db.execute_query("UPDATE locks SET x = x + 1 WHERE id = %s", (first,))
                if len(attempts) == 1:
                    meet.wait(30)
                try:
                    db.execute_query("UPDATE locks SET x = x + 1 WHERE id = %s", (second,))
                except TransactionError as error:
                    failures.append(error)
                    raise

            db.in_transaction(both)

        threads = [
            threading.Thread(target=work, args=(*ids, n))
            for ids, n in zip(((1, 2), (2, 1)), counts, strict=True)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert db.execute_query("SELECT DISTINCT x FROM locks") == [{"x": 2}]
        assert len(failures) == 1
        db.execute_query("DROP TABLE locks")


def test_mariadb_wrong_password(maria: servers.Server) -> None:
    url = f"mysql://tester@127.0.0.1:{maria.port}/work"
    with DatabaseConnector(url=url, password="another") as db:
        with pytest.raises(AuthenticationError) as caught:
            db.execute_query("SELECT 1")
        assert "another" not in f"{caught.value} {db!r}"


def test_mariadb_lost(maria: servers.Server) -> None:
    with DatabaseConnector(url=address("mysql", maria)) as db:
        found = db.execute_query("SELECT CONNECTION_ID() AS id")[0]["id"]
        with DatabaseConnector(url=address("mysql", maria)) as other:
            other.execute_query(f"KILL {int(found)}")
        assert db.execute_query("SELECT CONNECTION_ID() AS id")[0]["id"] != found


def test_sqlite_has_no_such_values() -> None:
    with DatabaseConnector() as db:
        for value, says in ((float("nan"), "NaN|nan"), (Decimal(1), "decimals"), (2**63, "64 bits")):
            with pytest.raises(ConversionError, match=says):
                db.execute_query("SELECT %s", (value,))
        assert db.execute_query("SELECT %s AS t", (dt.datetime(2026, 1, 1),)) == [
            {"t": "2026-01-01 00:00:00"}
        ]
        assert db.execute_query("SELECT ? AS t", (1,)) == [{"t": 1}]
        with pytest.raises(DataError, match="several types: int, str"):
            db.read_arrow("SELECT 1 AS a UNION ALL SELECT 'x'")


def test_sqlite_locked(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with DatabaseConnector(url=url) as one, DatabaseConnector(url=url, timeouts={"connect": 0.05}) as two:
        one.execute_query("CREATE TABLE t (a INTEGER)")
        with one.transaction():
            one.execute_query("INSERT INTO t VALUES (1)")
            with pytest.raises(TransactionError, match="locked") as caught:
                two.execute_query("INSERT INTO t VALUES (2)")
            assert caught.value.recoverable
        two.execute_query("INSERT INTO t VALUES (2)")
        assert one.execute_query("SELECT sum(a) AS s FROM t") == [{"s": 3}]


def test_no_database_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("this is text, and long enough to be looked at" * 100)
    for kind in ("sqlite", "duckdb"):
        with (
            DatabaseConnector(url=f"{kind}:///{tmp_path}/a.db") as db,
            pytest.raises(DataError, match="look at the path"),
        ):
            db.execute_query("SELECT * FROM sqlite_master")
        with DatabaseConnector(url=f"{kind}:///{tmp_path}/no/a.db", retry=None) as db:
            assert db.health().status == "down"


def test_duckdb_reads_files_and_no_variables(tmp_path: Path) -> None:
    here = table = pa.table({"a": [1, 2, None]})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with DatabaseConnector(url="duckdb://") as db:
        assert db.read_arrow(f"SELECT * FROM '{tmp_path}/a.parquet'") == table
        assert db.read_arrow("SELECT * FROM read_parquet(%s)", (f"{tmp_path}/a.parquet",)) == here
        with pytest.raises(NotFoundError):
            db.read_arrow("SELECT * FROM here")


@pytest.mark.parametrize("url", ["oracle://x", "nothing", "postgresql+psycopg2://x", "postgresql://[::1"])
def test_no_such_database(url: str) -> None:
    with pytest.raises(InvalidArgument, match=r"database|scheme"):
        DatabaseConnector(url=url)


def test_settings_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARCUATE_DATABASE_URL", f"sqlite:///{tmp_path}/e.db")
    with DatabaseConnector() as db:
        db.execute_query("CREATE TABLE t (a)")
    assert (tmp_path / "e.db").stat().st_size > 0


def test_asyncio() -> None:
    import asyncio

    async def main() -> Any:
        async with DatabaseConnector() as db:
            return await asyncio.to_thread(db.execute_query, "SELECT 1 AS a")

    assert asyncio.run(main()) == [{"a": 1}]


def test_another_database_is_read_when_the_first_is_down(tmp_path: Path) -> None:
    """It is not written to."""
    other = f"sqlite:///{tmp_path}/other.db"
    with DatabaseConnector(url=other) as there:
        there.execute_query("CREATE TABLE kept (id BIGINT)")
        there.insert("kept", pa.table({"id": [1, 2]}))
    for kind in ("endpoint", "cache"):
        settings = {"retry": None, "fallback": {"kind": kind, "urls": [other]}}
        with DatabaseConnector(url="postgresql://me@127.0.0.1:1/lab", **settings) as db:
            with pytest.warns(DegradedWarning, match=r"from sqlite:///.*other\.db$"):
                assert db.read_arrow("SELECT id FROM kept WHERE id > %s", (1,)).to_pylist() == [{"id": 2}]
            with pytest.raises(IntegrationError):
                db.execute_query("INSERT INTO kept VALUES (3)")
    with DatabaseConnector(url=other) as there:
        assert there.execute_query("SELECT count(*) AS n FROM kept") == [{"n": 2}]


def test_an_insert_that_duckdb_refuses() -> None:
    """The error is that of the statement, and is not one to repeat."""
    with DatabaseConnector(url="duckdb:///") as db:
        db.execute_query("CREATE TABLE t (x INTEGER PRIMARY KEY)")
        assert db.insert("t", pd.DataFrame([[1]], columns=["x"])) == 1
        tried = []

        def work(_: DatabaseConnector, data: Any) -> None:
            tried.append(data)
            db.insert("t", data)

        for data, said in (
            (pd.DataFrame([[1]]), 'column "0"'),  # whose names are numbers
            (pa.table({"x": [1]}), "PRIMARY KEY|primary key"),
        ):
            with pytest.raises(IntegrationError, match=said) as caught:
                db.in_transaction(partial(work, data=data))
            assert not caught.value.recoverable
        assert len(tried) == 2
        assert db.insert("t", pa.table({"x": [2]})) == 1
        assert db.execute_query("SELECT x FROM t ORDER BY x") == [{"x": 1}, {"x": 2}]
