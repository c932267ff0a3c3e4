"""What came as another value without a word: within lists, by the settings of roles, for other objects."""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import DataError, IntegrationError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.integrations.copying.pieces import tables
from arcuate.sql import DatabaseConnector

ZONED = dt.datetime(2026, 7, 1, 12, 0, tzinfo=dt.timezone(dt.timedelta(hours=5, minutes=30)))
LARGE = 2**53 + 1  # no float


class Grade(enum.IntEnum):
    """A number with a name."""

    GOOD = 5


@pytest.fixture
def duck() -> Iterator[DatabaseConnector]:
    with DatabaseConnector(url="duckdb://") as db:
        yield db


# --- DuckDB: what is within lists and mappings


@pytest.mark.parametrize(
    "value",
    [
        "[INTERVAL 1 MONTH]",
        "{'a': INTERVAL 1 MONTH}",
        "MAP {1: INTERVAL 1 MONTH}",
        "[TIMESTAMP_NS '2026-01-01 00:00:00.000000001']",
        "[['-infinity'::TIMESTAMP]]",
        "['infinity'::TIMESTAMPTZ, NULL]::TIMESTAMPTZ[2]",
        "'infinity'::TIMESTAMP_S",
    ],
)
def test_duckdb_rows(duck: DatabaseConnector, value: str) -> None:
    for read in (duck.execute_query, lambda query: list(duck.stream_rows(query))):
        with pytest.raises(DataError, match="column 'x'"):
            read(f"SELECT {value} AS x")


@pytest.mark.parametrize(
    "value",
    [
        "['101'::BIT]",
        "{'a': [170141183460469231731687303715884105728::UHUGEINT]}",
        "MAP {TIMETZ '12:00:00+05:30': 1}",
        "12345678901234567890123456789::BIGNUM",
        "[['infinity'::DATE]]",
        "{'a': '-infinity'::TIMESTAMP}",
        "MAP {1: 'infinity'::TIMESTAMPTZ}",
        "TIME '24:00:00'",
    ],
)
def test_duckdb_arrow(duck: DatabaseConnector, value: str) -> None:
    for read in (duck.read_arrow, duck.read_table, lambda query: list(duck.stream_arrow(query))):
        with pytest.raises(DataError, match="column 'x'"):
            read(f"SELECT {value} AS x")


def test_duckdb_nested_values_that_are_exact(duck: DatabaseConnector) -> None:
    query = "SELECT [DATE '9999-12-31', NULL] AS d, MAP {1: TIME '23:59:59.999999'} AS m, ['[1]'::JSON] AS j"
    assert duck.execute_query(query) == [
        {"d": [dt.date(9999, 12, 31), None], "m": {1: dt.time(23, 59, 59, 999999)}, "j": ["[1]"]}
    ]
    assert duck.read_arrow(query).to_pylist() == [
        {"d": [dt.date(9999, 12, 31), None], "m": [(1, dt.time(23, 59, 59, 999999))], "j": ["[1]"]}
    ]
    assert duck.read_arrow("SELECT '{\"a\": 1.10}'::JSON AS x").to_pylist() == [{"x": '{"a": 1.10}'}]


def test_json_of_duckdb_is_exact(duck: DatabaseConnector) -> None:
    query = """SELECT '{"a": 1.12345678901234567890, "b": [0.1, 9007199254740993, 1e400, null]}'::JSON AS x"""
    number = Decimal("1.12345678901234567890")
    assert duck.execute_query(query) == [{"x": {"a": number, "b": [0.1, 2**53 + 1, Decimal("1e400"), None]}}]
    for broken in ('{"a": 1, "a": 2}', "1e99999999999999999999"):
        with pytest.raises(DataError, match="select it as text"):
            duck.execute_query(f"SELECT '{broken}'::JSON AS x")
        assert duck.execute_query(f"SELECT '{broken}'::JSON::TEXT AS x") == [{"x": broken}]


def test_duckdb_takes_no_time_with_a_zone_for_one_without(duck: DatabaseConnector) -> None:
    duck.execute_query("CREATE TABLE t (x TIMESTAMP)")
    with pytest.raises(ConversionError, match="column 'x': TIMESTAMP keeps no zone"):
        duck.insert("t", pa.table({"x": [ZONED]}))
    assert duck.execute_query("SELECT * FROM t") == []


