"""Columns and labels that pandas and xarray have no dtype for: in a DataFrame or DataArray, exact."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from arcuate.errors import ConversionError
from arcuate.values import EncodeOptions, Factor, codes, decode, encode
from arcuate.values.equal import equal
from arcuate.values.types import Array, Dataset, Day, Instant, Labelled, List, Table

UNITS = codes.UNIT_NAMES[1:]
KINDS = [
    *[("duration", unit, "") for unit in UNITS],
    *[("datetime", unit, "") for unit in UNITS],
    *[("datetime", unit, "Europe/Prague") for unit in UNITS],
    ("date", "", ""),
    *[(name, "", "") for name in codes.DTYPE_NAMES[1:16]],
]
STORED = {"duration": "<i8", "datetime": "<i8", "date": "<i4", "bool": "?"}
MASKS = {"all there": [0, 0, 0], "one missing": [0, 1, 0], "all missing": [1, 1, 1], "empty": []}


def array(kind: tuple[str, str, str], mask: list[int], *, far: bool = False, hint: int = 0) -> Array:
    """Element 0 is small, element 2 is as far away as the dtype allows, or what is missing: zero."""
    dtype, unit, zone = kind
    if dtype == "text":
        data = b"".join(b"\0" if gone else b"t%d\0" % k for k, gone in enumerate(mask))
    else:
        numbers = np.array([1, 0, 0][: len(mask)], STORED.get(dtype, dtype))
        if far and len(mask) == 3:
            numbers[2] = 2**31 - 1 if dtype == "date" else 2**62
        data = np.where(mask, np.zeros((), numbers.dtype), numbers).tobytes()
    gone = memoryview(bytes(mask)) if any(mask) else None
    return Array(dtype, (len(mask),), memoryview(data), "C", gone, unit, zone, hint)


def through(sent: object) -> object:
    """What it arrives as, having gone back equal."""
    nodes = encode(sent)
    found = decode(nodes)
    assert equal(nodes, encode(found)) is None
    return found


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_every_kind_is_a_column_and_an_index_of_a_frame(kind, mask):
    rows = len(mask)
    column = array(kind, mask)
    index = {"names": ["i"], "levels": [column]}
    boxed = array(kind, mask, hint=codes.ARRAY_BOXED) if kind[0] in ("text", "date") else column
    columns = {"k": column, "b": boxed, "i": np.arange(rows)}
    for each in (None, index):
        found = through(Table(columns, rows, each))
        assert isinstance(found, pd.DataFrame)
        assert found.shape == (rows, 3)
        assert found["k"].isna().tolist() == [bool(gone) for gone in mask]
    assert isinstance(through(Labelled("s", ("index",), column, {}, {}, 3)), pd.Series)


FAR = [kind for kind in KINDS if kind[0] in STORED and kind[0] != "bool"]
FAR = [kind for kind in FAR if not (kind[2] and kind[1] in ("s", "ms"))]  # zones end with the year 9999


@pytest.mark.parametrize("kind", FAR, ids="-".join)
def test_times_far_away_are_columns(kind):
    found = through(Table({"k": array(kind, [0, 1, 0], far=True)}, 3))
    assert isinstance(found, pd.DataFrame)


def test_the_objects_say_what_they_are():
    durations = array(("duration", "m", ""), [0, 1, 0])
    days = Array("date", (2,), memoryview(np.array([0, 2932897], "<i4").tobytes()))
    found = through(Table({"m": durations}, 3))
    assert found["m"].tolist()[0] == np.timedelta64(1, "m")
    assert found["m"][0].dtype == found["m"][1].dtype == "m8[m]"
    assert pd.to_timedelta(found["m"]).dt.total_seconds().tolist()[::2] == [60.0, 0.0]
    assert found["m"].dropna().sum() == np.timedelta64(1, "m")
    assert through(Table({"d": days}, 2))["d"].tolist() == [dt.date(1970, 1, 1), Day(2932897)]
    instants = array(("datetime", "h", "UTC"), [0, 1, 0])
    found = through(Table({"t": instants}, 3))["t"].tolist()
    assert found == [Instant(1, "h", "UTC"), pd.NaT, Instant(0, "h", "UTC")]


def test_dates_of_pandas_with_missing_ones_are_dates():
    """``.dt.date`` gives NaT for them."""
    frame = pd.DataFrame({"day": pd.to_datetime(pd.Series(["2026-03-01", None])).dt.date})
    assert frame["day"][1] is pd.NaT
    assert decode(encode(frame))["day"].tolist() == frame["day"].tolist()
    assert [row[:2] for row in encode(frame).rows if row[6] == "day"] == [(codes.ARRAY, codes.D_DATE)]


def test_a_frame_that_was_worked_on_keeps_the_kind():
    """As long as one element is there to say it, whatever was done to the frame."""
    sent = Table({"m": array(("duration", "m", ""), [0, 1, 0]), "c": array(("c8", "", ""), [0, 1, 0])}, 3)
    found = through(sent)
    for frame in (found.copy(), pd.concat([found, found]), found.iloc[:2], found.sort_index(ascending=False)):
        rows = [row[:4] for row in encode(frame.reset_index(drop=True)).rows if row[6] in ("m", "c")]
        assert [(kind, dtype) for kind, dtype, _, _ in rows] == [
            (codes.ARRAY, codes.D_DURATION),
            (codes.ARRAY, codes.D_C8),
        ]
        assert rows[0][3] == codes.UNIT_CODES["m"]


@pytest.mark.parametrize(
    "items", [["a", "b"], [dt.date(2020, 1, 1)], [np.timedelta64(1, "m")], [None], [], [[1], "a"]], ids=str
)
def test_a_list_column_stays_a_list(items):
    found = through(Table({"l": List(items)}, len(items)))
    assert isinstance(found, pd.DataFrame)
    assert found["l"].tolist() == items


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("kind", ["text", "f8", "date", "i8"])
@pytest.mark.parametrize("mask", [[0, 1], [0, 0]], ids=["missing", "repeated"])
def test_categories_that_pandas_refuses_are_a_column_of_arrow(kind, mask, ordered):
    categories = array((kind, "", ""), mask)
    if not any(mask):  # both are the same
        half = bytes(categories.data)[: len(categories.data) // 2]
        categories = Array(kind, (2,), memoryview(half + half))
    gone = memoryview(bytes([0, 0, 1]))
    numbers = Array("i1", (3,), memoryview(bytes([1, 0, 0])), "C", gone)
    found = through(Table({"f": Factor(numbers, categories, ordered)}, 3))
    assert isinstance(found, pd.DataFrame)
    assert isinstance(found["f"].dtype, pd.ArrowDtype)
    series = Labelled("s", ("index",), Factor(numbers, categories, ordered), {}, {}, 3)
    assert isinstance(through(series), pd.Series)


def test_what_is_left_for_a_plain_table():
    """Categories that repeat or are missing, of a kind that Arrow does not have either."""
    categories = array(("duration", "h", ""), [0, 1])
    numbers = Array("i1", (1,), memoryview(bytes([0])))
    assert isinstance(through(Table({"f": Factor(numbers, categories)}, 1)), Table)


@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_every_kind_labels_an_array(kind, mask):
    labels = {"dims": ("x",), "data": array(kind, mask), "attrs": {"a": 1}}
    coords = {"x": labels, "y": labels}
    for sent in (Labelled("v", ("x",), np.arange(len(mask)), coords), Dataset({"v": labels}, coords)):
        found = through(sent)
        plain = kind[1] in ("ps", "fs", "as")
        plain |= kind[2] != "" and (kind[1] not in ("s", "ms", "us", "ns") or all(mask))
        rare = any(mask) and kind[0] in ("f2", "c8", "c16")
        plain |= rare and (all(mask) or isinstance(sent, Dataset))
        assert isinstance(found, (Labelled, Dataset) if plain else (xr.DataArray, xr.Dataset)), (kind, mask)


@pytest.mark.parametrize("dtype", codes.DTYPE_NAMES[1:15])
@pytest.mark.parametrize("order", ["C", "F"])
def test_missing_labels_in_two_dimensions(dtype, order):
    mask = np.array([[True, False], [False, False], [False, True]], order=order)
    labels = np.ma.MaskedArray(np.ones((3, 2), dtype, order=order), mask)
    labels[1, 0] = 0
    sent = Labelled(
        "v", ("x", "y"), np.zeros((3, 2)), {"z": {"dims": ("x", "y"), "data": labels, "attrs": {}}}
    )
    assert isinstance(through(sent), xr.DataArray)


def test_units_too_long_for_seconds_stay_exact():
    data = np.array([1, 2**62], "m8[W]")
    assert isinstance(through(Labelled("v", ("x",), data)), Labelled)


class NotCopied:
    def __deepcopy__(self, memo: object) -> object:
        raise TypeError("only one of these exists")


def test_attrs_that_cannot_be_copied_are_told_by_their_path():
    frame = pd.DataFrame({"a": [1], "b": ["x"]})
    frame.attrs["fit"] = {"model": NotCopied()}
    series = pd.Series([1.0], index=["k"])
    series.attrs["fit"] = {"model": NotCopied()}
    for value in (frame, series):
        with pytest.raises(ConversionError) as caught:
            encode(value)
        assert caught.value.path == "$.attrs.fit.model"
    known = EncodeOptions(handle=lambda x: ("h1", {}) if isinstance(x, NotCopied) else None)
    for value in (frame, series):
        assert [row[0] for row in encode(value, known).rows].count(codes.HANDLE) == 1
