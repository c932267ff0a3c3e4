"""Values that a database or its library would change in silence: they come as they were, or are refused."""

from __future__ import annotations

import datetime as dt
import tracemalloc
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pymysql
import pytest
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import DataError, IntegrationError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.sql import DatabaseConnector

ZONED = dt.datetime(2026, 7, 1, 12, 0, 0, 123456, dt.timezone(dt.timedelta(hours=5, minutes=30)))


@pytest.fixture(params=["postgresql", "mysql", "sqlite", "duckdb"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseConnector]:
    kind = request.param
    own = {"postgresql": "postgres", "mysql": "maria"}
    where = address(kind, request.getfixturevalue(own[kind])) if kind in own else f"{kind}:///{tmp_path}/a.db"
    with DatabaseConnector(url=where) as found:
        yield found


@pytest.fixture
def my(maria: servers.Server) -> Iterator[DatabaseConnector]:
    with DatabaseConnector(url=address("mysql", maria), pool=1) as db:
        yield db


@pytest.fixture
def duck() -> Iterator[DatabaseConnector]:
    with DatabaseConnector(url="duckdb://") as db:
        yield db


def test_half_a_surrogate_and_no_size(db: DatabaseConnector) -> None:
    with pytest.raises(ConversionError, match="parameter 1 has half a surrogate pair"):
        db.execute_query("SELECT %s AS s", ("\ud800",))
    for stream in (db.stream_rows, db.stream_arrow):
        with pytest.raises(InvalidArgument, match="1 or more"):
            list(stream("SELECT 1 AS a", rows=0))
    with pytest.raises(ConversionError, match="nanoseconds"):
        db.execute_query("SELECT %s AS s", (np.timedelta64(1, "ns"),))
    assert db.execute_query("SELECT %s AS s", (np.datetime64("NaT"),)) == [{"s": None}]


@pytest.mark.parametrize("value", [ZONED, ZONED.timetz()])
def test_mariadb_keeps_no_zones(my: DatabaseConnector, value: Any) -> None:
    with pytest.raises(ConversionError, match="has a zone"):
        my.execute_query("SELECT CAST(%s AS CHAR) AS t", (value,))


@pytest.mark.parametrize("minutes", [-30, -60, -90.5, 0, 12345.25])
def test_mariadb_spans(my: DatabaseConnector, minutes: float) -> None:
    span = dt.timedelta(minutes=minutes, microseconds=1)
    assert my.execute_query("SELECT CAST(%s AS TIME(6)) AS t", (span,)) == [{"t": span}]


def test_mariadb_cuts_nothing(maria: servers.Server, my: DatabaseConnector) -> None:
    """A server that is told to cut what does not fit: not what we give it."""
    name, word = "tester", servers.PASSWORD
    my.execute_query("CREATE TABLE narrow (i TINYINT, s VARCHAR(3)) ENGINE=MyISAM")
    with pymysql.connect(
        host="127.0.0.1", port=maria.port, user=name, password=word.encode(), database="work"
    ) as bare:
        bare.query("SET SESSION sql_mode = ''")
        bare.query("INSERT INTO narrow VALUES (300, 'long')")
        bare.commit()
    assert my.execute_query("SELECT * FROM narrow") == [{"i": 127, "s": "lon"}]
    try:
        for values in ((300, "a"), (1, "long")):
            with pytest.raises(IntegrationError, match=r"Out of range|too long"):
                my.execute_query("INSERT INTO narrow VALUES (%s, %s)", values)
        with DatabaseConnector(url=address("mysql", maria)) as other:
            mode = other.execute_query("SELECT @@sql_mode AS mode")[0]["mode"].split(",")
            assert {"STRICT_ALL_TABLES", "NO_ENGINE_SUBSTITUTION"} <= set(mode)
        assert my.execute_query("SELECT count(*) AS n FROM narrow") == [{"n": 1}]
    finally:
        my.execute_query("DROP TABLE narrow")


def test_mariadb_floats_of_six_digits(my: DatabaseConnector) -> None:
    my.execute_query("CREATE TABLE floats (x FLOAT)")
    try:
        my.execute_query("INSERT INTO floats VALUES (%s)", (1234567.875,))
        for read in (my.execute_query, my.read_arrow, lambda query: list(my.stream_rows(query))):
            with pytest.raises(ConversionError, match=r"column 'x' .*CAST\(x AS DOUBLE\)"):
                read("SELECT x FROM floats")
        assert my.read_arrow("SELECT CAST(x AS DOUBLE) AS x FROM floats").to_pylist() == [{"x": 1234567.875}]
    finally:
        my.execute_query("DROP TABLE floats")


@pytest.mark.parametrize("value", [Decimal("1" * 39), Decimal("0." + "0" * 38 + "1"), 2**128, -(2**127) - 1])
def test_duckdb_numbers_that_are_too_long(duck: DatabaseConnector, value: Any) -> None:
    with pytest.raises(ConversionError, match=r"38 digits|128 bits"):
        duck.execute_query("SELECT %s AS x", (value,))


@pytest.mark.parametrize(
    "value",
    [
        Decimal("1" * 38),
        Decimal("-0.0000000000000000000000000000000000001"),
        Decimal("1.50"),
        2**63,
        -(2**127),
    ],
)
def test_duckdb_numbers_that_fit(duck: DatabaseConnector, value: Any) -> None:
    assert duck.execute_query("SELECT %s AS x", (value,)) == [{"x": value}]
    (found,) = duck.read_arrow("SELECT %s AS x", (value,))["x"].to_pylist()
    assert found == value


@pytest.mark.parametrize(
    "query",
    [
        "SELECT INTERVAL 1 MONTH AS x",
        "SELECT TIMESTAMP_NS '2026-01-01 00:00:00.000000001' AS x",
        "SELECT 'infinity'::TIMESTAMP AS x",
        "SELECT '-infinity'::TIMESTAMPTZ AS x",
    ],
)
def test_duckdb_rows_are_exact(duck: DatabaseConnector, query: str) -> None:
    with pytest.raises(DataError, match="column 'x'"):
        duck.execute_query(query)
    with pytest.raises(DataError, match="column 'x'"):
        list(duck.stream_rows(query))


def test_duckdb_intervals_and_largest_times(duck: DatabaseConnector) -> None:
    span = dt.timedelta(days=29, hours=25, microseconds=1)
    with pytest.raises(DataError, match="30 days may be"):
        duck.execute_query("SELECT %s AS x", (span,))
    span -= dt.timedelta(hours=2)
    assert duck.execute_query("SELECT %s AS x, DATE '9999-12-31' AS d", (span,)) == [
        {"x": span, "d": dt.date(9999, 12, 31)}
    ]


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'infinity'::TIMESTAMP AS x",
        "SELECT '-infinity'::DATE AS x",
        "SELECT 'infinity'::TIMESTAMPTZ AS x",
        "SELECT TIMETZ '12:00:00+05:30' AS x",
        "SELECT '101'::BIT AS x",
        "SELECT 170141183460469231731687303715884105728::UHUGEINT AS x",
    ],
)
def test_duckdb_arrow_is_exact(duck: DatabaseConnector, query: str) -> None:
    for read in (duck.read_arrow, lambda query: list(duck.stream_arrow(query))):
        with pytest.raises(DataError, match="column 'x'"):
            read(query)
    half = duck.stream_arrow("SELECT * FROM range(100000)", rows=2048)
    assert next(half).num_rows == 2048
    half.close()
    assert duck.read_arrow("SELECT NULL::DATE AS x, DATE '9999-12-31' AS d").num_rows == 1


