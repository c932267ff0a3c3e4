"""DocumentStore against a server of MongoDB's protocol that others wrote."""

from __future__ import annotations

import datetime as dt
import math
import re
import tracemalloc
import uuid
from decimal import Decimal

import bson
import numpy as np
import pandas as pd
import pyarrow as pa
import pymongo
import pytest
from bson import Binary, Decimal128, Int64, ObjectId, Regex, Timestamp
from bson.son import SON
from tests.connector.proxy import Fault, FaultProxy
from tests.nosql import servers

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    DegradedWarning,
    IntegrationError,
    IntegrationTimeout,
)
from arcuate.errors import ConversionError, InvalidArgument, SessionClosed, Unsupported
from arcuate.nosql import DocumentStore
from arcuate.nosql.columns import batch_of_documents, documents_of
from arcuate.nosql.typed import CODEC, document_of

NOW = dt.datetime(2026, 11, 28, 12, 30, 15, 123000, tzinfo=dt.timezone.utc)
ONCE = {"retry": {"attempts": 1}, "breaker": None}
VALUES = {
    "id": ObjectId("65f000000000000000000001"),
    "when": NOW,
    "amount": Decimal("12345678901234567890.12340"),
    "small": 5,
    "large": Int64(7),
    "huge": 2**63 - 1,
    "double": 5.0,
    "zero": -0.0,
    "raw": b"\x00\xff",
    "uuid": uuid.UUID(int=5),
    "text": "Wört\0",
    "flag": True,
    "none": None,
    "nested": {"a": [1, {"b": 2.5}, []]},
    "pattern": Regex("^a", "i"),
    "stamp": Timestamp(5, 6),
}
FEWER = {
    **{name: value for name, value in VALUES.items() if name not in ("amount", "zero")},
    "text": "Wört",
    "nested": {"a": [1, {"b": 2.5}]},
}
"""Without what FerretDB does not keep: decimals, the sign of zero, NUL, lists in lists."""


def test_types_are_kept(db: DocumentStore, mongo: servers.Server) -> None:
    given = VALUES if mongo.whole else FEWER
    (made,) = db.insert("c", given)
    assert "_id" not in given
    back = db.find_one("c", {"_id": made})
    assert back is not None
    assert back.pop("_id") == made
    assert back == given
    assert {name: type(one) for name, one in back.items()} == {
        **{name: type(one) for name, one in given.items()},
        "huge": Int64,
    }
    db.insert("c", {**back, "_id": 2})
    with pymongo.MongoClient(port=mongo.port) as other:
        first, second = other.work.c.find({}, {"_id": 0})
        assert first == second
        assert type(first["large"]) is type(second["large"]) is Int64
    if mongo.whole:
        assert first["amount"] == Decimal128("12345678901234567890.12340")
        assert str(back["amount"]) == str(VALUES["amount"])
        assert math.copysign(1, back["zero"]) == -1


def test_binary_of_other_kinds() -> None:
    """The server at hand keeps only the bytes of them."""
    given = {**VALUES, "other": Binary(b"abc", 0x80)}
    assert bson.decode(bson.encode(document_of(given), codec_options=CODEC), CODEC) == given
    batch = batch_of_documents([given])
    assert batch.schema.field("other").metadata == {b"bson": b"json"}
    assert list(documents_of(batch)) == [given]


def test_a_value_that_is_refused_later(db: DocumentStore, mongo: servers.Server) -> None:
    """The error says what was added before it, in the piece of 1,000 that is complete."""
    with pytest.raises(
        ConversionError, match=r"document 1002\.x.*the first 1,000 documents were added"
    ) as caught:
        db.insert("c", [{"x": 1}] * 1001 + [{"x": {1}}])
    assert (caught.value.executed, db.count("c")) == ("yes", 1000)
    with pytest.raises(ConversionError, match=r"document 2\.x") as caught:
        db.insert("d", [{"x": 1}, {"x": {1}}])
    assert (caught.value.executed, db.count("d")) == ("no", 0)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (dt.datetime(2026, 1, 1), "has no zone"),
        (NOW.replace(microsecond=123456), "milliseconds"),
        (pd.Timestamp(NOW) + pd.Timedelta(1, "ns"), "milliseconds"),
        (dt.date(2026, 1, 1), "isoformat"),
        (np.datetime64("2026-01-01"), "a zone"),
        (2**63, "64 bits"),
        (Decimal("1" * 35), "34"),
        (np.arange(3), "tolist"),
        (pd.DataFrame({"a": [1]}), "writes tables"),
        ({1: 2}, "a name is text"),
        ({"a\0": 2}, "NUL"),
        ("\ud800", "surrogate"),
        (1j, "complex"),
        (np.longdouble(1), "longdouble"),
        ({1, 2}, "set is no value"),
        (SON([("deep", dt.datetime(2026, 1, 1))]), "has no zone"),
    ],
)
def test_what_would_be_changed_is_refused(db: DocumentStore, value: object, told: str) -> None:
    with pytest.raises(ConversionError, match=rf"document 1\.x\[1\].*{told}|{told}"):
        db.insert("c", {"x": [0, value]})
    assert db.count("c") == 0


