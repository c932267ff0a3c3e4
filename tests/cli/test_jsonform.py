"""Values as JSON without loss, and back."""

from __future__ import annotations

import datetime as dt
import json
import math
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from scipy import sparse

from arcuate.cli.literals import parse
from arcuate.errors import ConversionError
from arcuate.jsonform import arrange, dumps, plain, restore
from arcuate.values import NA, Cell, Day, Duration, Instant, Missing, StructArray
from arcuate.values.equal import assert_same

TWICE = pd.arrays.ArrowExtensionArray(pa.DictionaryArray.from_arrays([0, 1], ["a", "a"]))


def strict(text: str) -> Any:
    """The text by Python's json, which takes no NaN here."""

    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return json.loads(text, parse_constant=refuse)


def again(value: Any) -> Any:
    return restore(strict(dumps(value)))


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        2**63 + 1,
        -0.0,
        1e-320,
        0.1,
        "žluť 猫 😀\n",
        "",
        [1, 2.5, "x", None, [True, []]],
        {"1 a": 1, "": {"é": [1.5]}},
        {"$missing": "not what it looks like"},
        {"$a": 1, "$b": 2},
        1 - 2j,
        b"\x00\xff",
        dt.date(1959, 3, 29),
        dt.datetime(1959, 3, 29, 12, 30, 15, 7),
        Missing("i4"),
        NA,
        Cell([1.0, "a", 2.0, "b"], (2, 2)),
        StructArray([{"a": 1.0}, {"a": "x"}], (2, 1)),
        Duration(5, "ns"),
        Day(2932897),
        math.inf,
        -math.inf,
    ],
    ids=repr,
)
def test_there_and_back(value: Any) -> None:
    found = again(value)
    assert found == value
    assert repr(found) == repr(value)


def test_nan() -> None:
    assert strict(dumps([math.nan, 1.0])) == [{"$float": "nan"}, 1.0]
    assert math.isnan(again(math.nan))
    assert math.isnan(again({"a": complex(math.nan, 1)})["a"].real)


def test_numpy_arrays_are_nested_lists() -> None:
    assert strict(dumps(np.array([[1, 2], [3, 4]]))) == [[1, 2], [3, 4]]
    assert strict(dumps(np.array([1.5, np.nan]))) == [1.5, {"$float": "nan"}]
    assert strict(dumps(np.float32(0.1))) == float(np.float32(0.1))
    assert strict(dumps(np.array([2**64 - 1], "u8"))) == [2**64 - 1]
    assert strict(dumps(np.array(["a", "é"]))) == ["a", "é"]
    assert strict(dumps(np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]))) == [
        [1, {"$missing": "i8"}],
        [3, 4],
    ]


@pytest.mark.parametrize(
    "value",
    [
        np.empty((0, 3)),
        np.array(5.0),
        np.array(["1959-01-01", "NaT"], "M8[ns]"),
        np.array([[1, 2]], "m8[s]"),
        np.empty((2, 0, 3), "i4"),
    ],
    ids=repr,
)
def test_arrays_that_lists_cannot_say(value: np.ndarray) -> None:
    found = again(value)
    assert found.dtype == value.dtype
    np.testing.assert_array_equal(found, value)


def test_missing_and_nan_stay_apart_in_nullable_arrays() -> None:
    array = pd.arrays.FloatingArray(np.array([1.0, math.nan, 0.0]), np.array([False, False, True]))
    assert strict(dumps(array)) == [1.0, {"$float": "nan"}, {"$missing": "f8"}]
    assert strict(dumps(pd.array([True, pd.NA], dtype="boolean"))) == [True, {"$missing": "bool"}]
    assert strict(dumps(pd.array(["a", pd.NA], dtype="string"))) == ["a", {"$missing": "text"}]


def test_labelled_array() -> None:
    array = xr.DataArray(
        [[1.0, np.nan, 3.0], [4.0, 5.0, -np.inf]],
        {
            "x": [10, 20],
            "t": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "M8[ns]"),
            "who": ("x", ["a", "b"], {"note": "n"}),
        },
        ("x", "t"),
        "v",
        {"units": "ppm", "frequency": 12},
    )
    xr.testing.assert_identical(again(array), array)
    body = strict(dumps(array))["$labelled"]
    assert body["dims"] == ["x", "t"]
    assert body["data"] == [[1.0, {"$float": "nan"}, 3.0], [4.0, 5.0, {"$float": "-inf"}]]


