"""The rows of the type table; see :mod:`arcuate.values.table`."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd

from arcuate.values.table import EXACT, Change, Example, Outcome, Row, Trip
from arcuate.values.types import Cell, List, Map, Missing, StructArray

__all__ = ["ROWS"]


def _widened(kind: str) -> Outcome:
    return Outcome("widened", kind)


def _reshaped(shape: str) -> Outcome:
    return Outcome("reshaped", shape)


def _to(outcome: Outcome, back: Outcome | None = None, change: Change | None = None) -> Trip:
    """What arrives changed; it comes back equal, unless a second outcome says otherwise."""
    return Trip(outcome, EXACT if back is None else back, change)


def _refused(what: str) -> Trip:
    return Trip(Outcome("error", what), Outcome("error", what))


def _flat(value: Any) -> Any:
    """The row vector that a 1-d array is in Octave."""
    array = np.asarray(value)
    return array.reshape(1, -1)


def _item(value: Any) -> Any:
    return value.item()


def _masked(values: Any, gone: Any, dtype: str = "") -> Any:
    data = np.array(values, dtype or None)
    return np.ma.MaskedArray(data, np.array(gone, bool))


_SCALAR = _reshaped("scalar")
_ROW = _reshaped("(1, n)")
_STRUCT = _to(_reshaped("struct"))
_ARRAY = _reshaped("array")


def _numbers(name: str) -> list[Row]:
    """The rows of one numpy class: a scalar, a vector, a matrix."""
    values: Any = [[1 + 2j, 3 - 1j], [0, 2j]] if name[0] == "c" else [[1, 0], [1, 1]]
    wide = {
        "i1": "i4",
        "i2": "i4",
        "u1": "i4",
        "u2": "i4",
        "u4": "i4",
        "i8": "i4",
        "u8": "i4",
        "f2": "f8",
        "f4": "f8",
        "c8": "c16",
    }
    to = {"i4": "integer", "f8": "double", "c16": "complex"}
    r_scalar: Trip
    r_array: Trip
    if name in wide:
        there, back = _widened(to[wide[name]]), _widened(wide[name])
        r_array = Trip(there, back, lambda value: value.astype(wide[name]))
    else:
        there, back = EXACT, EXACT
        r_array = Trip()
    r_scalar = Trip(there, _SCALAR, _item)
    octave_scalar, octave_wide = Trip(), EXACT
    kind: str | None = None
    if name == "f2":
        octave_wide, kind = _widened("single"), "f4"
        octave_scalar = Trip(octave_wide, _widened("f4"), np.float32)
    elif name in ("f8", "c16", "bool"):
        octave_scalar = Trip(EXACT, _SCALAR, _item)

    def row(value: Any) -> Any:
        return _flat(value if kind is None else value.astype(kind))

    matrix = Trip() if kind is None else Trip(octave_wide, _widened("f4"), lambda value: value.astype(kind))
    label = np.dtype(name).name
    return [
        Row(
            "number of a numpy class",
            f"{label} scalar",
            lambda: np.array(values, name)[0][0],
            {"r": r_scalar, "octave": octave_scalar},
        ),
        Row(
            "n-d array",
            f"{label}, 1-d",
            lambda: np.array(values, name).reshape(-1),
            {"r": r_array, "octave": Trip(_ROW, _ROW, row)},
        ),
        Row("n-d array", f"{label}, 2-d", lambda: np.array(values, name), {"r": r_array, "octave": matrix}),
    ]


def _row(section: str, name: str, example: Example, **trips: Trip) -> Row:
    return Row(section, name, example, trips)


def _frame() -> Any:
    return pd.DataFrame(
        {
            "number": [1.5, float("nan")],
            "text": ["a", None],
            "kind": pd.Categorical(["u", None], ["u", "v"], ordered=True),
            "count": pd.array([1, None], "Int32"),
            "flag": pd.array([True, None], "boolean"),
            "when": pd.to_datetime(np.array(["2020-01-01", "NaT"], "M8[us]"), utc=True),
        },
        index=pd.Index(["r1", "r2"], name="row"),
    )


def _labelled() -> Any:
    import xarray as xr

    return xr.DataArray(
        np.arange(6.0).reshape(2, 3),
        dims=("channel", "time"),
        coords={
            "channel": ["Fz", "Cz"],
            "time": np.array([0.0, 0.1, 0.2]),
            "weight": (("channel", "time"), np.ones((2, 3)), {"unit": "1"}),
        },
        name="eeg",
        attrs={"unit": "uV"},
    )


def _sparse(form: str, dtype: str) -> Any:
    import scipy.sparse as sp

    dense = np.array([[1, 0, 2], [0, 0, 1]], dtype)
    return getattr(sp, f"{form}_array")(dense * np.dtype(dtype).type(1j if dtype[0] == "c" else 1))


def _entries(data: list[Any], rows: list[int]) -> Any:
    """A sparse matrix of these three entries: two in the first column, one in the second."""
    import scipy.sparse as sp

    return sp.coo_array((np.array(data), (np.array(rows, "i4"), np.array([0, 0, 1], "i4"))), shape=(2, 2))


def _csc(value: Any) -> Any:
    return value.tocsc()


def _dataset() -> Any:
    import xarray as xr

    return xr.Dataset({"eeg": _labelled(), "age": ("subject", [31.0, 27.0])}, attrs={"site": "A"})


_SIMPLE = [
    _row(
        "null",
        "None",
        lambda: None,
        octave=Trip(_reshaped("0x0 double"), _reshaped("0x0 double"), lambda _: np.zeros((0, 0))),
    ),
    _row("bool", "True", lambda: True),
    _row("integer", "int of 32 bits", lambda: 7, octave=Trip(_widened("double"), _widened("float"), float)),
    _row(
        "integer",
        "int up to 2^53",
        lambda: -(2**40),
        r=Trip(_widened("double"), _widened("float"), float),
        octave=Trip(_widened("double"), _widened("float"), float),
    ),
    _row(
        "integer",
        "int beyond 2^53",
        lambda: 2**53 + 1,
        r=_refused("bit64"),
        octave=Trip(_reshaped("int64"), _reshaped("int64"), np.int64),
    ),
    _row(
        "integer",
        "int of 2^63 and above",
        lambda: 2**64 - 1,
        r=_refused("bit64"),
        octave=Trip(_reshaped("uint64"), _reshaped("uint64"), np.uint64),
    ),
    _row("float", "float", lambda: 0.1),
    _row("float", "negative zero", lambda: -0.0),
    _row("float", "nan", lambda: float("nan")),
    _row("float", "infinity", lambda: float("-inf")),
    _row("complex", "complex", lambda: 1 - 2j),
    _row("text", "text", lambda: "žluť 猫 😀"),
    _row("text", "empty text", lambda: ""),
    _row(
        "bytes",
        "bytes",
        lambda: b"a\0b",
        octave=Trip(_reshaped("uint8 row"), _reshaped("uint8 row"), lambda v: _flat(np.frombuffer(v, "u1"))),
    ),
    _row("missing", "pandas.NA", lambda: pd.NA),
    _row("missing", "NA of a dtype", lambda: Missing("i4"), r=Trip(EXACT, _reshaped("NA"), lambda _: pd.NA)),
]

_LISTS = [
    _row(
        "list",
        "list of float",
        lambda: [0.5, 1.5],
        r=Trip(EXACT, _ARRAY, np.array),
        octave=Trip(EXACT, _ROW, _flat),
    ),
    _row(
        "list",
        "tuple of float",
        lambda: (0.5, 1.5),
        r=Trip(EXACT, _ARRAY, np.array),
        octave=Trip(EXACT, _ROW, _flat),
    ),
    _row(
        "list",
        "list of int",
        lambda: [1, 2],
        r=Trip(EXACT, _ARRAY, lambda v: np.array(v, "i4")),
        octave=Trip(_widened("double"), _ROW, lambda v: _flat(v).astype(float)),
    ),
    _row(
        "list",
        "list of bool",
        lambda: [True, False],
        r=Trip(EXACT, _ARRAY, np.array),
        octave=Trip(EXACT, _ROW, _flat),
    ),
    _row(
        "list",
        "list of text",
        lambda: ["a", "é"],
        r=Trip(EXACT, _ARRAY, np.array),
        octave=Trip(EXACT, _ROW, _flat),
    ),
    _row(
        "list",
        "list of int and float",
        lambda: [1, 2.5],
        r=Trip(EXACT, _ARRAY, np.array),
        octave=Trip(EXACT, _ROW, _flat),
    ),
    _row(
        "list",
        "list of one number",
        lambda: [0.5],
        r=Trip(EXACT, _SCALAR, lambda v: v[0]),
        octave=Trip(EXACT, _SCALAR, lambda v: v[0]),
    ),
    _row("list", "empty list", list),
    _row("list", "mixed list", lambda: [0.5, "a", True, {"b": 1.5}]),
    _row("list", "forced list", lambda: List([0.5, 1.5]), r=Trip(change=list), octave=Trip(change=list)),
    _row("list", "cell of 2 x 2", lambda: Cell([0.5, "a", True, 1.5], (2, 2))),
    _row(
        "list",
        "struct array",
        lambda: StructArray([{"a": 0.5, "b": "x"}, {"a": 1.5, "b": "y"}]),
        r=Trip(change=lambda v: Cell(v, v.shape)),
    ),
    _row("mapping", "dict", lambda: {"b": 0.5, "a": "x", "1 a": True, "": 1.5, "é": {"c": 2.5}}),
    _row("mapping", "empty dict", dict),
    _row("mapping", "map, keys sorted", lambda: Map({"1 a": 0.5, "b": "x"}), r=Trip(change=dict)),
    _row(
        "mapping",
        "map, keys in another order",
        lambda: Map({"b": 0.5, "a": "x"}),
        r=Trip(change=dict),
        octave=_to(_reshaped("struct"), change=dict),
    ),
]

_NUMPY = [
    row
    for name in ("bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
    for row in _numbers(name)
]

_BIG = np.array([2**53 + 1, 1], "i8")
_ARRAYS = [
    _row(
        "n-d array",
        "int64 beyond 2^53, 1-d",
        lambda: _BIG,
        r=_refused("bit64"),
        octave=Trip(_ROW, _ROW, _flat),
    ),
    _row(
        "n-d array",
        "int64 beyond 32 bits, 2-d",
        lambda: np.array([[2**40, 1]]),
        r=Trip(_widened("double"), _widened("f8"), lambda v: v.astype("f8")),
    ),
    _row(
        "n-d array",
        "int32 with -2^31, 2-d",
        lambda: np.array([[-(2**31), 1]], "i4"),
        r=Trip(_widened("double"), _widened("f8"), lambda v: v.astype("f8")),
    ),
    _row("n-d array", "3-d", lambda: np.arange(24.0).reshape(2, 3, 4)),
    _row("n-d array", "column-major", lambda: np.asfortranarray(np.arange(6.0).reshape(2, 3))),
    _row(
        "n-d array",
        "0-d",
        lambda: np.array(1.5),
        r=Trip(_SCALAR, _SCALAR, float),
        octave=Trip(_SCALAR, _SCALAR, float),
    ),
    _row(
        "n-d array",
        "one element",
        lambda: np.array([1.5]),
        r=Trip(EXACT, _SCALAR, _item),
        octave=Trip(_ROW, _SCALAR, _item),
    ),
    _row(
        "n-d array",
        "empty, (0,)",
        lambda: np.zeros(0),
        octave=Trip(_reshaped("(1, 0)"), _reshaped("(1, 0)"), _flat),
    ),
    _row("n-d array", "empty, (0, 3)", lambda: np.zeros((0, 3))),
    _row(
        "n-d array",
        "trailing dimension of length 1",
        lambda: np.arange(6.0).reshape(2, 3, 1),
        octave=Trip(_reshaped("dropped"), _reshaped("dropped"), lambda v: v[:, :, 0]),
    ),
    _row(
        "n-d array", "text, 1-d", lambda: np.array(["a", "é"]), octave=Trip(_reshaped("cellstr"), _ROW, _flat)
    ),
    _row(
        "n-d array", "text, 2-d", lambda: np.array([["a", "b"], ["c", ""]]), octave=_to(_reshaped("cellstr"))
    ),
    _row(
        "n-d array",
        "datetime64, naive",
        lambda: np.array(["2020-01-01T00:00:00.5", "NaT"], "M8[us]"),
        octave=_STRUCT,
        matlab=Trip(),
    ),
    _row(
        "n-d array", "date", lambda: np.array(["2020-01-01", "NaT"], "M8[D]"), octave=_STRUCT, matlab=Trip()
    ),
    _row("n-d array", "timedelta64", lambda: np.array([1, 2], "m8[s]"), octave=_STRUCT, matlab=Trip()),
    _row(
        "n-d array",
        "datetimes with a zone",
        lambda: pd.array(pd.date_range("2020", periods=2, tz="Europe/Berlin", unit="us")),
        octave=_STRUCT,
        matlab=Trip(),
    ),
]


def _floats_with_na() -> Any:
    return pd.arrays.FloatingArray(np.array([1.0, np.nan, 0.0]), np.array([False, False, True]))


def _masked_row(value: Any) -> Any:
    return np.ma.MaskedArray(value._data.reshape(1, -1), value._mask.reshape(1, -1))


_MISSING = [
    _row(
        "array with missing",
        "float64 with NA and NaN, 1-d",
        _floats_with_na,
        octave=Trip(_ROW, _ROW, _masked_row),
        matlab=_STRUCT,  # its NaN is not missing, and it has no other number for that
    ),
    _row(
        "array with missing",
        "float64 with NA, 2-d",
        lambda: _masked([[1.0, np.nan], [0, 2]], [[0, 0], [1, 0]]),
        matlab=_STRUCT,
    ),
    _row("array with missing", "int32 with NA, 1-d", lambda: pd.array([1, None], "Int32"), octave=_STRUCT),
    _row(
        "array with missing", "int32 with NA, 2-d", lambda: _masked([[1, 2]], [[0, 1]], "i4"), octave=_STRUCT
    ),
    _row(
        "array with missing", "bool with NA, 1-d", lambda: pd.array([True, None], "boolean"), octave=_STRUCT
    ),
    _row("array with missing", "text with NA, 1-d", lambda: pd.array(["a", None], "string"), octave=_STRUCT),
    _row("array with missing", "complex with NA, 2-d", lambda: _masked([[1j, 2j]], [[0, 1]]), octave=_STRUCT),
]

_LABELLED = [
    _row("labelled array", "DataArray", _labelled),
    _row(
        "labelled array",
        "DataArray without coordinates",
        lambda: _labelled().drop_vars(["channel", "time", "weight"]),
    ),
    _row("labelled dataset", "Dataset", _dataset),
    _row("table", "DataFrame", _frame, octave=_STRUCT, matlab=Trip()),
    _row(
        "table",
        "DataFrame with a column of lists",
        lambda: pd.DataFrame({"a": [[0.5, "x"], "y"]}),
        octave=_STRUCT,
        matlab=Trip(),
    ),
    _row("table", "empty DataFrame", lambda: pd.DataFrame({"a": np.zeros(0)}), octave=_STRUCT, matlab=Trip()),
    _row(
        "categorical", "Categorical", lambda: pd.Categorical(["a", None, "b"]), octave=_STRUCT, matlab=Trip()
    ),
    _row(
        "categorical",
        "ordered Categorical",
        lambda: pd.Categorical(["a", "b"], ["b", "a"], ordered=True),
        octave=_STRUCT,
        matlab=Trip(),
    ),
]

_TIMES = [
    _row(
        "datetime",
        "datetime, naive",
        lambda: dt.datetime(2020, 2, 29, 1, 2, 3, 4),
        octave=_STRUCT,
        matlab=Trip(),
    ),
    _row(
        "datetime",
        "datetime with a zone",
        lambda: dt.datetime(2020, 2, 29, tzinfo=dt.timezone.utc),
        octave=_STRUCT,
        matlab=Trip(),
    ),
    _row("date", "date", lambda: dt.date(2020, 2, 29), octave=_STRUCT, matlab=Trip()),
    _row("duration", "timedelta", lambda: dt.timedelta(seconds=1.5), octave=_STRUCT, matlab=Trip()),
]

_SPARSE = [
    _row("sparse matrix", "float64, csc", lambda: _sparse("csc", "f8")),
    _row("sparse matrix", "float64, csr", lambda: _sparse("csr", "f8"), octave=Trip(change=_csc)),
    _row("sparse matrix", "float64, coo", lambda: _sparse("coo", "f8"), octave=Trip(change=_csc)),
    _row("sparse matrix", "bool", lambda: _sparse("csc", "?")),
    _row("sparse matrix", "complex128", lambda: _sparse("csc", "c16"), r=_refused("Matrix")),
    _row(
        "sparse matrix",
        "float32",
        lambda: _sparse("csc", "f4"),
        r=Trip(_widened("double"), _widened("f8"), lambda value: value.astype("f8")),
        octave=Trip(_widened("double"), _widened("f8"), lambda value: value.astype("f8")),
    ),
    _row(
        "sparse matrix",
        "with stored zeros",
        lambda: _entries([1.0, 0.0, -0.0], [0, 1, 1]),
        octave=_STRUCT,
    ),
    _row(
        "sparse matrix", "with stored false", lambda: _entries([True, False, True], [0, 1, 1]), octave=_STRUCT
    ),
    _row(
        "sparse matrix",
        "with two entries at one place",
        lambda: _entries([0.1, 0.2, 1.5], [0, 0, 1]),
        octave=_STRUCT,
    ),
    _row(
        "sparse matrix", "int32", lambda: _sparse("csc", "i4"), r=_refused("int32"), octave=_refused("int32")
    ),
]

ROWS: tuple[Row, ...] = (
    *_SIMPLE,
    *_LISTS,
    *(row for row in _NUMPY if row.section.startswith("number")),
    *(row for row in _NUMPY if row.section.startswith("n-d")),
    *_ARRAYS,
    *_MISSING,
    *_LABELLED,
    *_TIMES,
    *_SPARSE,
)
