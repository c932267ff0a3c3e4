"""PostgreSQL: the pattern of the design, values, transactions, and what goes wrong."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from tests.connector.proxy import FaultProxy
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.errors import ArcuateError, ConversionError, InvalidArgument
from arcuate.integrations import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    DegradedWarning,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    TransactionError,
)
from arcuate.integrations import DatabaseConnector as Public
from arcuate.sql import DatabaseConnector


@pytest.fixture
def bare(postgres: servers.Server) -> Any:
    """The database through psycopg alone."""
    with psycopg.connect(address("postgresql", postgres), autocommit=True) as connection:
        yield connection


@pytest.fixture
def table(bare: Any) -> Any:
    bare.execute("CREATE TABLE kept (id int PRIMARY KEY, x float8)")
    yield "kept"
    bare.execute("DROP TABLE kept")


def test_pattern_of_the_design(postgres: servers.Server) -> None:
    class Results(Public):
        def __init__(self, db_config: dict[str, Any]) -> None:
            super().__init__(db_config)
            self.execute_query(
                "CREATE TEMPORARY TABLE results (id SERIAL PRIMARY KEY, kind TEXT, size INTEGER, data JSONB)"
            )

        def store(self, kind: str, size: int, data: dict[str, Any]) -> int:
            query = "INSERT INTO results (kind, size, data) VALUES (%s, %s, %s) RETURNING id"
            found: int = self.execute_query(query, (kind, size, data))[0]["id"]
            return found

    with Results({"url": address("postgresql", postgres), "pool": 1, "own": 3}) as db:
        assert db.config.extra == {"own": 3}
        assert db.store("fit", 3, {"json": 1}) == 1
        assert db.execute_query("SELECT * FROM results WHERE data @> %s", ({"json": 1},)) == [
            {"id": 1, "kind": "fit", "size": 3, "data": {"json": 1}}
        ]


VALUES = [
    ("int8", 9007199254740993),
    ("int2", -32768),
    ("numeric(30,10)", Decimal("12345678901234567890.0123456789")),
    ("float8", 0.1 + 0.2),
    ("float4", 0.5),
    ("bool", True),
    ("text", "é'; DROP TABLE kept; -- %s :x \\ \n"),
    ("bytea", bytes(range(256))),
    ("date", dt.date(1, 1, 1)),
    ("timestamp", dt.datetime(2026, 3, 1, 12, 0, 0, 123456)),
    ("timestamptz", dt.datetime(2026, 3, 1, 12, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))),
    ("int4[]", [1, None, 3]),
    ("interval", dt.timedelta(days=3, microseconds=1)),
]


@pytest.mark.parametrize(("kind", "value"), VALUES, ids=[kind for kind, _ in VALUES])
def test_values_as_they_are(pg: DatabaseConnector, kind: str, value: Any) -> None:
    query = f"SELECT CAST(%s AS {kind}) AS v, CAST(NULL AS {kind}) AS n"
    assert pg.execute_query(query, (value,)) == [{"v": value, "n": None}]
    assert pg.read_arrow(query, (value,)).to_pylist() == [{"v": value, "n": None}]
    if kind not in ("int4[]", "interval"):  # the others are read by ADBC: the same, in the same types
        quoted = psycopg.sql.Literal(value).as_string()
        straight = pg.read_arrow(f"SELECT CAST({quoted} AS {kind}) AS v, CAST(NULL AS {kind}) AS n")
        assert straight == pg.read_arrow(query, (value,))


def test_nan_beside_null_and_integers_beside_null(pg: DatabaseConnector) -> None:
    frame = pg.read_table(
        "SELECT * FROM (VALUES "
        "(9007199254740993, 'NaN'::float8), (NULL, NULL), (1, 2.5)) AS t(i, x) ORDER BY 1"
    )
    assert frame["i"].tolist() == [1, 9007199254740993, pd.NA]
    assert frame["x"].isna().tolist() == [False, False, True]
    assert np.isnan(frame["x"].array._data[1])


def test_numpy_and_pandas_scalars(pg: DatabaseConnector) -> None:
    row = (
        np.int64(2**53 + 1),
        np.float32(0.5),
        np.bool_(True),
        pd.Timestamp("2026-01-01T00:00:00.000001"),
        pd.NA,
    )
    found = pg.execute_query("SELECT %s::int8 a, %s::float8 b, %s::bool c, %s::timestamp d, %s::int e", row)
    assert list(found[0].values()) == [2**53 + 1, 0.5, True, dt.datetime(2026, 1, 1, 0, 0, 0, 1), None]
    with pytest.raises(ConversionError, match="nanoseconds"):
        pg.execute_query("SELECT %s", (pd.Timestamp(1),))


@pytest.mark.parametrize(
    ("query", "parameters", "error", "says"),
    [
        ("SELECT 1 AS a, 2 AS a", None, InvalidArgument, "two columns 'a'"),
        ("SELECT %s", (1, 2), InvalidArgument, "1 parameters"),
        ("SELECT 5 % %s", (1,), InvalidArgument, "percent sign is %%"),
        ("SELECT :a", {"b": 1}, InvalidArgument, "has the parameters a; given are b"),
        ("SELECT %s", "x", InvalidArgument, "written"),
        ("SELECT %s", ({"x": float("nan")},), ConversionError, "JSON"),
        ("SELECT '1 mon'::interval", None, IntegrationError, "as text"),
        ("SELECT * FROM nowhere", None, NotFoundError, "nowhere"),
        ("SELEKT", None, IntegrationError, "syntax error"),
        ("SELECT 1/0", None, IntegrationError, "division by zero"),
    ],
)
def test_refused(pg: DatabaseConnector, query: str, parameters: Any, error: Any, says: str) -> None:
    with pytest.raises(error, match=says):
        pg.execute_query(query, parameters)
    assert pg.execute_query("SELECT %s::int %% 2 AS r", (5,)) == [{"r": 1}]


def test_a_read_changes_nothing(pg: DatabaseConnector, table: str, bare: Any) -> None:
    for parameters in (None, {"x": 1}):  # by ADBC, and not
        query = "INSERT INTO kept VALUES (1, 1) RETURNING id" + (", :x::int" if parameters else "")
        with pytest.raises(IntegrationError, match="execute_query"):
            pg.read_arrow(query, parameters)
    assert bare.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_numeric_without_scale(pg: DatabaseConnector) -> None:
    assert pg.read_arrow("SELECT 1.25 AS x UNION ALL SELECT 3").to_pylist() == [
        {"x": Decimal("1.25")},
        {"x": Decimal("3.00")},
    ]
    with pytest.raises(DataError, match="cast it in the query"):
        pg.read_arrow("SELECT 'NaN'::numeric(4,1)::text::numeric AS x UNION ALL SELECT 1")


# --- Many rows


def test_copy_and_streams(pg: DatabaseConnector, bare: Any) -> None:
    data = pa.table(
        {
            "n": range(30_000),
            "i": pa.array([1, None, 2**63 - 1] * 10_000, pa.int64()),
            "x": pa.array([float("nan"), None, 1e-300] * 10_000, pa.float64()),
            "s": pa.array(["a\tb\\\n", None, "é"] * 10_000),
        }
    )
    pg.execute_query('CREATE TABLE "Many rows" (n int8, i int8, x float8, s text)')
    try:
        assert pg.insert("Many rows", data) == 30_000
        found = bare.execute(
            'SELECT count(*), count(i), count(x), sum(length(s)) FROM "Many rows"'
        ).fetchone()
        assert found == (30_000, 20_000, 20_000, 60_000)
        query = 'SELECT * FROM "Many rows"'
        back = pg.read_arrow(query + " ORDER BY n").to_pylist()
        assert repr(back) == repr(data.to_pylist())
        assert pg.read_arrow(query)["x"].null_count == 10_000
        sizes = [batch.num_rows for batch in pg.stream_arrow(query + " WHERE i < :n", {"n": 5}, rows=4_000)]
        assert sizes == [4_000, 4_000, 2_000]
        stream = pg.stream_rows(query + " ORDER BY n", rows=10)
        assert next(stream)["s"] == "a\tb\\\n"
        stream.close()
        assert pg.execute_query("SELECT count(*) AS n FROM pg_cursors") == [{"n": 0}]
    finally:
        pg.execute_query('DROP TABLE "Many rows"')


def test_a_bad_row_keeps_none(pg: DatabaseConnector, table: str, bare: Any) -> None:
    rows = [{"id": 1, "x": 1.0}, {"id": 1, "x": 2.0}]
    with pytest.raises(IntegrationError, match="duplicate key") as caught:
        pg.insert(table, rows)
    assert (caught.value.recoverable, caught.value.status) == (False, "23505")
    with pytest.raises(InvalidArgument, match="row 2"):
        pg.insert(table, [{"id": 1, "x": 1.0}, {"id": 2}])
    assert bare.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    frame = pd.DataFrame({"id": [1, 2], "x": [np.nan, 1.0]})
    assert pg.insert("public.kept", frame) == 2
    assert bare.execute("SELECT count(x) FROM kept").fetchone() == (2,)  # NaN is no NULL


# --- Transactions


def test_all_or_nothing(pg: DatabaseConnector, table: str, bare: Any) -> None:
    with pytest.raises(KeyError), pg.transaction():
        pg.execute_query("INSERT INTO kept VALUES (1, 1)")
        assert pg.read_arrow("SELECT id FROM kept").to_pylist() == [{"id": 1}]
        raise KeyError
    with pg.transaction() as same:
        same.execute_query("INSERT INTO kept VALUES (2, 2)")
        with pytest.raises(IntegrationError, match="duplicate"), pg.transaction():
            pg.execute_query("INSERT INTO kept VALUES (3, 3), (2, 2)")
        pg.insert(table, [{"id": 4, "x": None}])
    assert bare.execute("SELECT id FROM kept ORDER BY id").fetchall() == [(2,), (4,)]


def test_after_an_error_the_transaction_says_so(pg: DatabaseConnector) -> None:
    with pytest.raises(TransactionError, match="leave its with block"), pg.transaction():
        with pytest.raises(NotFoundError):
            pg.execute_query("SELECT nothing")
        pg.execute_query("SELECT 1")


def test_deadlock(pg: DatabaseConnector, table: str, bare: Any) -> None:
    bare.execute("INSERT INTO kept VALUES (1, 0), (2, 0)")
    meet, failures = threading.Barrier(2), []

    def work(first: int, second: int, attempts: list[int]) -> None:
        def both(db: DatabaseConnector) -> None:
            attempts.append(1)
            db.execute_query("UPDATE kept SET x = x + 1 WHERE id = %s", (first,))
            if len(attempts) == 1:
                meet.wait(30)
            try:
                db.execute_query("UPDATE kept SET x = x + 1 WHERE id = %s", (second,))
            except TransactionError as error:
                failures.append(error)
                raise

        pg.in_transaction(both)

    counts: tuple[list[int], list[int]] = ([], [])
    threads = [
        threading.Thread(target=work, args=(1, 2, counts[0])),
        threading.Thread(target=work, args=(2, 1, counts[1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(len(one) for one in counts) == [1, 2]
    assert bare.execute("SELECT DISTINCT x FROM kept").fetchall() == [(2.0,)]
    assert [(one.status, one.recoverable) for one in failures] == [("40P01", True)]
    assert "carry the whole of it out again" in str(failures[0])


# --- Faults


def _end(bare: Any, pid: int) -> None:
    assert bare.execute("SELECT pg_terminate_backend(%s, 10000)", (pid,)).fetchone() == (True,)


def test_reconnects(pg: DatabaseConnector, bare: Any) -> None:
    old = pg.execute_query("SELECT pg_backend_pid() AS pid")[0]["pid"]
    _end(bare, old)
    assert pg.execute_query("SELECT pg_backend_pid() AS pid")[0]["pid"] != old


def test_lost_in_a_transaction(pg: DatabaseConnector, table: str, bare: Any) -> None:
    with pytest.raises(ConnectionError, match="undoes") as caught, pg.transaction():
        pid = pg.execute_query("INSERT INTO kept VALUES (1, 1) RETURNING pg_backend_pid() AS pid")[0]["pid"]
        _end(bare, pid)
        pg.execute_query("INSERT INTO kept VALUES (2, 2)")
    assert (caught.value.recoverable, caught.value.executed) == (True, "no")
    assert pg.execute_query("SELECT * FROM kept") == []


def test_lost_while_committing(pg: DatabaseConnector, table: str, bare: Any) -> None:
    with pytest.raises(ConnectionError, match="look whether") as caught, pg.transaction():
        pid = pg.execute_query("INSERT INTO kept VALUES (1, 1) RETURNING pg_backend_pid() AS pid")[0]["pid"]
        _end(bare, pid)
    assert (caught.value.recoverable, caught.value.executed) == (False, "maybe")
    assert pg.execute_query("SELECT * FROM kept") == []


def test_lost_in_mid_query(pg: DatabaseConnector, bare: Any) -> None:
    pg.execute_query("SELECT 1")
    stream = pg.stream_rows("SELECT i, pg_backend_pid() AS pid FROM generate_series(1, 100000) AS i", rows=10)
    first = next(stream)
    _end(bare, first["pid"])
    with pytest.raises(ConnectionError):
        list(stream)
    assert pg.health().status == "ok"


def test_slow(postgres: servers.Server) -> None:
    with DatabaseConnector(
        url=address("postgresql", postgres), timeouts={"call": 0.1}, retry={"attempts": 1}
    ) as db:
        for read in (db.execute_query, db.read_arrow):
            with pytest.raises(IntegrationTimeout, match=r"timeouts\.call"):
                read("SELECT pg_sleep(20)::text AS s")


def test_wrong_password_and_no_secret_in_an_error(postgres: servers.Server) -> None:
    wrong = "another-Wört"
    config = {"url": f"postgresql://tester@127.0.0.1:{postgres.port}/postgres", "password": wrong}
    with DatabaseConnector(config) as db:
        with pytest.raises(AuthenticationError, match="look at the user") as caught:
            db.execute_query("SELECT 1")
        assert not caught.value.recoverable
        assert (
            wrong not in f"{caught.value!r} {caught.value.__cause__!r} {db!r} {db.config!r} {db.health()!r}"
        )
    with DatabaseConnector({**config, "password": servers.PASSWORD}) as db:
        assert db.health().status == "ok"
        with pytest.raises(IntegrationError) as caught:
            db.execute_query("SELECT %s::int", (servers.PASSWORD,))
        assert servers.PASSWORD not in str(caught.value)


def test_server_down() -> None:
    retry = {"attempts": 2, "initial": 0.01, "jitter": 0}
    with DatabaseConnector(url=f"postgresql://a@127.0.0.1:{servers.free_port()}/b", retry=retry) as db:
        with pytest.raises(ConnectionError) as caught:
            db.execute_query("SELECT 1")
        assert caught.value.recoverable
        assert db.health().status == "down"


def test_all_connections_in_use(postgres: servers.Server) -> None:
    with DatabaseConnector(
        url=address("postgresql", postgres), pool=1, timeouts={"connect": 0.1}, retry={"attempts": 1}
    ) as db:
        stream = db.stream_rows("SELECT 1 AS a")
        next(stream)
        with pytest.raises(IntegrationTimeout, match="set 'pool' higher"):
            db.execute_query("SELECT 1")
        stream.close()
        assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]


def test_a_fallback_stands_for_reading_only(
    postgres: servers.Server, table: str, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    query = "SELECT 1::int2 AS a, 2.50::numeric(5, 2) AS b, now() AS c WHERE 1 = %s"
    once = {"retry": {"attempts": 1}, "breaker": None, "fallback": {"kind": "cache"}}
    with FaultProxy(postgres.port) as proxy:
        db = DatabaseConnector(url=address("postgresql", postgres, proxy.port), **once)
        live = db.read_arrow(query, (1,))
        assert db.read_arrow(query, (2,)).num_rows == 0
        db.close()
    with DatabaseConnector(url=address("postgresql", postgres, proxy.port), **once) as db:
        with pytest.warns(DegradedWarning, match="cache"):
            kept = db.read_arrow(query, (1,))
        assert kept.equals(live)
        assert kept.schema == live.schema
        with pytest.raises(ConnectionError):
            db.read_arrow(query, (3,))
    default = {**once, "fallback": {"kind": "default", "default": []}}
    with DatabaseConnector(url=address("postgresql", postgres, proxy.port), **default) as db:
        with pytest.raises(ConnectionError):
            db.execute_query("INSERT INTO kept VALUES (1, 2)")
        with pytest.raises(ConnectionError), db.transaction():
            pass


def test_what_many_rows_leave_behind(pg: DatabaseConnector) -> None:
    """An error of ours after some rows, passed over: the rows before it are not kept."""
    pg.execute_query("CREATE TABLE many (x int)")
    try:
        for bad, said in (("\ud800", "surrogate"), ("x", "invalid input")):
            with pg.transaction():
                pg.execute_query("INSERT INTO many VALUES (7)")
                with pytest.raises(ArcuateError, match=said):
                    pg.execute_many("INSERT INTO many VALUES (%s)", [*[(1,)] * 1000, (bad,)])
        assert pg.execute_query("SELECT x FROM many") == [{"x": 7}, {"x": 7}]
    finally:
        pg.execute_query("DROP TABLE many")