def test_duckdb_takes_nothing_that_it_would_round(duck: DatabaseConnector) -> None:
    duck.execute_query("CREATE TABLE t (moment TIMESTAMP, n INTEGER, d DECIMAL(5, 2), s VARCHAR)")
    fine = {"moment": pd.Timestamp("2026-01-01T00:00:00.000001"), "n": 2.0, "d": 1.25, "s": 7}
    assert duck.insert("t", pd.DataFrame([fine])) == 1
    for name, value in (("moment", pd.Timestamp("2026-01-01T00:00:00.000000001")), ("n", 1.5), ("d", 1.255)):
        frame = pd.DataFrame([{name: value}])
        if name == "moment":
            frame[name] = frame[name].astype("datetime64[ns]")
        with pytest.raises(ConversionError, match=f"column '{name}'.*1 of 1"):
            duck.insert("t", frame)
    assert duck.read_arrow("SELECT * FROM t").to_pylist() == [
        {"moment": dt.datetime(2026, 1, 1, 0, 0, 0, 1), "n": 2, "d": Decimal("1.25"), "s": "7"}
    ]


@pytest.mark.parametrize("kind", ["timestamp", "timestamptz", "date"])
def test_postgresql_infinity_is_no_time(pg: DatabaseConnector, kind: str) -> None:
    for value in ("infinity", "-infinity"):
        for query, parameters in (
            (f"SELECT '{value}'::{kind} AS x", None),
            (f"SELECT %s::{kind} AS x", (value,)),
        ):
            for read in (pg.execute_query, pg.read_arrow):
                with pytest.raises(IntegrationError):
                    read(query, parameters)
    earliest = f"SELECT '4713-01-01 BC'::{kind} AS x, NULL::{kind} AS n"
    assert pg.read_arrow(earliest)["x"].null_count == 0