def test_numpy_and_missing_values(db: DocumentStore) -> None:
    db.insert(
        "c", {"a": np.int8(3), "b": np.float32(0.5), "c": np.bool_(True), "d": pd.NA, "e": np.str_("x")}
    )
    back = db.find_one("c", fields={"_id": 0})
    assert back == {"a": 3, "b": 0.5, "c": True, "d": None, "e": "x"}
    assert type(back["c"]) is bool


def test_find(db: DocumentStore) -> None:
    db.insert("c", [{"_id": i, "g": i % 3, "x": i * 0.5} for i in range(30)])
    found = db.find("c", {"g": 1}, fields=["x"], sort={"_id": -1}, skip=1, limit=2)
    assert found == [{"_id": 25, "x": 12.5}, {"_id": 22, "x": 11.0}]
    assert db.find_one("c", {"_id": 99}) is None
    assert db.count("c", {"g": 0}) == 10
    assert sorted(db.distinct("c", "g")) == [0, 1, 2]
    assert db.find("c", {"_id": {"$in": [np.int64(3), 4]}}, fields={"_id": 1}) == [{"_id": 3}, {"_id": 4}]
    assert db.find("none") == []
    grouped = db.aggregate("c", [{"$group": {"_id": "$g", "n": {"$sum": 1}}}, {"$sort": {"_id": 1}}])
    assert grouped == [{"_id": i, "n": 10} for i in range(3)]
    with pytest.raises(InvalidArgument, match="list of stages"):
        db.aggregate("c", {"$match": {}})  # type: ignore[arg-type]
    with pytest.raises(IntegrationError, match="nosuch"):
        db.aggregate("c", [{"$nosuch": {}}])
    with pytest.raises(ConversionError, match="the filter is a mapping"):
        db.find("c", [1])  # type: ignore[arg-type]
    for wrong in ({"skip": "x"}, {"limit": "x"}, {"fields": 7}):
        for read in (db.find, lambda *given, **options: list(db.stream(*given, **options))):
            with pytest.raises(InvalidArgument):
                read("c", **wrong)


def test_changes(db: DocumentStore, mongo: servers.Server) -> None:
    half = Decimal("1.5") if mongo.whole else 1.5
    db.insert("c", [{"_id": i, "n": 0} for i in range(4)])
    assert db.update("c", {"_id": 1}, {"$inc": {"n": 2}}).modified == 1
    changed = db.update("c", {"n": 0}, {"$set": {"n": half}}, many=True)
    assert (changed.matched, changed.modified, changed.upserted) == (3, 3, ())
    assert db.update("c", {"_id": 9}, {"$set": {"n": 1}}, upsert=True).upserted == (9,)
    assert db.replace("c", {"_id": 9}, {"m": 1}).modified == 1
    assert db.find_one("c", {"_id": 9}) == {"_id": 9, "m": 1}
    assert db.delete("c", {"n": half}) == 1
    assert db.delete("c", {}, many=True) == 4
    with pytest.raises(InvalidArgument, match=r"\$ operators"):
        db.update("c", {}, {"n": 1})
    with pytest.raises(InvalidArgument, match=r"can ?not include"):
        db.replace("c", {}, {"$set": {"n": 1}})


def test_bulk_and_duplicates(db: DocumentStore) -> None:
    done = db.bulk(
        "c",
        [
            ("insert", {"_id": 1, "n": 0}),
            ("update", {"_id": 1}, {"$inc": {"n": 1}}),
            ("upsert", {"_id": 2}, {"$set": {"n": 5}}),
            ("replace", {"_id": 2}, {"n": 6}),
            ("delete", {"_id": 1}),
        ],
    )
    assert (done.inserted, done.deleted, done.upserted) == (1, 1, (2,))
    assert db.bulk("c", []).inserted == 0
    with pytest.raises(IntegrationError, match=r"number 1 \(from 0\)") as caught:
        db.bulk("c", [("insert", {"_id": "new"}), ("insert", {"_id": 2}), ("insert", {"_id": 3})])
    assert caught.value.status == 11000
    assert db.count("c", {"_id": {"$in": ["new", 3]}}) == 1
    assert [one["index"] for one in caught.value.detail["failed"]] == [1]
    with pytest.raises(InvalidArgument, match="operation 1 is none of insert"):
        db.bulk("c", [("delete", {}), ("remove", {})])
    db.create_index("d", {"secret": 1}, unique=True)
    db.insert("d", {"secret": "hidden words"})
    with pytest.raises(IntegrationError, match=r"E11000|duplicate") as caught:
        db.insert("d", [{"secret": "other"}, {"secret": "hidden words"}])
    assert "hidden words" not in str(caught.value) + str(caught.value.detail)
    assert db.count("d", {"secret": "other"}) == 1