def test_dataset() -> None:
    dataset = xr.Dataset({"a": ("x", [1, 2]), "b": ("y", ["p", "q", "r"])}, {"x": [0.5, 1.5]}, {"title": "t"})
    xr.testing.assert_identical(again(dataset), dataset)


def test_table() -> None:
    table = pd.DataFrame(
        {
            "i": pd.array([1, pd.NA, 3], dtype="Int64"),
            "f": [0.5, math.inf, -1.0],
            "b": [True, False, True],
            "g": pd.Categorical(["lo", None, "hi"], categories=["lo", "hi"], ordered=True),
            "t": pd.to_datetime(["2020-03-29 02:30", "2020-10-25 02:30", None]).tz_localize("UTC"),
        },
        index=pd.Index(["x", "y", "z"], name="row"),
    )
    found = again(table)
    pd.testing.assert_frame_equal(
        found, table, check_index_type=False, check_column_type=False, check_dtype=False
    )
    assert list(found["g"].cat.categories) == ["lo", "hi"]
    assert found["g"].cat.ordered
    assert str(found["t"].dtype).endswith("UTC]")


def test_columns_that_pandas_has_no_dtype_for() -> None:
    columns = {
        "m": [np.timedelta64(1, "m"), np.timedelta64("NaT", "m")],
        "h": [np.datetime64(5, "h"), np.datetime64("NaT", "h")],
        "i": [Instant(5, "h", "UTC"), pd.NaT],
        "d": [dt.date(1970, 1, 1), Day(2932897)],
    }
    table = pd.DataFrame({name: pd.Series(items, dtype=object) for name, items in columns.items()})
    assert_same(again(table), table)


@pytest.mark.parametrize("fold", [0, 1])
def test_a_time_that_the_clocks_show_twice(fold: int) -> None:
    """Local time and zone do not say which instant: 2024-10-27T02:30 in Prague is 00:30 and 01:30 in UTC."""
    moment = dt.datetime(2024, 10, 27, 2, 30, tzinfo=ZoneInfo("Europe/Prague"), fold=fold)
    for value, unit, scale in ((moment, "us", 10**6), (pd.Timestamp(moment).as_unit("ns"), "ns", 10**9)):
        assert again(value) == Instant((1729989000 + 3600 * fold) * scale, unit, "Europe/Prague")


def test_zoned_datetime() -> None:
    moment = dt.datetime(2020, 6, 1, 12, tzinfo=ZoneInfo("Europe/Prague"))
    found = again(moment)
    assert found == moment
    assert found.utcoffset() == moment.utcoffset()


@pytest.mark.parametrize(
    "value",
    [sparse.eye(3).tocsc(), object(), lambda: 1, TWICE],
    ids=["sparse", "object", "function", "categories that repeat"],
)
def test_what_json_cannot_hold_says_what_can(value: Any) -> None:
    with pytest.raises(ConversionError, match="-o"):
        plain({"deep": [value]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"$nothing": 1}', "no meaning"),
        ('{"$complex": [1, 2, 3]}', "malformed"),
        ('{"$date": "x"}', "malformed"),
        ('{"$array": {"dtype": "f8"}}', "malformed"),
    ],
)
def test_malformed_tags(text: str, said: str) -> None:
    with pytest.raises(ConversionError, match=said):
        restore(parse(text))


def test_rows_become_a_matrix() -> None:
    found = arrange(parse("[[1,2],[3,4]]"))
    assert found.dtype == np.dtype("i8")
    np.testing.assert_array_equal(found, [[1, 2], [3, 4]])
    assert arrange(parse("[[1,2],[3]]")) == [[1, 2], [3]]
    assert arrange(parse("[1,2]")) == [1, 2]
    assert arrange(parse("[[1,2],[3,4]]"), floats=True).dtype == np.dtype("f8")
    assert arrange(parse('{"m": [[true],[false]]}'))["m"].dtype == np.dtype("?")
    assert arrange(parse('[[1,"a"],[2,"b"]]')) == [[1, "a"], [2, "b"]]


def test_na_masks() -> None:
    found = arrange(parse("[1, NA, 3]"))
    assert isinstance(found, np.ma.MaskedArray)
    assert found.mask.tolist() == [False, True, False]
    assert found.dtype == np.dtype("i8")
    floats = arrange(parse("[NaN, NA]"))
    assert floats.mask.tolist() == [False, True]
    assert math.isnan(floats.data[0])
    texts = arrange(parse('["a", NA]'))
    assert texts.isna().tolist() == [False, True]
    nested = arrange(parse('[["a"], [NA]]'))
    assert nested[0] == ["a"]
    assert nested[1].mask.tolist() == [True]