SETTINGS = (  # by which the rows that one sees may be chosen
    "SET ROLE pg_monitor",
    "SET SESSION AUTHORIZATION pg_monitor",
    "/* which one */ SET app.tenant = '7'",
    "SELECT set_config('app.tenant', '7', false)",
    "DO $$ BEGIN PERFORM set_config('role', 'pg_monitor', false); END $$",
)


def test_postgresql_reads_what_the_session_sees(postgres: servers.Server) -> None:
    """ADBC has a connection of its own: it would see another table of that name."""
    with DatabaseConnector(url=address("postgresql", postgres), pool=1) as db:
        db.execute_query("CREATE TABLE seen (a int)")
        try:
            db.execute_query("CREATE TEMPORARY TABLE seen AS SELECT 1 AS a")
            assert db.read_arrow("SELECT a FROM seen").to_pylist() == [{"a": 1}]
            db.execute_query("DROP TABLE pg_temp.seen")
            db.execute_query("CREATE SCHEMA other")
            for change in SETTINGS:
                with DatabaseConnector(url=address("postgresql", postgres), pool=1) as own:
                    own.execute_query(change)
                    seen = "SELECT current_user::text AS u, current_setting('app.tenant', true) AS t"
                    assert own.read_arrow(seen).to_pylist() == own.execute_query(seen), change
            db.execute_query("SET search_path TO other, public")
            db.execute_query("CREATE TABLE seen AS SELECT 2 AS a")
            assert db.read_arrow("SELECT a FROM seen").to_pylist() == [{"a": 2}]
        finally:
            db.execute_query("DROP TABLE public.seen")
            db.execute_query("DROP SCHEMA other CASCADE")


SIZED = {
    "postgresql": "SELECT i AS n, repeat('x', 1000) AS s FROM generate_series(1, %s) AS i",
    "mysql": "SELECT seq AS n, REPEAT('x', 1000) AS s FROM seq_1_to_10000 WHERE seq <= %s",
    "sqlite": "WITH t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < %s) "
    "SELECT n, printf('%%.1000c', 'x') AS s FROM t",
    "duckdb": "SELECT range AS n, repeat('x', 1000) AS s FROM range(%s)",
}


