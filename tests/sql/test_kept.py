"""What columns would round, cut or fill up: ``insert`` refuses it, and takes what they keep."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import IntegrationError
from arcuate.errors import ConversionError
from arcuate.sql import DatabaseConnector
from arcuate.sql.errors import TransactionError

NOON = dt.datetime(2026, 7, 1, 12)
HALF = NOON.replace(microsecond=500_000)
MICRO = NOON.replace(microsecond=123_456)
TEXT = "2026-07-01 12:00:00.123456789"
LONG = Decimal("0.1234567890123456789")
PACKED = "20260701T120000"
HUGE = "9" * 30  # an exponent beyond all numbers
KEPT: dict[str, dict[str, tuple[list[Any], list[Any]]]] = {
    "mysql": {
        "INT": ([True, 5, 2.0, Decimal("1E+2"), "12"], [1.5, Decimal("1.50"), "1.5", b"1.5", f"1e-{HUGE}"]),
        "DECIMAL(5, 2)": ([1.5, 0.1, Decimal("1.500"), 7, "1.5"], [1.234, Decimal("1.234"), "1.234"]),
        "DOUBLE": ([0.1 + 0.2, 2**53, Decimal("0.1")], [2**53 + 1, LONG]),
        "DOUBLE(7, 2)": ([1.25], [1.234]),
        "DATETIME": ([NOON, NOON.date(), "2026-07-01 12:00"], [HALF, TEXT, NOON.time(), dt.timedelta(1), 0]),
        "DATETIME(3)": ([HALF], [MICRO]),
        "DATETIME(6)": ([MICRO], [TEXT]),
        "TIMESTAMP(1) NULL": ([HALF], [MICRO]),
        "DATE": (
            [NOON.date(), NOON.replace(hour=0)],
            [NOON, "2026-07-01 12:00", dt.timedelta(hours=1), "20260701120000", "2026-07-01 12", PACKED],
        ),
        "TIME": (
            [NOON.time(), dt.timedelta(1)],
            [HALF.time(), -dt.timedelta(microseconds=1500), NOON, PACKED],
        ),
        "YEAR": ([2026, 0], [26, "7", "00", "2026.4"]),
        "CHAR(3)": (["a", "abc"], ["a ", 1.234, b"a "]),
        "VARCHAR(3)": (["a  ", 1.5], ["abc  ", 1.234, b"abc  "]),
        "TINYTEXT": (["a ", "é" * 127], ["é" * 127 + "  ", b"a" * 255 + b" "]),
        "TEXT": ([" " * 65_535], [" " * 65_536]),
        "BINARY(3)": ([b"abc"], [b"a", 5]),
        "BIT(24)": ([b"1.5"], [1.5]),
        "ENUM('a\\\\b', 'x\\ny')": (["a\\b", "x\ny"], [1]),
        "ENUM('a', 'it''s')": (["a", "it's"], [1, "A", "1"]),
        "SET('a', 'b')": (["a", "a,b", ""], [1, "A"]),
        "FLOAT": ([], [0.1, 2**24 + 1]),  # it cannot be read as it is
    },
    "postgresql": {
        "numeric(5, 2)": ([1.5, Decimal("1.500"), float("nan")], [1.234, Decimal("1.234"), "1.234"]),
        "numeric": ([LONG], []),
        "float8": ([2**53, Decimal("0.1")], [2**53 + 1, LONG]),
        "real": ([0.1, 0.5], [0.1 + 0.2, 2**24 + 1]),
        "timestamp(0)": ([NOON], [HALF, TEXT, "2026-07-01 12:00:00+05:30", f"{PACKED}Z"]),
        "timestamptz(3)": ([HALF.astimezone(dt.timezone.utc)], [MICRO.astimezone(dt.timezone.utc)]),
        "date": ([NOON.date()], [NOON, "2026-07-01 12:00", PACKED]),
        "time(0)[]": ([[NOON.time(), None]], [[None, HALF.time()]]),
        "interval(0)": ([dt.timedelta(1)], [dt.timedelta(microseconds=1), 0.5]),
        "varchar(3)": (["abc"], ["abc  ", b"a"]),
        "coarser": ([NOON], [HALF]),  # a domain of a domain
        "coarser[]": ([], [[HALF]]),  # of which psycopg makes a text
        "name": (["é" * 31], ["é" * 32]),
        '"char"': (["a"], ["ab", "é"]),
        "money": ([], [1.234, "1.234"]),  # which comes as a text of the session
    },
    "sqlite": {
        "INTEGER": (["12", "a", 5, b"7"], ["007", "1e5", " 5", "12345678901234567890", f"1e{HUGE}"]),
        "REAL": ([5, "1.5", 2**53], [2**53 + 1, "1.50"]),
        "DECIMAL(5, 2)": ([1.234], ["1.50"]),
        "DATE": (["a day"], ["007"]),
        "TEXT": (["007", 5, 0.1], [0.1 + 0.2]),
        "": (["007", 0.1 + 0.2], []),
        "ANY": ([], ["007"]),
    },
    "duckdb": {
        "INTEGER": ([5, 2.0], [1.5, "1.5"]),
        "BIGNUM": ([], [1.5]),
        "DECIMAL(5, 2)": ([1.5, Decimal("1.500")], [1.234, Decimal("1.234")]),
        "FLOAT": ([0.5], [0.1]),
        "DOUBLE": ([0.1 + 0.2], [2**53 + 1]),
        "DATE": ([NOON.date()], [NOON]),
        "TIME": ([HALF.time()], [NOON]),
        "TIMESTAMP": ([MICRO], [NOON.astimezone(dt.timezone.utc), TEXT]),
        "TIMESTAMP_MS": ([HALF], [MICRO]),
        "BOOLEAN": ([True, 1], [5]),
        "VARCHAR": (["a"], [b"a"]),
        "DECIMAL(5, 2)[]": ([[None], []], [[1.234]]),
        "INTEGER[2][]": ([], [[[1, 2], [1, 1.5]]]),
        "VARCHAR[]": ([["a\\n", 'é"', "null", None]], [["a\nb"], ["\x01"]]),
        "STRUCT(a VARCHAR)": ([{"a": "b"}], [{"a": "\t"}]),
    },
}


@pytest.fixture(params=list(KEPT))
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseConnector]:
    kind = request.param
    own = {"postgresql": "postgres", "mysql": "maria"}
    where = address(kind, request.getfixturevalue(own[kind])) if kind in own else f"{kind}:///{tmp_path}/a.db"
    with DatabaseConnector(url=where) as found:
        yield found


def _sorted(values: list[Any]) -> list[str]:
    return sorted(map(repr, map(_meant, values)))


def _meant(value: Any) -> Any:
    """The same for values of several types that say the same."""
    if isinstance(value, (bool, int, float, Decimal, str)):
        try:
            return Decimal(str(int(value) if isinstance(value, bool) else value)).normalize() + 0
        except InvalidOperation:
            pass
    if isinstance(value, str) and ":" in value:
        return dt.datetime.fromisoformat(value)
    if isinstance(value, dt.time):
        return dt.timedelta(hours=value.hour)
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None) if value.tzinfo is None else value.astimezone(dt.timezone.utc)
    return dt.datetime.combine(value, dt.time()) if isinstance(value, dt.date) else value


def test_what_columns_keep(db: DatabaseConnector) -> None:
    """In one transaction: each refusal is undone alone, and nothing of it is stored."""
    types = KEPT[db.kind]
    columns = ", ".join(f"c{n} {kind}" for n, kind in enumerate(types))
    if db.kind == "postgresql":
        db.execute_query("CREATE DOMAIN coarse AS timestamp(0)")
        db.execute_query("CREATE DOMAIN coarser AS coarse")
    db.execute_query(f"CREATE TABLE kept_of ({columns})")
    try:
        for n, (kind, (taken, refused)) in enumerate(types.items()):
            for value in taken:
                db.insert("kept_of", [{f"c{n}": value}])
            for value in refused:
                with pytest.raises(ConversionError, match=f"column 'c{n}' of the type .* would not keep all"):
                    db.insert("kept_of", [*({f"c{n}": one} for one in taken), {f"C{n}".lower(): value}])
            if taken:
                db.execute_query(f"DELETE FROM kept_of WHERE c{n} IS NULL")
                rows = [row["x"] for row in db.execute_query(f"SELECT c{n} AS x FROM kept_of")]
                assert _sorted(rows) == _sorted(taken), kind
            db.execute_query("DELETE FROM kept_of")
    finally:
        db.execute_query("DROP TABLE kept_of")
        if db.kind == "postgresql":
            db.execute_query("DROP DOMAIN coarser")
            db.execute_query("DROP DOMAIN coarse")


def test_tables_and_names(db: DatabaseConnector) -> None:
    """Tables of Arrow as rows, columns of another case, and a change of the type in between."""
    small, large = {
        "mysql": ("DATETIME", "DATETIME(6)"),
        "postgresql": ("timestamp(0)", "timestamp"),
        "sqlite": ("NUMERIC", "TEXT"),
        "duckdb": ("TIMESTAMP_S", "TIMESTAMP"),
    }[db.kind]
    name = "moment" if db.kind == "postgresql" else "Moment"
    data = pa.table({name: ["007"] if db.kind == "sqlite" else [HALF]})
    db.execute_query(f"CREATE TABLE tables_of (moment {small})")
    try:
        for one in (data, data.to_pandas(), data.to_pylist()):
            with pytest.raises(ConversionError, match="oment'"):
                db.insert("tables_of", one)
        assert db.execute_query("SELECT * FROM tables_of") == []
        db.execute_query("DROP TABLE tables_of")
        db.execute_query(f"CREATE TABLE tables_of (moment {large})")
        assert db.insert("tables_of", data) == 1
        assert [list(row.values()) for row in db.execute_query("SELECT * FROM tables_of")] == [
            list(row.values()) for row in data.to_pylist()
        ]
    finally:
        db.execute_query("DROP TABLE tables_of")


def test_a_zero_is_no_request_for_a_number(maria: servers.Server) -> None:
    with DatabaseConnector(url=address("mysql", maria)) as db:
        db.execute_query("CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY)")
        try:
            db.insert("counted", pa.table({"id": range(3)}))
            assert [row["id"] for row in db.execute_query("SELECT id FROM counted ORDER BY id")] == [0, 1, 2]
        finally:
            db.execute_query("DROP TABLE counted")


def test_two_writers_of_sqlite(tmp_path: Path) -> None:
    """To have asked for the columns is not to have read: the second waits for the first."""
    with (
        DatabaseConnector(url=f"sqlite:///{tmp_path}/a.db") as db,
        DatabaseConnector(url=f"sqlite:///{tmp_path}/a.db") as other,
    ):
        db.execute_query("CREATE TABLE t (x INTEGER)")

        def rows() -> Iterator[dict[str, Any]]:
            yield {"x": 1}
            second.start()
            for _ in range(1500):
                yield {"x": 1}

        failed: list[IntegrationError] = []

        def write() -> None:
            try:
                other.insert("t", [{"x": 2}])
            except IntegrationError as error:
                failed.append(error)

        second = threading.Thread(target=write)
        db.insert("t", rows())
        second.join(10)
        assert not failed
        assert db.execute_query("SELECT count(*) AS n FROM t") == [{"n": 1502}]


def test_rows_that_write(tmp_path: Path) -> None:
    """The lock for writing comes with the first rows: what makes them may write before; none need none."""
    where = f"sqlite:///{tmp_path}/a.db"
    with DatabaseConnector(url=where, timeouts={"connect": 1}) as db:
        db.execute_query("CREATE TABLE t (x INTEGER)")

        def rows() -> Iterator[dict[str, Any]]:
            db.execute_query("INSERT INTO t VALUES (1)")
            yield {"x": 2}

        assert db.insert("t", rows()) == 1
        assert db.execute_query("SELECT x FROM t ORDER BY x") == [{"x": 1}, {"x": 2}]
    with DatabaseConnector(url=f"sqlite:///file:{tmp_path}/a.db?mode=ro&uri=true") as db:
        assert db.insert("t", pa.table({"x": pa.array([], pa.int64())})) == 0


def test_a_refusal_that_is_passed_over() -> None:
    """DuckDB has the rows before it already: they are not kept alone."""
    with DatabaseConnector(url="duckdb:///") as db:
        db.execute_query("CREATE TABLE t (x INTEGER)")
        with pytest.raises(TransactionError, match="would not keep all"), db.transaction():
            db.execute_query("INSERT INTO t VALUES (7)")
            with pytest.raises(ConversionError):
                db.insert("t", [{"x": 1.5}])
            assert db.execute_query("SELECT x FROM t") == [{"x": 7}]
            with pytest.raises(ConversionError):
                db.insert("t", [*[{"x": 1}] * 1000, {"x": 1.5}])
        assert db.execute_query("SELECT x FROM t") == []


def test_any_of_sqlite() -> None:
    """A table that is STRICT keeps all there, another one makes numbers of texts."""
    with DatabaseConnector() as db:
        db.execute_query("CREATE TABLE t (x ANY) STRICT")
        db.insert("t", [{"x": "007"}])
        assert db.execute_query("SELECT x FROM t") == [{"x": "007"}]


def test_a_view_of_sqlite() -> None:
    with DatabaseConnector() as db:
        db.execute_query("CREATE TABLE t (x TEXT, y INTEGER AS (1))")
        db.execute_query("CREATE VIEW v AS SELECT x FROM t")
        db.execute_query(
            "CREATE TRIGGER into_v INSTEAD OF INSERT ON v BEGIN INSERT INTO t (x) VALUES (new.x); END"
        )
        assert (db.insert("v", [{"x": "a"}]), db.insert("main.t", [{"x": "b"}])) == (1, 1)
        assert db.execute_query("SELECT x, y FROM t") == [{"x": "a", "y": 1}, {"x": "b", "y": 1}]
