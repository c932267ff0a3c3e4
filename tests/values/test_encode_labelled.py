"""DataArrays, Datasets, DataFrames, Series and Arrow tables there and back, with all their labels."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
import xarray.testing.strategies as xrst
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra import pandas as hpd
from tests.values.judge import assert_equal, through

from arcuate.errors import ConversionError
from arcuate.values import EncodeOptions, Factor, Labelled, codes, decode, encode

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=6)
DTYPES = [
    "?",
    "i1",
    "i2",
    "i4",
    "i8",
    "u1",
    "u2",
    "u4",
    "u8",
    "f4",
    "f8",
    "c8",
    "c16",
    "M8[ns]",
    "M8[s]",
    "m8[us]",
]


def arrays(*, shape, dtype):
    return hnp.arrays(dtype, shape)


variables = xrst.variables(
    array_strategy_fn=arrays,
    dims=xrst.dimension_sizes(dim_names=texts.filter(bool), max_dims=3, max_side=4),
    dtype=st.sampled_from(DTYPES).map(np.dtype),
    attrs=st.dictionaries(texts, st.one_of(st.none(), st.floats(allow_nan=False), texts), max_size=3),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(variables, st.one_of(st.none(), texts), st.sampled_from(["any", "C", "F"]))
def test_variables_of_xarray_come_back_identical(variable, name, order):
    array = xr.DataArray(variable, name=name)
    assert_equal(through(array, EncodeOptions(order=order)), array)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.data())
def test_arrays_with_coordinates_of_every_dtype(data):
    sizes = {"x": data.draw(st.integers(0, 3)), "y y": data.draw(st.integers(1, 3))}
    coords = {}
    for name in data.draw(st.lists(st.sampled_from(["x", "y y", "é", "a", "b"]), unique=True)):
        dims = (
            (name,)
            if name in sizes
            else data.draw(st.sampled_from([(), ("x",), ("y y",), ("x", "y y"), ("y y", "x")]))
        )
        dtype = data.draw(st.sampled_from([*DTYPES, "text"]))
        shape = tuple(sizes[dim] for dim in dims)
        drawn = data.draw(
            hnp.arrays(object, shape, elements=texts) if dtype == "text" else hnp.arrays(dtype, shape)
        )
        coords[name] = (dims, drawn.astype("<U6") if dtype == "text" else drawn, {"unit": name})
    array = xr.DataArray(
        data.draw(hnp.arrays("f8", tuple(sizes.values()))),
        coords=coords,
        dims=list(sizes),
        attrs={"a": {"b": 1}},
    )
    assert_equal(through(array), array)
    dataset = xr.Dataset({"v": array, "w": ("z", [1, 2])}, attrs={"t": "x"})
    assert_equal(through(dataset), dataset)


def test_special_arrays_of_xarray():
    for array in (
        xr.DataArray(1.5),
        xr.DataArray(np.arange(3), dims="x"),
        xr.DataArray([1.0, 2.0], dims="x", coords={"x": pd.date_range("2020", periods=2), "s": 3}),
        xr.DataArray(pd.Categorical(["a", "b"]), dims="x"),
        xr.DataArray(np.array(["a", None], object), dims="x"),
        xr.DataArray(pd.array([1, None], "Int64"), dims="x"),
        xr.DataArray(np.asfortranarray(np.ones((2, 3)))[:, ::-1], dims=("x", "y")),
    ):
        assert_equal(through(array), array)
    assert_equal(through(xr.Dataset()), xr.Dataset())


def test_masks_that_xarray_cannot_hold_stay_masks():
    sent = Labelled("m", ("x", "y"), np.ma.MaskedArray([[1.0, np.nan]], [[True, False]]), {}, {"u": "K"})
    found = through(sent)
    assert isinstance(found, Labelled)
    assert_equal(found.data, sent.data)
    assert_equal(through(found).data, sent.data)


def test_days_and_hours_keep_their_unit_through_xarray():
    """xarray has seconds at the coarsest; R's Date and difftime labels must come back as they were."""
    days = {"dims": ("x",), "data": np.array(["2020-01-01", "NaT"], "M8[D]"), "attrs": {}}
    sent = Labelled("t", ("x",), np.array([1, 2], "m8[h]"), {"x": days}, {})
    nodes = encode(sent)
    array = decode(nodes)
    assert isinstance(array, xr.DataArray)
    assert array.dtype == "m8[s]"
    again = encode(array)
    assert [row for row in again.rows if row[0] == codes.ARRAY] == [
        row for row in nodes.rows if row[0] == codes.ARRAY
    ]
    assert encode(array + np.timedelta64(1, "s")).rows[4][3] == codes.UNIT_CODES["s"]