def test_tables(full: DocumentStore) -> None:
    table = pd.DataFrame(
        {
            "n": pd.array([1, None, 2**62], dtype="Int64"),
            "x": [0.1, math.nan, -0.0],
            "t": pd.array(["a", None, "ü"], dtype="string"),
            "when": pd.to_datetime(["2026-01-01", "2026-01-02", "2026-01-03"], utc=True).as_unit("ms"),
        }
    )
    assert len(full.insert("c", table)) == 3
    back = full.find_table("c", fields={"_id": 0})
    assert back["n"].tolist()[0::2] == [1, 2**62]
    assert back["n"].isna().tolist() == [False, True, False]
    assert math.isnan(back["x"][1])
    assert back["x"].isna().tolist() == [False, False, False]
    assert back["when"].tolist() == table["when"].tolist()
    rows = full.find("c", fields={"_id": 0})
    assert rows[1]["t"] is None


def test_arrow_keeps_what_tables_have_not(full: DocumentStore) -> None:
    documents = [
        {**VALUES, "_id": i, "list": [1, 2, i], "mixed": [1, "a"], "only": None} for i in range(3)
    ] + [{"_id": 4, "list": []}]
    full.insert("c", documents)
    table = full.find_arrow("c", sort={"_id": 1})
    kinds = {field.name: str(field.type) for field in table.schema}
    assert kinds["when"] == "timestamp[ms, tz=UTC]"
    assert kinds["list"] == "list<item: int64>"
    assert kinds["small"] == kinds["large"] == "int64"
    assert kinds["double"] == "double"
    assert kinds["amount"].startswith("decimal128")
    assert kinds["only"] == "null"
    marks = {
        field.name: field.metadata[b"bson"].decode() for field in table.schema if field.metadata is not None
    }
    assert marks == {
        "id": "objectId",
        "uuid": "uuid",
        **dict.fromkeys(("nested", "pattern", "stamp", "mixed"), "json"),
    }
    full.insert("again", table)
    assert full.find("again", {"_id": 1})[0] == full.find("c", {"_id": 1})[0]
    xs = full.find_arrow("empty")
    assert xs.num_rows == 0


def test_columns_of_several_types_are_refused(full: DocumentStore) -> None:
    full.insert("c", [{"_id": 1, "x": 1}, {"_id": 2, "x": 2.5}])
    with pytest.raises(DataError, match=r"column 'x' .*: float, int; .*toDouble"):
        full.find_arrow("c")
    pipeline = [{"$addFields": {"x": {"$toDouble": "$x"}}}]
    assert full.aggregate_arrow("c", pipeline)["x"].to_pylist() == [1.0, 2.5]
    full.insert("d", [{"_id": 1}, {"_id": 2, "late": 1}])
    with pytest.raises(DataError, match=r"document 2 has the field 'late'.*schema="):
        list(full.stream_arrow("d", rows=1))
    schema = pa.schema([("_id", pa.int64()), ("late", pa.int64())])
    batches = list(full.stream_arrow("d", rows=1, schema=schema))
    assert [one.to_pylist() for one in batches] == [[{"_id": 1, "late": None}], [{"_id": 2, "late": 1}]]


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2.5, pa.int64()),
        ([1, 2.5], pa.list_(pa.int64())),
        (NOW, pa.timestamp("s", "UTC")),
        (NOW, pa.timestamp("ms")),
        (NOW, pa.date32()),
        (1, pa.timestamp("ms", "UTC")),
        (b"ab", pa.string()),
        (2**53 + 1, pa.float64()),
        (Decimal("1.255"), pa.decimal128(5, 2)),
    ],
)
def test_a_schema_changes_no_value(value: object, kind: pa.DataType) -> None:
    """Also that of the first batch of a stream, for later ones."""
    with pytest.raises(DataError, match="column 'x' is no Arrow column of"):
        batch_of_documents([{"x": value}], pa.schema([("x", kind)]))


def test_streams_are_bounded(db: DocumentStore) -> None:
    db.insert("c", ({"_id": i, "fill": "x" * 1000} for i in range(5000)))
    assert [one["_id"] for one in db.stream("c", {"_id": {"$lt": 25}}, size=10)] == list(range(25))
    assert [len(page) for page in db.stream_pages("c", limit=20, size=10)] == [10, 10]
    assert list(db.stream("none")) == []
    total = 0
    tracemalloc.start()
    try:
        for batch in db.stream_arrow("c", rows=200):
            total += batch.num_rows
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 5000
    assert most < 2_500_000  # all of them are more than 5 MB
    (empty,) = db.stream_arrow("none")
    assert empty.num_rows == 0
    with pytest.raises(InvalidArgument, match="1 or more"):
        list(db.stream("c", size=0))
    with pytest.raises(InvalidArgument, match="options"):
        list(db.stream("c", order=1))


