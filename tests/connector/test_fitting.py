"""Rows of databases as Arrow: a value that its column's type would change is an error."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
import pytest

from arcuate.connector.errors import DataError
from arcuate.connector.table import to_frame, to_table
from arcuate.connector.tables import batch_of, to_pandas


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (2.5, pa.int64()),
        (2.0, pa.int64()),
        (True, pa.float64()),
        (dt.time(1, 2, 3, 4), pa.time32("s")),
        (dt.timedelta(microseconds=1), pa.duration("ms")),
        (dt.datetime(2026, 1, 1, 5), pa.date32()),
        (dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc), pa.timestamp("us")),
        ([1, 2.5], pa.list_(pa.int64())),
        ({"a": 2.5}, pa.struct([("a", pa.int64())])),
        ([("a", 2.5)], pa.map_(pa.string(), pa.int64())),
        (2.5, pa.dictionary(pa.int8(), pa.int64())),
        (1e300, pa.float32()),
        (1e-300, pa.float32()),
        (10**400, pa.float32()),
        (2049, pa.float16()),
        ([2.5], pa.list_view(pa.int64())),
    ],
    ids=str,
)
def test_a_value_that_would_become_another(value: Any, kind: pa.DataType) -> None:
    with pytest.raises(DataError, match=r"column 'x' is no Arrow column of .*: it holds"):
        batch_of(["x"], [kind], [(None,), (value,)])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (dt.time(1, 2, 3, 4000), pa.time32("ms")),
        (dt.time(1, 2, 3, 4), pa.time64("ns")),
        (dt.timedelta(days=1, microseconds=1), pa.duration("us")),
        ({"a": [1, None]}, pa.struct([("a", pa.list_(pa.int8()))])),
        ([("a", None)], pa.map_(pa.string(), pa.int64())),
        (b"a", pa.binary()),
        (0.0, pa.float32()),
        (2048.0, pa.float16()),
    ],
    ids=str,
)
def test_a_value_that_fits(value: Any, kind: pa.DataType) -> None:
    assert batch_of(["x"], [kind], [(value,), (None,)]).to_pylist() == [{"x": value}, {"x": None}]


@pytest.mark.parametrize(
    "values",
    [
        [{"a": 2**53 + 1}, {"a": None}],
        [[{"a": 2**53 + 1}, {"a": None}]],
        [[2**53 + 1, None]],
        [{"a": [2**53 + 1, None]}, None],
    ],
    ids=str,
)
def test_whole_numbers_beside_missing_ones_at_any_depth(values: list[Any]) -> None:
    """pandas makes floats of them, which lose digits."""
    table = to_table([{"x": one} for one in values], None, ValueError)
    for make in (to_frame, to_pandas):
        assert make(table)["x"].tolist() == values