columns = [
    hpd.column("f", dtype="f8"), hpd.column("i", dtype="i8"), hpd.column("b", dtype=bool),
    hpd.column("1 a", elements=texts, dtype=object), hpd.column("é", dtype="M8[ns]"),
    hpd.column("d", dtype="m8[us]"),
]  # fmt: skip


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(hpd.data_frames(columns, index=hpd.range_indexes(max_size=6)))
def test_frames_come_back_equal(frame):
    assert_equal(through(frame), frame)


def frame_of_everything():
    n = 4
    gone = np.array([False, True, False, False])
    frame = pd.DataFrame(
        {
            "text": ["a", "é", None, ""],
            "own text": pd.array(["a", None, "", "b"], dtype="string"),
            "text without gaps": pd.array(["a"] * n, dtype="string"),
            "None": pd.Series(["a", None, "b", "c"], dtype=object),
            "NaN": pd.Series(["a", np.nan, "b", "c"], dtype=object),
            "NA": pd.Series(["a", pd.NA, "b", "c"], dtype=object),
            "two marks": pd.Series(["a", np.nan, None, "c"], dtype=object),
            "lists": [[1, 2], {"a": None}, None, 3],
            "numbers as objects": pd.Series([1, 2, 3, 4], dtype=object),
            "dates": [dt.date(2020, 1, 1), None, dt.date(1, 1, 1), dt.date(9999, 12, 31)],
            "ordered": pd.Categorical(["u", "v", None, "u"], ["v", "u", "w"], ordered=True),
            "numbers": pd.Categorical([1, 2, 1, 2]),
            "days": pd.Categorical(pd.date_range("2020", periods=n)),
            "zone": pd.date_range("2020-03-29", periods=n, freq="h", tz="Europe/Berlin"),
            "offset": pd.date_range("2020", periods=n, tz=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
            "span": pd.to_timedelta([1, None, 3, 4], unit="s"),
            "Int8": pd.array([1, None, -3, 4], dtype="Int8"),
            "UInt64": pd.array([2**64 - 1, None, 0, 1], dtype="UInt64"),
            "Int64 without gaps": pd.array([1] * n, dtype="Int64"),
            "NaN and NA": pd.arrays.FloatingArray(np.array([np.nan, 0.0, 1.0, 2.0]), gone),
            "boolean": pd.array([True, None, False, True], dtype="boolean"),
            "half": np.arange(n, dtype="f2"),
            "complex": np.arange(n) * 1j,
        }
    )
    frame.attrs = {"source": {"name": "x", "years": [1, 2]}}
    return frame


INDEXES = {
    "range": pd.RangeIndex(4),
    "range from 3": pd.RangeIndex(3, 7),
    "named range": pd.RangeIndex(4, name="n"),
    "text": pd.Index(list("abcd"), name="é"),
    "objects": pd.Index(["a", "b", "c", "d"], dtype=object),
    "float": pd.Index([0.5, 1.5, 2.5, 3.5]),
    "zoned": pd.date_range("2020", periods=4, tz="America/New_York", name=""),
    "spans": pd.to_timedelta(range(4), unit="h"),
    "categorical": pd.CategoricalIndex(list("aabb"), ordered=True),
    "multi": pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["x", None]),
    "nullable": pd.Index(pd.array([1, 2, 3, 4], "Int32")),
}


@pytest.mark.parametrize("name", INDEXES)
def test_frames_keep_columns_index_and_attrs(name):
    frame = frame_of_everything().set_index(INDEXES[name])
    found = through(frame)
    assert_equal(found, frame)
    assert found.attrs == frame.attrs
    assert found["None"].tolist()[1] is None
    assert found["NA"].tolist()[1] is pd.NA
    assert found["two marks"].tolist()[2] is None
    assert_equal(found["NaN and NA"].isna().tolist(), [False, True, False, False])
    assert found["lists"].tolist()[0] == [1, 2]


@pytest.mark.parametrize("name", [name for name in INDEXES if name != "multi"])
def test_series_keep_name_index_and_dtype(name):
    frame = frame_of_everything().set_index(INDEXES[name])
    for column in (
        "text",
        "own text",
        "None",
        "ordered",
        "zone",
        "span",
        "Int8",
        "NaN and NA",
        "boolean",
        "complex",
    ):
        assert_equal(through(frame[column]), frame[column])