def test_lists_with_null_in_pandas(duck: DatabaseConnector) -> None:
    """NumPy's arrays have no NULL: integers became floats of other values, and NULL was NaN."""
    frame = duck.read_table(
        f"SELECT [{LARGE}, NULL] AS i, ['nan'::DOUBLE, NULL] AS f, {{'a': [[{LARGE}, NULL]]}} AS s, [1] AS w"
    )
    row = frame.iloc[0]
    assert row["i"] == [LARGE, None]
    assert row["f"][0] != row["f"][0]
    assert row["f"][1] is None
    assert row["s"] == {"a": [[LARGE, None]]}
    assert isinstance(row["w"], np.ndarray)
    with pytest.raises(DataError, match="take it as Arrow"):
        duck.read_table("SELECT '44-03-15 (BC)'::DATE AS x")


def test_an_index_with_a_name_is_no_column(duck: DatabaseConnector) -> None:
    duck.execute_query("CREATE TABLE t (a INT)")
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index([5, 6], name="id"))
    with pytest.raises(InvalidArgument, match=r"the index id .*reset_index"):
        duck.insert("t", frame)
    assert duck.insert("t", frame[frame["a"] > 1].reset_index(drop=True)) == 1
    assert next(tables([frame], "a copy")).column_names == ["id", "a"]


# --- Objects that are no values


@pytest.mark.parametrize(
    "value", [np.arange(2000), np.longdouble(1) / 3, 1 + 2j, object(), pd.Period("2026-01"), {1, 2}]
)
def test_other_objects_are_refused(maria: servers.Server, value: Any) -> None:
    """PyMySQL sent their text, with an ellipsis, and sqlite3 their memory."""
    for url in (address("mysql", maria), "sqlite://"):
        with DatabaseConnector(url=url) as db, pytest.raises(ConversionError, match="parameter 1 is a"):
            db.execute_query("SELECT %s AS x", (value,))


def test_what_mariadb_got_as_text(maria: servers.Server) -> None:
    with DatabaseConnector(url=address("mysql", maria)) as db:
        values = (memoryview(b"\0a'"), Grade.GOOD, bytearray(b"\\"))
        assert db.execute_query("SELECT %s AS a, %s AS b, %s AS c", values) == [
            {"a": b"\0a'", "b": 5, "c": b"\\"}
        ]


# --- PostgreSQL


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("timestamp", ZONED),
        ("date", ZONED.replace(tzinfo=None)),
        ("time", ZONED.timetz()),
        ("time", ZONED.replace(tzinfo=None)),
        ("date[]", [None, ZONED.replace(tzinfo=None)]),
        ("varchar(9)", b"a"),
        ("day", ZONED.replace(tzinfo=None)),
    ],
)
def test_postgresql_keeps_no_part_of_a_value(pg: DatabaseConnector, kind: str, value: Any) -> None:
    """COPY reads texts: of a time with a zone it left the zone out, and bytes became an escape."""
    with pytest.raises(KeyError), pg.transaction():
        pg.execute_query("CREATE DOMAIN day AS date")
        pg.execute_query(f"CREATE TABLE parts (x {kind})")
        with pytest.raises(ConversionError, match=r"column 'x' of the type .* would not keep all of a"):
            pg.insert("parts", [{"x": None}, {"x": value}])
        raise KeyError("nothing of this is kept")


def test_postgresql_takes_what_it_keeps(pg: DatabaseConnector) -> None:
    midnight = dt.datetime(2026, 7, 1)
    rows = {
        "d": midnight,
        "t": dt.time(12),
        "m": midnight,
        "z": ZONED,
        "s": "é",
        "b": b"a",
        "n": "2026-01-01",
    }
    with pg.transaction():
        pg.execute_query(
            "CREATE TEMPORARY TABLE kept (d date, t time, m timestamp, z timestamptz, s text, b bytea, "
            "n date) ON COMMIT DROP"
        )
        pg.insert("kept", [rows])
        wanted = {**rows, "d": midnight.date(), "n": dt.date(2026, 1, 1)}
        assert pg.execute_query("SELECT * FROM kept") == [wanted]


