"""Tables made from an Arrow schema: what they hold is what went in, to the last bit."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.sql.conftest import address

from arcuate.connector import IntegrationError
from arcuate.errors import ConversionError
from arcuate.sql import DatabaseConnector

ZONED = dt.datetime(2026, 7, 1, 12, 0, 0, 123456, dt.timezone.utc)
COMMON: dict[str, tuple[pa.DataType, list[Any]]] = {
    "truth": (pa.bool_(), [True, False, None]),
    "i1": (pa.int8(), [-128, 127, None]),
    "u1": (pa.uint8(), [0, 255, None]),
    "i2": (pa.int16(), [-(2**15), 2**15 - 1, None]),
    "u2": (pa.uint16(), [0, 2**16 - 1, None]),
    "i4": (pa.int32(), [-(2**31), 2**31 - 1, None]),
    "u4": (pa.uint32(), [0, 2**32 - 1, None]),
    "i8": (pa.int64(), [-(2**63), 2**63 - 1, None]),
    "f4": (pa.float32(), [float.fromhex("0x1.99999ap-4"), -1.5, None]),
    "f8": (pa.float64(), [0.1, 5e-300, None]),
    "text": (pa.string(), ["é'; -- %s", "", None]),
    "label": (pa.dictionary(pa.int8(), pa.string()), ["low", "high", None]),
    "raw": (pa.binary(), [bytes(range(256)), b"", None]),
}
TIMES: dict[str, tuple[pa.DataType, list[Any]]] = {
    "day": (pa.date32(), [dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
    "clock": (pa.time64("us"), [dt.time(0, 0), dt.time(23, 59, 59, 999999), None]),
    "moment": (pa.timestamp("us"), [dt.datetime(2026, 1, 1, 0, 0, 0, 1), dt.datetime(1969, 7, 20), None]),
    "exact": (pa.decimal128(30, 10), [Decimal("12345678901234567890.1234567890"), Decimal("-0.5"), None]),
}
MORE: dict[str, dict[str, tuple[pa.DataType, list[Any]]]] = {
    "postgresql": {
        "u8": (pa.uint64(), [2**64 - 1, 0, None]),
        "zoned": (pa.timestamp("us", "UTC"), [ZONED, ZONED, None]),
        "span": (pa.duration("us"), [dt.timedelta(days=3, microseconds=1), dt.timedelta(0), None]),
        "list": (pa.list_(pa.int32()), [[1, 2], [], None]),
        "record": (pa.struct({"a": pa.int64()}), [{"a": 1}, {"a": None}, None]),
    },
    "mysql": {"u8": (pa.uint64(), [2**64 - 1, 0, None])},
    "duckdb": {"zoned": (pa.timestamp("us", "UTC"), [ZONED, ZONED, None])},
    "sqlite": {},
}


@pytest.fixture(params=["postgresql", "mysql", "sqlite", "duckdb"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[DatabaseConnector]:
    kind = request.param
    servers = {"postgresql": "postgres", "mysql": "maria"}
    where = (
        address(kind, request.getfixturevalue(servers[kind]))
        if kind in servers
        else f"{kind}:///{tmp_path}/a.db"
    )
    with DatabaseConnector(url=where) as found:
        yield found
        if found.has_table("made"):
            found.execute_query("DROP TABLE made")


def test_every_type_at_its_ends(db: DatabaseConnector) -> None:
    columns = {**COMMON, **({} if db.kind == "sqlite" else TIMES), **MORE[db.kind]}
    data = pa.table({name: pa.array(values, kind) for name, (kind, values) in columns.items()})
    assert not db.has_table("made")
    db.create_table("made", data.schema)
    assert db.has_table("made")
    assert db.insert("made", data) == 3
    rows = db.execute_query("SELECT * FROM made")
    for name, (_, values) in columns.items():
        found = [row[name] for row in rows]
        if db.kind == "mysql" and name == "clock":  # PyMySQL gives times of day as spans
            found = [None if one is None else (dt.datetime.min + one).time() for one in found]
        if db.kind in ("mysql", "sqlite") and name == "truth":
            found = [None if one is None else bool(one) for one in found]
        if db.kind == "postgresql" and name == "f4":  # psycopg gives the shortest digits that are that float
            found = [None if one is None else float(np.float32(one)) for one in found]
        assert found == values, name


def test_not_null_is_kept_and_a_table_is_made_once(db: DatabaseConnector) -> None:
    schema = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("x", pa.float64())])
    db.create_table("made", schema)
    with pytest.raises(IntegrationError):
        db.execute_query("INSERT INTO made (id, x) VALUES (NULL, 1)")
    with pytest.raises(IntegrationError, match="made"):
        db.create_table("made", schema)


@pytest.mark.parametrize(
    ("kind", "type_", "says"),
    [
        ("sqlite", pa.uint64(), "cast it"),
        ("sqlite", pa.decimal128(10, 2), "cast it"),
        ("sqlite", pa.list_(pa.int8()), "cast it"),
        ("duckdb", pa.timestamp("ns"), "microseconds"),
        ("duckdb", pa.null(), "no value at all"),
        ("duckdb", pa.list_(pa.timestamp("ns")), "cast it"),
    ],
)
def test_what_a_database_has_no_type_for(tmp_path: Path, kind: str, type_: pa.DataType, says: str) -> None:
    with DatabaseConnector(url=f"{kind}:///{tmp_path}/b.db") as db:
        with pytest.raises(ConversionError, match=f"column 'x': .*{says}"):
            db.create_table("made", pa.schema([("x", type_)]))
        assert not db.has_table("made")