@pytest.mark.parametrize("shape", [(0, 0), (3, 0), (0, 2)])
def test_empty_frames(shape):
    frame = pd.DataFrame(np.zeros(shape), columns=[f"c{i}" for i in range(shape[1])])
    found = through(frame)
    assert found.shape == shape
    pd.testing.assert_frame_equal(found, frame, check_column_type=False)


def test_text_columns_without_arrow():
    """Where pyarrow is not installed pandas keeps texts as objects."""
    column = pd.array(["a", None, "é", ""], dtype=pd.StringDtype("python", na_value=np.nan))
    found = through(pd.DataFrame({"t": column}))["t"]
    assert found.tolist()[0::2] == ["a", "é"]
    assert found.isna().tolist() == [False, True, False, False]


def test_arrow_tables():
    table = pa.table(
        {
            "i": [1, None, 3], "s": ["a", None, "é"], "l": [[1], None, [2, 3]], "b": [True, None, False],
            "d": pa.array(["x", "y", None]).dictionary_encode(),
            "t": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
            "date": pa.array([1, None, 3], pa.date32()), "f": pa.chunked_array([[1.5], [None, 2.5]]),
        }
    )  # fmt: skip
    found = through(table.slice(0, 3))
    assert isinstance(found, pa.Table)
    assert found.to_pydict() == table.to_pydict()
    assert through(table.slice(1, 2)).to_pydict() == table.slice(1, 2).to_pydict()
    with pytest.raises(ConversionError, match="cast it"):
        encode(pa.table({"x": pa.array([1], pa.time64("us"))}))


def test_a_missing_category_makes_a_factor():
    sent = Factor(np.array([0, 1, 0], "i4"), np.array(["a", None], dtype=object))
    found = through(sent)
    assert isinstance(found, Factor)
    assert_equal(through(found).codes, found.codes)
    assert found.codes.tolist() == [0, 1, 0]


MONTHS = pd.period_range("2020", periods=2, freq="M")
STACKED = xr.DataArray([[1]], dims=("x", "y"), coords={"x": [1], "y": [1]}).stack(k=("x", "y"))
REFUSED = {
    "int column": (pd.DataFrame({1: [1]}), "$.columns[1]", "rename"),
    "twice": (pd.DataFrame([[1, 2]], columns=["a", "a"]), "$", "rename"),
    "column levels": (pd.DataFrame([[1]], columns=pd.MultiIndex.from_tuples([("a", "b")])), "$", "columns"),
    "columns name": (pd.DataFrame({"a": [1]}).rename_axis(columns="q"), "$", "rename_axis"),
    "period": (pd.DataFrame({"p": MONTHS}), "$.columns['p']", "to_timestamp"),
    "interval": (pd.Series(pd.interval_range(0, 2)), "$.data", "left"),
    "set in a list column": (pd.DataFrame({"l": [{1}]}), "$.columns['l'][0]", "sorted"),
    "nul": (pd.DataFrame({"t": ["a", "b\0c"]}), "$.columns['t'][1]", "NUL"),
    "index name": (pd.DataFrame({"a": [1]}, index=pd.Index(["x"], name=3)), "$.index", "rename_axis"),
    "dims": (xr.DataArray([1], dims=[3]), "$", "rename"),
    "coordinate": (xr.DataArray([1], dims="x", coords={5: ("x", [1])}), "$.coords[5]", "rename"),
    "multi": (STACKED, "$.coords.k.data", "reset_index"),
    "attrs": (xr.DataArray([1], attrs={"a": {1}}), "$.attrs.a", "sorted"),
    "series of multi": (pd.Series([1], index=pd.MultiIndex.from_tuples([(1, 2)])), "$", "reset_index"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_refused_labels_say_where_and_what_to_do(name):
    value, path, remedy = REFUSED[name]
    with pytest.raises(ConversionError) as caught:
        encode(value)
    assert (caught.value.path, remedy in caught.value.message) == (path, True)


def test_a_cycle_through_attrs_is_found():
    array = xr.DataArray([1])
    array.attrs["self"] = [array]
    with pytest.raises(ConversionError, match="reference cycle") as caught:
        encode(array)
    assert caught.value.path == "$.attrs.self[0]"