def test_settings_of_a_role(postgres: servers.Server, pg: DatabaseConnector) -> None:
    """A role that says so gets floats of twelve digits, and times that psycopg cannot read."""
    pg.execute_query("ALTER ROLE tester SET extra_float_digits = -3")
    pg.execute_query("ALTER ROLE tester SET intervalstyle = 'iso_8601'")
    pg.execute_query("ALTER ROLE tester SET datestyle = 'German'")
    try:
        with DatabaseConnector(url=address("postgresql", postgres)) as db:
            query = (
                "SELECT 0.1::float8 + 0.2 AS x, '1 day'::interval AS i, '2026-07-01 12:00Z'::timestamptz AS t"
            )
            wanted = {
                "x": 0.1 + 0.2,
                "i": dt.timedelta(1),
                "t": dt.datetime(2026, 7, 1, 12, tzinfo=dt.timezone.utc),
            }
            assert db.execute_query(query) == [wanted]
            assert db.read_arrow(query).to_pylist() == [wanted]
    finally:
        pg.execute_query("ALTER ROLE tester RESET ALL")


def test_options_of_the_address_hold(postgres: servers.Server) -> None:
    url = address("postgresql", postgres) + "?options=-csearch_path%3Dpg_catalog"
    with DatabaseConnector(url=url, timeouts={"call": 7}) as db:
        assert db.execute_query("SHOW search_path") == [{"search_path": "pg_catalog"}]
        assert db.execute_query("SHOW statement_timeout") == [{"statement_timeout": "7s"}]


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_databases_of_other_encodings(postgres: servers.Server, pg: DatabaseConnector, encoding: str) -> None:
    """ADBC gave bytes of Latin-1 as texts of Arrow."""
    bare = pg._connect()
    bare.execution_options(isolation_level="AUTOCOMMIT")
    bare.exec_driver_sql(
        f"CREATE DATABASE other TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C' STRATEGY FILE_COPY"
    )
    try:
        with DatabaseConnector(url=address("postgresql", postgres).replace("/postgres", "/other")) as db:
            db.execute_query("CREATE TABLE t AS SELECT %s::text AS x", ("Wört",))
            assert db.execute_query("SELECT x FROM t") == [{"x": "Wört"}]
            assert db.read_arrow("SELECT x FROM t").to_pylist() == [{"x": "Wört"}]
            if encoding == "SQL_ASCII":
                db.execute_query(r"UPDATE t SET x = E'\xff'")
                for read in (db.execute_query, db.read_arrow):
                    with pytest.raises(IntegrationError, match="invalid byte sequence"):
                        read("SELECT x FROM t")
    finally:
        bare.exec_driver_sql("DROP DATABASE other")
        bare.close()


@pytest.mark.parametrize("number", ["1e9999999999999999999", "1" * 5000])
def test_numbers_of_json_that_python_cannot_read(pg: DatabaseConnector, number: str) -> None:
    with pytest.raises(IntegrationError, match="too long for Python; select it as text"):
        pg.execute_query(f"SELECT '{number}'::json AS x")
    assert pg.read_arrow(f"SELECT '{number}'::json AS x").to_pylist() == [{"x": number}]


def test_a_table_whose_columns_changed(postgres: servers.Server, pg: DatabaseConnector) -> None:
    """What PostgreSQL had planned for a connection fails once; a read is carried out again."""
    with DatabaseConnector(url=address("postgresql", postgres), pool=1) as db:
        db.execute_query("CREATE TABLE shape AS SELECT 1 AS a")
        try:
            for _ in range(7):  # psycopg has it prepared after five
                assert list(db.stream_rows("SELECT * FROM shape")) == [{"a": 1}]
                assert db.execute_query("SELECT * FROM shape") == [{"a": 1}]
            pg.execute_query("ALTER TABLE shape ADD b text")
            with pytest.raises(IntegrationError, match="other columns now") as caught:
                db.execute_query("SELECT * FROM shape")
            assert caught.value.recoverable
            assert db.execute_query("SELECT * FROM shape") == [{"a": 1, "b": None}]
        finally:
            pg.execute_query("DROP TABLE shape")