def test_a_server_that_stands_alone_has_no_transactions(db: DocumentStore) -> None:
    with pytest.raises(Unsupported, match="stands alone"), db.transaction():
        pass


def test_users(ferret: servers.Server) -> None:
    user = ["--setup-username=someone", f"--setup-password={servers.PASSWORD}", "--setup-database=people"]
    with servers.ferret_before(ferret.behind, "--test-enable-new-auth", *user) as server:
        url = f"mongodb://someone@127.0.0.1:{server.port}/people"
        with DocumentStore(url=url, password=servers.PASSWORD) as db:
            db.insert("users", {"a": 1})
            assert db.count("users") == 1
            db.drop("users")
        for given in ({"password": "another-Wört"}, {"username": "nobody", "password": servers.PASSWORD}):
            with DocumentStore(url=url, **given, **ONCE) as db:
                with pytest.raises(AuthenticationError, match="look at the user") as caught:
                    db.insert("users", {"a": 1})
                assert (caught.value.recoverable, caught.value.status) == (False, 18)
                assert given["password"] not in f"{caught.value} {caught.value.__cause__} {db!r}"
                assert db.health().status == "down"


# --- Faults


def test_down(mongo: servers.Server) -> None:
    with FaultProxy(mongo.port) as proxy:
        port = proxy.port
    url = f"mongodb://someone:s3cret-word@127.0.0.1:{port}/work"
    with DocumentStore(url=url, timeouts={"connect": 0.2}, **ONCE) as db:
        with pytest.raises(ConnectionError, match=r"no server answers.*refused") as caught:
            db.insert("c", {"a": 1})
        assert caught.value.recoverable
        assert caught.value.executed == "no"
        health = db.health()
        assert health.status == "down"
        assert "s3cret-word" not in repr(db) + str(caught.value) + health.detail


def test_half_open_slow_and_cut(mongo: servers.Server, db: DocumentStore) -> None:
    db.insert("c", {"_id": 1, "fill": "x" * 100_000})
    with FaultProxy(mongo.port) as proxy:
        url = f"mongodb://127.0.0.1:{proxy.port}/work?directConnection=true"
        proxy.fault = Fault(silent=True)
        with DocumentStore(url=url, timeouts={"connect": 0.3, "call": 0.3}, **ONCE) as other:
            with pytest.raises((ConnectionError, IntegrationTimeout)) as caught:
                other.find("c")
            assert caught.value.recoverable
        proxy.fault = Fault(delay=0.01)
        with DocumentStore(url=url, **ONCE) as other:
            assert len(other.find("c")) == 1
        for reset in (False, True):
            proxy.fault = Fault(cut=60_000, reset=reset)
            with DocumentStore(url=url, retry={"attempts": 2, "initial": 0.01, "jitter": 0}) as other:
                with pytest.raises(ConnectionError) as caught:
                    other.find("c")
                assert caught.value.recoverable


def test_a_fallback(
    mongo: servers.Server, db: DocumentStore, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    db.insert("c", {**FEWER, "_id": ObjectId()})
    with FaultProxy(mongo.port) as proxy:
        other = DocumentStore(
            url=f"mongodb://127.0.0.1:{proxy.port}/work?directConnection=true",
            fallback={"kind": "cache"},
            timeouts={"connect": 0.3},
            **ONCE,
        )
        live = other.find("c")
    with other:
        with pytest.warns(DegradedWarning):
            assert other.find("c") == live
        with pytest.raises(ConnectionError):
            other.find("c", {"a": 1})
        with pytest.raises(ConnectionError):
            other.delete("c", {})
    bob = DocumentStore(other.config, username="bob", password="word")
    with bob, pytest.raises(ConnectionError):  # what another user read
        bob.find("c")


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("redis://x", "no address of MongoDB"),
        ("mongodb://127.0.0.1:27017", "names no database"),
        ("mongodb://x:word/db", "no address"),
        ("mongodb://u:hidden@x/db?nosuch=1", "nosuch"),
    ],
)
def test_addresses(url: str, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told) as caught:
        DocumentStore(url=url).open()
    assert "hidden" not in str(caught.value)


def test_life(mongo: servers.Server) -> None:
    db = DocumentStore(url=f"mongodb://127.0.0.1:{mongo.port}", database="work")
    assert re.match(r"\d", db.health().facts["version"])
    db.find("c")
    db.close()
    db.close()
    with pytest.raises(SessionClosed):
        db.find("c")