@pytest.mark.parametrize("way", ["stream_rows", "stream_arrow"])
def test_streams_are_bounded(db: DatabaseConnector, way: str) -> None:
    """Three megabytes in pieces of a fifth of one."""
    count, before = 0, pa.total_allocated_bytes()
    most = 0
    tracemalloc.start()
    try:
        for piece in getattr(db, way)(SIZED[db.kind], (3_000,), rows=200):
            count += piece.num_rows if way == "stream_arrow" else 1
            if way == "stream_arrow":
                most = max(most, pa.total_allocated_bytes() - before)
        most += tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 3_000
    assert most < 1_500_000


def test_a_stream_keeps_the_type_of_its_first_batch() -> None:
    later = {
        "1": ("2.5", "'x'", "x'00'"),
        "'a'": ("1", "x'00'"),
        "x'00'": ("'a'",),
    }
    with DatabaseConnector() as db:
        for first, others in later.items():
            for other in others:
                stream = db.stream_arrow(f"SELECT {first} AS x UNION ALL SELECT {other}", rows=1)
                assert next(stream).num_rows == 1
                with pytest.raises(DataError, match="column 'x' is no Arrow column of"):
                    next(stream)
        floats = db.stream_arrow("SELECT 0.5 AS x UNION ALL SELECT 3", rows=1)
        assert [one["x"].to_pylist() for one in floats] == [[0.5], [3.0]]


JSON = """'{"a": 0.1, "b": 12345678901234567890.123456789, "c": 1e400, "d": 9007199254740993, "e": null}'"""


def test_postgresql_times_of_day_with_a_zone(pg: DatabaseConnector) -> None:
    query = "SELECT '12:00+05:30'::timetz AS x"
    assert pg.execute_query(query) == [{"x": dt.time(12, tzinfo=ZONED.tzinfo)}]
    with pytest.raises(DataError, match=r"column 'x' .*a zone, which Arrow has not"):
        pg.read_arrow(query)
    with pytest.raises(DataError, match=r"column 'x' .*a zone, which Arrow has not"):
        pg.read_arrow("SELECT ARRAY['12:00+05:30'::timetz] AS x")


def test_postgresql_json(pg: DatabaseConnector) -> None:
    rows = pg.execute_query(f"SELECT {JSON}::jsonb AS x")
    assert rows == [
        {
            "x": {
                "a": 0.1,
                "b": Decimal("12345678901234567890.123456789"),
                "c": Decimal("1e400"),
                "d": 9007199254740993,
                "e": None,
            }
        }
    ]
    assert type(rows[0]["x"]["a"]) is float
    with pytest.raises(IntegrationError, match="a key is there twice"):
        pg.execute_query("""SELECT '{"a": 1, "a": 2}'::json AS x""")


def test_postgresql_json_in_arrow(pg: DatabaseConnector) -> None:
    """As it is written: a text of JSON is no text, its null is no NULL."""
    mixed = """SELECT x FROM (VALUES (1, '"a"'), (2, '{"a": 1.10}'), (3, 'null'), (4, NULL), (5, '[1, 2]'))
        AS t(i, s), LATERAL (SELECT s::jsonb AS x) AS j ORDER BY i"""
    wanted = ['"a"', '{"a": 1.10}', "null", None, "[1, 2]"]
    assert pg.read_arrow(mixed)["x"].to_pylist() == wanted
    assert [one["x"][0].as_py() for one in pg.stream_arrow(mixed, rows=1)] == wanted
    assert pg.read_arrow("SELECT ARRAY[%s::jsonb] AS x", ("1.50",))["x"].to_pylist() == [["1.50"]]
    with pg.transaction():
        stream = pg.stream_arrow(mixed, rows=1)
        next(stream)
        assert pg.execute_query("SELECT '[1]'::jsonb AS x") == [{"x": [1]}]
        stream.close()


def test_an_arrow_table_has_the_zone(duck: DatabaseConnector) -> None:
    (found,) = duck.read_arrow("SELECT %s AS t", (ZONED,))["t"].to_pylist()
    assert found == ZONED
    assert duck.execute_query("SELECT %s AS t", (ZONED,)) == [{"t": ZONED}]
    assert pa.types.is_timestamp(duck.read_arrow("SELECT %s AS t", (ZONED,))["t"].type)
