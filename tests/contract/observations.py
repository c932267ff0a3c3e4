"""What a foreign expression sees of a value that Python sent as the variable ``x``.

Each case: (id, function that makes the value, {expression: what it gives}).
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import scipy.sparse
import xarray as xr

from arcuate.values import Cell, List, Map, StructArray

__all__ = ["OBSERVATIONS"]

MATRIX = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


def eeg() -> xr.DataArray:
    return xr.DataArray(
        MATRIX,
        dims=("channel", "time"),
        coords={"channel": ["Fz", "Cz"], "time": [0.0, 0.5, 1.0]},
        name="eeg",
        attrs={"unit": "uV"},
    )


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "f": [1.5, 2.5, float("nan")],
            "i": pd.array([1, None, 3], "Int32"),
            "b": pd.array([True, None, False], "boolean"),
            "t": ["a", None, "é"],
            "c": pd.Categorical(["lo", "hi", None], ["lo", "hi"], ordered=True),
            "z": pd.to_datetime(["2020-01-01", "2020-07-01", None]).tz_localize("Europe/Berlin"),
            "l": np.array([[1.0, 2.0], "x", None], dtype=object),
        },
        index=["r1", "r2", "r3"],
    )


PYTHON: list[tuple[str, Any, dict[str, Any]]] = [
    ("none", lambda: None, {"x is None": True}),
    ("bool", lambda: True, {"x is True": True}),
    ("int", lambda: 5, {"type(x).__name__": "int", "x": 5}),
    ("big", lambda: 2**53 + 1, {"x == 2**53 + 1": True}),
    ("huge", lambda: 2**64 - 1, {"x == 2**64 - 1": True}),
    ("float", lambda: 1.5, {"type(x).__name__": "float", "x": 1.5}),
    ("negative zero", lambda: -0.0, {"str(x)": "-0.0"}),
    ("nan", lambda: float("nan"), {"x != x": True}),
    ("complex", lambda: 1 - 2j, {"x == 1 - 2j": True}),
    ("text", lambda: "žluť 猫 😀", {"len(x)": 8, "ascii(x)": r"'\u017elu\u0165 \u732b \U0001f600'"}),
    ("bytes", lambda: b"a\0b", {"type(x).__name__": "bytes", "list(x)": [97, 0, 98]}),
    ("NA", lambda: pd.NA, {"type(x).__name__": "NAType"}),
    ("list", lambda: [1, 2], {"type(x).__name__": "list", "x == [1, 2]": True}),
    ("tuple", lambda: (1, "a"), {"type(x).__name__": "tuple", "x == (1, 'a')": True}),
    ("mixed", lambda: [1, "a", None], {"x == [1, 'a', None]": True}),
    ("empty list", list, {"x == []": True, "type(x).__name__": "list"}),
    ("dict", lambda: {"1 a": 1, "": 2, "é": [3]}, {"list(x)": ["1 a", "", "é"], "x['é']": [3]}),
    ("empty dict", dict, {"x == {}": True, "type(x).__name__": "dict"}),
    ("forced", lambda: List([1, 2]), {"isinstance(x, list)": True, "len(x)": 2}),
    ("map", lambda: Map({"a": 1}), {"x['a']": 1}),
    ("i2", lambda: np.array([1, 2], "i2"), {"str(x.dtype)": "int16", "x.tolist()": [1, 2]}),
    ("f2", lambda: np.array([1.5], "f2"), {"str(x.dtype)": "float16"}),
    ("c8", lambda: np.array([1j], "c8"), {"str(x.dtype)": "complex64"}),
    ("scalar", lambda: np.float32(0.5), {"type(x).__name__": "float32"}),
    ("0-d", lambda: np.array(1.5), {"x.shape == ()": True}),
    ("matrix", lambda: MATRIX, {"x.shape == (2, 3)": True, "x[1, 0]": 4.0, "x.flags.c_contiguous": True}),
    ("fortran", lambda: np.asfortranarray(MATRIX), {"x[1, 0]": 4.0, "x.flags.f_contiguous": True}),
    ("empty", lambda: np.zeros((0, 3)), {"x.shape == (0, 3)": True}),
    ("texts", lambda: np.array(["a", "é"]), {"x.dtype.kind in 'UT'": True, "x.tolist()": ["a", "é"]}),
    ("datetimes", lambda: np.array(["2020-01-01", "NaT"], "M8[ns]"), {"str(x.dtype)": "datetime64[ns]"}),
    (
        "masked",
        lambda: np.ma.array(MATRIX, mask=MATRIX > 5),
        {"int(x.mask.sum())": 1, "type(x).__name__": "MaskedArray"},
    ),
    (
        "nullable",
        lambda: pd.array([1, None], "Int8"),
        {"str(x.dtype)": "Int8", "x.isna().tolist()": [False, True]},
    ),
    (
        "labelled",
        eeg,
        {
            "x.dims == ('channel', 'time')": True,
            "x.attrs['unit']": "uV",
            "x.sel(channel='Cz').values.tolist()": [4.0, 5.0, 6.0],
        },
    ),
    (
        "frame",
        frame,
        {
            "list(x.columns)": list("fibtczl"),
            "list(x.index)": ["r1", "r2", "r3"],
            "str(x.dtypes['i'])": "Int32",
            "str(x['z'].dt.tz)": "Europe/Berlin",
        },
    ),
    (
        "categorical",
        lambda: pd.Categorical(["a", None], ["b", "a"]),
        {"list(x.categories)": ["b", "a"], "x.codes.tolist()": [1, -1]},
    ),
    (
        "timestamp",
        lambda: pd.Timestamp("2020-01-01", tz="Asia/Tokyo"),
        {"x.isoformat()": "2020-01-01T00:00:00+09:00"},
    ),
    (
        "datetime",
        lambda: dt.datetime(2020, 1, 1, 12, tzinfo=ZoneInfo("Europe/Prague")),
        {"x.isoformat()": "2020-01-01T12:00:00+01:00"},
    ),
    ("date", lambda: dt.date(2020, 2, 29), {"type(x).__name__": "date", "x.isoformat()": "2020-02-29"}),
    ("timedelta", lambda: dt.timedelta(days=-1, microseconds=1), {"x.total_seconds()": -86399.999999}),
    ("sparse", lambda: scipy.sparse.csr_array(MATRIX), {"x.format": "csr", "x.nnz": 6}),
    ("function", lambda: lambda y: y + 1, {"x(2)": 3, "callable(x)": True}),
]

R: list[tuple[str, Any, dict[str, Any]]] = [
    ("none", lambda: None, {"is.null(x)": True}),
    ("true", lambda: True, {"identical(x, TRUE)": True}),
    ("int", lambda: 5, {"identical(x, 5L)": True}),
    ("int of 32 bits", lambda: 2**31 - 1, {"identical(x, 2147483647L)": True}),
    ("int beyond 32 bits", lambda: 2**31, {"identical(x, 2147483648)": True}),
    ("-2^31", lambda: -(2**31), {"identical(x, -2147483648)": True, "is.na(x)": False}),
    ("2^53", lambda: 2**53, {"identical(x, 2^53)": True}),
    ("2**40", lambda: 2**40, {"identical(x, 2^40)": True}),
    ("uint32", lambda: np.uint32(2**32 - 1), {"identical(x, 4294967295)": True}),
    ("float", lambda: 0.1, {"identical(x, 0.1)": True}),
    ("negative zero", lambda: -0.0, {"1 / x == -Inf": True}),
    ("nan", lambda: float("nan"), {"is.nan(x)": True}),
    ("NaN with R's payload", lambda: np.array([0x7FF00000000007A2], "u8").view("f8"), {"is.nan(x)": True}),
    ("inf", lambda: float("inf"), {"identical(x, Inf)": True}),
    ("complex", lambda: 1 - 2j, {"identical(x, 1-2i)": True}),
    (
        "text",
        lambda: "žluť 猫 😀",
        {"identical(x, '\u017elu\u0165 \u732b \U0001f600')": True, "nchar(x)": 8, "Encoding(x)": "UTF-8"},
    ),
    ("empty text", lambda: "", {'identical(x, "")': True}),
    ("text NA", lambda: "NA", {'identical(x, "NA")': True, "is.na(x)": False}),
    ("bytes", lambda: b"a\0b", {"identical(x, as.raw(c(0x61, 0, 0x62)))": True}),
    ("empty bytes", lambda: b"", {"identical(x, raw(0))": True}),
    ("NA", lambda: pd.NA, {"is.na(x)": True, "is.nan(x)": False, "length(x)": 1}),
    ("list of int", lambda: [1, 2, 3], {"identical(x, c(1L, 2L, 3L))": True}),
    ("tuple", lambda: (1, 2, 3), {"identical(x, c(1L, 2L, 3L))": True}),
    ("list of int and float", lambda: [1, 2.5], {"identical(x, c(1, 2.5))": True}),
    ("list of text", lambda: ["a", "é"], {"identical(x, c('a', '\u00e9'))": True}),
    ("list of bool", lambda: [True, False], {"identical(x, c(TRUE, FALSE))": True}),
    ("list of one", lambda: [1.5], {"identical(x, 1.5)": True}),
    ("empty list", list, {"identical(x, list())": True}),
    ("mixed list", lambda: [1, "a", None], {"identical(x, list(1L, 'a', NULL))": True}),
    ("nested list", lambda: [[1, 2], [3]], {"identical(x, list(c(1L, 2L), 3L))": True}),
    ("forced list", lambda: List([1, 2]), {"identical(x, list(1L, 2L))": True}),
    (
        "cell",
        lambda: Cell([1.5, "a", "b", 2.5], (2, 2)),
        {"dim(x)": [2, 2], "identical(x[[2, 1]], 'a')": True},
    ),
    ("dict", lambda: {"b": 1.5, "a": "x"}, {"identical(x, list(b = 1.5, a = 'x'))": True}),
    (
        "dict with odd keys",
        lambda: {"1 a": 1, "": 2, "é": 3},
        {"identical(names(x), c('1 a', '', '\u00e9'))": True, "x[['1 a']]": 1},
    ),
    ("empty dict", dict, {"is.list(x)": True, "length(x)": 0, "is.null(names(x))": False}),
    ("dict of vectors", lambda: {"p": [0.1, 0.9]}, {"identical(x, list(p = c(0.1, 0.9)))": True}),
    ("bool array", lambda: np.array([True, False]), {"identical(x, c(TRUE, FALSE))": True}),
    ("i1", lambda: np.array([-128, 127], "i1"), {"identical(x, c(-128L, 127L))": True}),
    ("u1", lambda: np.array([0, 255], "u1"), {"identical(x, c(0L, 255L))": True}),
    ("u2", lambda: np.array([0, 65535], "u2"), {"identical(x, c(0L, 65535L))": True}),
    ("i4", lambda: np.array([1, -1], "i4"), {"identical(x, c(1L, -1L))": True}),
    ("i4 with -2^31", lambda: np.array([1, -(2**31)], "i4"), {"identical(x, c(1, -2147483648))": True}),
    ("u4", lambda: np.array([1, 2**32 - 1], "u4"), {"identical(x, c(1, 4294967295))": True}),
    ("i8", lambda: np.array([1, 2**53]), {"identical(x, c(1, 2^53))": True}),
    ("f2", lambda: np.array([1.5, np.nan], "f2"), {"identical(x, c(1.5, NaN))": True}),
    ("f4", lambda: np.array([0.5, np.inf], "f4"), {"identical(x, c(0.5, Inf))": True}),
    ("f8", lambda: np.array([0.1, np.nan]), {"identical(x, c(0.1, NaN))": True}),
    ("c8", lambda: np.array([1 + 2j, 0], "c8"), {"identical(x, c(1+2i, 0+0i))": True}),
    ("texts", lambda: np.array(["a", "", "😀x"]), {"identical(x, c('a', '', '\U0001f600x'))": True}),
    ("empty", lambda: np.zeros(0), {"identical(x, numeric(0))": True}),
    ("(0, 3)", lambda: np.zeros((0, 3)), {"identical(x, matrix(numeric(0), 0, 3))": True}),
    ("(1, 0)", lambda: np.zeros((1, 0)), {"identical(x, matrix(numeric(0), 1, 0))": True}),
    ("matrix", lambda: MATRIX, {"identical(x, matrix(c(1, 4, 2, 5, 3, 6), 2))": True}),
    (
        "fortran matrix",
        lambda: np.asfortranarray(MATRIX),
        {"identical(x, matrix(c(1, 4, 2, 5, 3, 6), 2))": True},
    ),
    (
        "3-d",
        lambda: np.arange(24).reshape(2, 3, 4).astype("i4"),
        {"identical(dim(x), 2:4)": True, "x[2, 3, 1]": 20, "x[1, 2, 3]": 6},
    ),
    ("1-d has no dim", lambda: np.arange(3.0), {"is.null(dim(x))": True}),
    ("nullable int", lambda: pd.array([1, None, 3], "Int32"), {"identical(x, c(1L, NA, 3L))": True}),
    (
        "nullable float",
        lambda: pd.arrays.FloatingArray(np.array([1.0, 0.0, np.nan]), np.array([False, True, False])),
        {"is.na(x)": [False, True, True], "is.nan(x)": [False, False, True]},
    ),
    ("nullable bool", lambda: pd.array([True, None], "boolean"), {"identical(x, c(TRUE, NA))": True}),
    (
        "nullable text",
        lambda: pd.array(["a", None, "NA"], "string"),
        {"identical(x, c('a', NA, 'NA'))": True},
    ),
    (
        "masked matrix",
        lambda: np.ma.array(MATRIX, mask=MATRIX > 5),
        {"identical(x, matrix(c(1, 4, 2, 5, 3, NA), 2))": True},
    ),
    (
        "labelled",
        eeg,
        {
            "identical(names(dimnames(x)), c('channel', 'time'))": True,
            "identical(dimnames(x)$channel, c('Fz', 'Cz'))": True,
            "dim(x)": [2, 3],
            "x['Cz', 2]": 5.0,
            "sum(x)": 21.0,
            "unname(apply(x, 'channel', mean))": [2.0, 5.0],
            "is.numeric(x)": True,
        },
    ),
    (
        "labelled vector",
        lambda: xr.DataArray([1.5, 2.5], dims="k", coords={"k": ["a", "b"]}),
        {"identical(names(x), c('a', 'b'))": True, "unname(x['b'])": 2.5},
    ),
    (
        "dataset",
        lambda: xr.Dataset({"eeg": eeg(), "age": ("s", [31.0, 27.0])}),
        {"is.list(x)": True, "names(x)": ["eeg", "age"], "sum(x$eeg)": 21.0},
    ),
    (
        "frame",
        frame,
        {
            "class(x)": "data.frame",
            "names(x)": list("fibtczl"),
            "row.names(x)": ["r1", "r2", "r3"],
            "identical(x$i, c(1L, NA, 3L))": True,
            "identical(x$b, c(TRUE, NA, FALSE))": True,
            "identical(x$t, c('a', NA, '\u00e9'))": True,
            "is.nan(x$f)": [False, False, True],
            "class(x$c)": ["ordered", "factor"],
            "levels(x$c)": ["lo", "hi"],
            "is.na(x$c)": [False, False, True],
            "inherits(x$z, 'POSIXct')": True,
            "attr(x$z, 'tzone')": "Europe/Berlin",
            "format(x$z[2], '%Y-%m-%d %H:%M')": "2020-07-01 00:00",
            "is.na(x$z)": [False, False, True],
            "identical(x$l[[1]], c(1, 2))": True,
            "x$l[[2]]": "x",
            "nrow(x)": 3,
        },
    ),
    (
        "categorical",
        lambda: pd.Categorical(["a", None], ["b", "a"]),
        {"identical(x, factor(c('a', NA), levels = c('b', 'a')))": True},
    ),
    ("ordered", lambda: pd.Categorical(["a"], ["b", "a"], ordered=True), {"is.ordered(x)": True}),
    (
        "categorical of int",
        lambda: pd.Categorical([20, 10], [10, 20]),
        {"is.factor(x)": True, "as.character(x)": ["20", "10"], "levels(x)": ["10", "20"]},
    ),
    (
        "datetime with zone",
        lambda: dt.datetime(2020, 7, 1, 12, tzinfo=ZoneInfo("Europe/Prague")),
        {"inherits(x, 'POSIXct')": True, "attr(x, 'tzone')": "Europe/Prague", "as.numeric(x)": 1593597600.0},
    ),
    (
        "datetime64",
        lambda: np.array(["2020-01-01T00:00:00.5", "NaT"], "M8[us]"),
        {"inherits(x, 'POSIXct')": True, "is.na(x)": [False, True], "as.numeric(x)[1]": 1577836800.5},
    ),
    ("date", lambda: dt.date(2020, 2, 29), {"identical(x, as.Date('2020-02-29'))": True}),
    (
        "timedelta",
        lambda: dt.timedelta(seconds=90),
        {"inherits(x, 'difftime')": True, "as.numeric(x, units = 'secs')": 90.0},
    ),
    (
        "sparse",
        lambda: scipy.sparse.csc_array(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])),
        {"class(x)[1]": "dgCMatrix", "dim(x)": [3, 2], "x[2, 2]": 2.0},
    ),
    (
        "logical sparse",
        lambda: scipy.sparse.csc_array(np.array([[True, False]])),
        {"class(x)[1]": "lgCMatrix"},
    ),
    ("function", lambda: lambda y: y + 1.0, {"is.function(x)": True, "x(2)": 3.0}),
    ("formula text", lambda: "y ~ x", {"inherits(as.formula(x), 'formula')": True}),
]

OCTAVE: list[tuple[str, Any, dict[str, Any]]] = [
    ("none", lambda: None, {"class(x)": "double", "size(x)": [0, 0]}),
    ("true", lambda: True, {"class(x)": "logical", "x == true": True}),
    ("int", lambda: 5, {"class(x)": "double", "x": 5.0}),
    ("2^53", lambda: 2**53, {"class(x)": "double", "x == 2^53": True}),
    ("2^53 + 1", lambda: 2**53 + 1, {"class(x)": "int64", "x == int64(9007199254740992) + 1": True}),
    ("-2^63", lambda: -(2**63), {"class(x)": "int64", "x == intmin('int64')": True}),
    ("2^64 - 1", lambda: 2**64 - 1, {"class(x)": "uint64", "x == intmax('uint64')": True}),
    ("float", lambda: 0.1, {"class(x)": "double", "x == 0.1": True, "size(x)": [1, 1]}),
    ("negative zero", lambda: -0.0, {"1 / x == -Inf": True}),
    ("nan", lambda: float("nan"), {"isnan(x)": True, "isna(x)": False}),
    ("complex", lambda: 1 - 2j, {"iscomplex(x)": True, "x == 1 - 2i": True}),
    ("text", lambda: "žluť 猫 😀", {"class(x)": "char", "strcmp(x, 'žluť 猫 😀')": True, "size(x)": [1, 15]}),
    ("empty text", lambda: "", {"class(x)": "char", "isempty(x)": True}),
    (
        "bytes",
        lambda: b"a\0b",
        {"class(x)": "uint8", "isequal(x, uint8([97 0 98]))": True, "size(x)": [1, 3]},
    ),
    ("NA", lambda: pd.NA, {"class(x)": "struct"}),
    (
        "list of int",
        lambda: [1, 2, 3],
        {"class(x)": "double", "isequal(x, [1 2 3])": True, "size(x)": [1, 3]},
    ),
    (
        "list of big int",
        lambda: [1, 2**53 + 1],
        {"class(x)": "int64", "x(2) == int64(9007199254740992) + 1": True},
    ),
    ("list of int and float", lambda: [1, 2.5], {"isequal(x, [1 2.5])": True}),
    ("list of bool", lambda: [True, False], {"class(x)": "logical", "isequal(x, [true false])": True}),
    ("list of text", lambda: ["a", "é"], {"iscellstr(x)": True, "isequal(x, {'a', 'é'})": True}),
    ("empty list", list, {"class(x)": "cell", "isempty(x)": True}),
    (
        "mixed list",
        lambda: [1, "a", None],
        {"class(x)": "cell", "size(x)": [1, 3], "isequal(x, {1, 'a', []})": True},
    ),
    ("forced list", lambda: List([1, 2]), {"isequal(x, {1, 2})": True}),
    (
        "cell",
        lambda: Cell([1.5, "a", "b", 2.5], (2, 2)),
        {"class(x)": "cell", "size(x)": [2, 2], "x{2, 1}": "a", "x{1, 2}": "b"},
    ),
    (
        "struct array",
        lambda: StructArray([{"a": 1.0}, {"a": 2.0}, {"a": 3.0}]),
        {"class(x)": "struct", "size(x)": [1, 3], "x(2).a": 2.0},
    ),
    (
        "dict",
        lambda: {"b": 1.5, "a": "x"},
        {"class(x)": "struct", "size(x)": [1, 1], "isequal(fieldnames(x), {'b'; 'a'})": True, "x.b": 1.5},
    ),
    ("dict of odd keys", lambda: {"1 a": 1, "": 2, "é": 3}, {"numfields(x)": 3.0, "x.('1 a')": 1.0}),
    ("empty dict", dict, {"class(x)": "struct", "size(x)": [1, 1], "numfields(x)": 0.0}),
    ("dict of list", lambda: {"c": [1, "a"]}, {"class(x.c)": "cell", "size(x)": [1, 1]}),
    ("map", lambda: Map({"1 a": 0.5}), {"class(x)": "containers.Map", "x('1 a')": 0.5}),
    *[
        (
            name,
            lambda name=name: np.array([[0, 1], [2, 3]], name),
            {"class(x)": octave, "size(x)": [2, 2], "double(x(2, 1))": 2.0},
        )
        for name, octave in {
            "i1": "int8",
            "i2": "int16",
            "i4": "int32",
            "i8": "int64",
            "u1": "uint8",
            "u2": "uint16",
            "u4": "uint32",
            "u8": "uint64",
            "f4": "single",
            "f8": "double",
            "f2": "single",
        }.items()
    ],
    (
        "bool array",
        lambda: np.array([[True, False]]),
        {"class(x)": "logical", "isequal(x, [true false])": True},
    ),
    (
        "i8 exactly",
        lambda: np.array([[2**53 + 1, -(2**63)]]),
        {"x(1) == int64(9007199254740992) + 1": True, "x(2) == intmin('int64')": True},
    ),
    (
        "i4 with -2^31",
        lambda: np.array([[-(2**31)]], "i4"),
        {"class(x)": "int32", "x == intmin('int32')": True},
    ),
    ("scalar of a class", lambda: np.int16(7), {"class(x)": "int16", "double(x)": 7.0}),
    ("c8", lambda: np.array([[1 + 2j]], "c8"), {"class(x)": "single", "iscomplex(x)": True}),
    ("c16 without imaginary part", lambda: np.array([[1 + 0j, 2 + 0j]]), {"isequal(x, [1 2])": True}),
    ("1-d", lambda: np.arange(3.0), {"size(x)": [1, 3]}),
    ("(0,)", lambda: np.zeros(0), {"size(x)": [1, 0]}),
    ("(0, 3)", lambda: np.zeros((0, 3)), {"size(x)": [0, 3]}),
    ("(1, 0)", lambda: np.zeros((1, 0)), {"size(x)": [1, 0]}),
    ("matrix", lambda: MATRIX, {"isequal(x, [1 2 3; 4 5 6])": True}),
    ("fortran matrix", lambda: np.asfortranarray(MATRIX), {"isequal(x, [1 2 3; 4 5 6])": True}),
    (
        "3-d",
        lambda: np.arange(24.0).reshape(2, 3, 4),
        {"size(x)": [2, 3, 4], "x(2, 3, 1)": 20.0, "x(1, 2, 3)": 6.0},
    ),
    ("trailing dimension", lambda: np.zeros((2, 3, 1)), {"size(x)": [2, 3]}),
    (
        "texts",
        lambda: np.array([["a", "b"], ["c", "é"]]),
        {"iscellstr(x)": True, "size(x)": [2, 2], "x{2, 2}": "é"},
    ),
    (
        "nullable float",
        lambda: pd.arrays.FloatingArray(np.array([1.0, 0.0, np.nan]), np.array([False, True, False])),
        {"isna(x)": [False, True, False], "isnan(x)": [False, True, True]},
    ),
    (
        "masked matrix",
        lambda: np.ma.array(MATRIX, mask=MATRIX > 5),
        {"class(x)": "double", "isna(x(2, 3))": True, "sum(isna(x(:)))": 1.0},
    ),
    (
        "labelled",
        eeg,
        {
            "class(x)": "struct",
            "isequal(x.data, [1 2 3; 4 5 6])": True,
            "isequal(x.dims, {'channel', 'time'})": True,
            "x.name": "eeg",
            "x.attrs.unit": "uV",
        },
    ),
    ("frame", frame, {"class(x)": "struct"}),
    (
        "sparse",
        lambda: scipy.sparse.csc_array(np.array([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])),
        {"issparse(x)": True, "isequal(full(x), [1 0; 0 2; 0 0])": True},
    ),
    (
        "logical sparse",
        lambda: scipy.sparse.csc_array(np.array([[True, False]])),
        {"issparse(x)": True, "class(x)": "logical"},
    ),
    (
        "complex sparse",
        lambda: scipy.sparse.csc_array(np.array([[1j, 0]])),
        {"issparse(x)": True, "isequal(full(x), [1i 0])": True},
    ),
    ("function", lambda: lambda y: y + 1.0, {"class(x)": "function_handle", "x(2)": 3.0}),
]

MATLAB = [
    case
    for case in OCTAVE
    if case[0] != "dict of odd keys" and not any("isna" in expression for expression in case[2])
]
MATLAB += [  # a struct takes names only, and no number stands for a missing one
    (
        "dict of odd keys",
        lambda: {"1 a": 1, "": 2, "é": 3},
        {"x.arcuate": "mapping", "x.keys{1}": "1 a", "x.values{3}": 3.0, "isempty(x.keys{2})": True},
    ),
    (
        "nullable float",
        lambda: pd.arrays.FloatingArray(np.array([1.0, 0.0, np.nan]), np.array([False, True, False])),
        {"x.arcuate": "masked", "x.mask": [False, True, False], "isnan(x.data)": [False, False, True]},
    ),
]

OBSERVATIONS = {"python": PYTHON, "r": R, "octave": OCTAVE, "matlab": MATLAB}
