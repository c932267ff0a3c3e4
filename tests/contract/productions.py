"""What a foreign literal is in Python.

Each case: (id, expression, function that makes the Python value it must be equal to).
"""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import scipy.sparse
import xarray as xr

from arcuate.values import Cell, Map, Missing, StructArray

__all__ = ["PRODUCTIONS", "REMOTES"]

HAIR = {
    ("Black", "Brown", "Red", "Blond"): "Hair",
    ("Brown", "Blue", "Hazel", "Green"): "Eye",
    ("Male", "Female"): "Sex",
}
HAIR_COUNTS = np.array(  # from the help page of HairEyeColor (Snee 1974); Hair x Eye, male then female
    [
        [[32, 11, 10, 3], [53, 50, 25, 15], [10, 10, 7, 7], [3, 30, 5, 8]],
        [[36, 9, 5, 2], [66, 34, 29, 14], [16, 7, 7, 7], [4, 64, 5, 8]],
    ],
    dtype=float,
)


def floats(values: list[float], missing: list[bool]) -> Any:
    return pd.arrays.FloatingArray(np.array(values), np.array(missing))


PYTHON: list[tuple[str, str, Any]] = [
    ("none", "None", lambda: None),
    ("true", "True", lambda: True),
    ("int", "2**64 - 1", lambda: 2**64 - 1),
    ("negative int", "-2**63", lambda: -(2**63)),
    ("float", "0.1", lambda: 0.1),
    ("negative zero", "-0.0", lambda: -0.0),
    ("nan", "float('nan')", lambda: float("nan")),
    ("complex", "1-2j", lambda: 1 - 2j),
    ("text", "'\\u017elu\\u0165 \\U0001f600'", lambda: "žluť 😀"),
    ("bytes", "b'a\\0b'", lambda: b"a\0b"),
    ("list", "[1, 2]", lambda: [1, 2]),
    ("mixed", "[1, 2.5, True, 'a', None]", lambda: [1, 2.5, True, "a", None]),
    ("tuple", "(1, (2, 'x'))", lambda: (1, (2, "x"))),
    ("empty", "[[], (), {}]", lambda: [[], (), {}]),
    ("dict", "{'1 a': 1, '': {'é': []}}", lambda: {"1 a": 1, "": {"é": []}}),
    ("i2", "__import__('numpy').array([[1, 2]], 'i2')", lambda: np.array([[1, 2]], "i2")),
    ("one element", "__import__('numpy').array([1.5])", lambda: np.array([1.5])),
    ("0-d", "__import__('numpy').array(1.5)", lambda: np.array(1.5)),
    ("empty array", "__import__('numpy').zeros((0, 3))", lambda: np.zeros((0, 3))),
    ("scalar", "__import__('numpy').float32(1.5)", lambda: np.float32(1.5)),
    ("f2", "__import__('numpy').array([1.5], 'f2')", lambda: np.array([1.5], "f2")),
    ("c8", "__import__('numpy').array([1j], 'c8')", lambda: np.array([1j], "c8")),
    ("texts", "__import__('numpy').array(['a', 'é'])", lambda: np.array(["a", "é"])),
    (
        "datetimes",
        "__import__('numpy').array(['2020', 'NaT'], 'M8[ns]')",
        lambda: np.array(["2020", "NaT"], "M8[ns]"),
    ),
    ("timedelta", "__import__('numpy').timedelta64(3, 'h')", lambda: np.timedelta64(3, "h")),
    (
        "masked",
        "__import__('numpy').ma.array([[1, 2]], mask=[[0, 1]])",
        lambda: np.ma.array([[1, 2]], mask=[[0, 1]]),
    ),
    ("NA", "__import__('pandas').NA", lambda: pd.NA),
    ("NaT", "__import__('pandas').NaT", lambda: pd.NaT),
    (
        "nullable",
        "__import__('pandas').array([1, None], dtype='Int8')",
        lambda: pd.array([1, None], dtype="Int8"),
    ),
    ("categorical", "__import__('pandas').Categorical(['a', None])", lambda: pd.Categorical(["a", None])),
    ("frame", "__import__('pandas').DataFrame({'a': [1, 2]})", lambda: pd.DataFrame({"a": [1, 2]})),
    (
        "labelled",
        "__import__('xarray').DataArray([1.5], dims='t', name='n')",
        lambda: xr.DataArray([1.5], dims="t", name="n"),
    ),
    (
        "sparse",
        "__import__('scipy.sparse').sparse.csr_array([[1, 0]])",
        lambda: scipy.sparse.csr_array([[1, 0]]),
    ),
    ("date", "__import__('datetime').date(2020, 2, 29)", lambda: dt.date(2020, 2, 29)),
    (
        "datetime",
        "__import__('datetime').datetime(2020, 1, 1, 1, 2, 3, 4)",
        lambda: dt.datetime(2020, 1, 1, 1, 2, 3, 4),
    ),
    (
        "zoned",
        "__import__('datetime').datetime(2020, 7, 1, tzinfo=__import__('zoneinfo').ZoneInfo('Asia/Tokyo'))",
        lambda: dt.datetime(2020, 7, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
    ),
]

R: list[tuple[str, str, Any]] = [
    ("NULL", "NULL", lambda: None),
    ("TRUE", "TRUE", lambda: True),
    ("NA", "NA", lambda: pd.NA),
    ("NA_integer_", "NA_integer_", lambda: pd.NA),
    ("NA_real_", "NA_real_", lambda: pd.NA),
    ("NA_character_", "NA_character_", lambda: pd.NA),
    ("integer", "5L", lambda: 5),
    ("double", "5", lambda: 5.0),
    ("0.1", "0.1", lambda: 0.1),
    ("negative zero", "-0", lambda: -0.0),
    ("NaN", "NaN", lambda: float("nan")),
    ("Inf", "-Inf", lambda: float("-inf")),
    ("complex", "1-2i", lambda: 1 - 2j),
    ("text", "'\\u017elu\\u0165 \\U0001f600'", lambda: "žluť 😀"),
    ("latin1", "{ x <- 'caf\\xe9'; Encoding(x) <- 'latin1'; x }", lambda: "café"),
    ("empty text", "''", lambda: ""),
    ("text NA", "'NA'", lambda: "NA"),
    ("raw", "as.raw(c(1, 0, 255))", lambda: b"\x01\x00\xff"),
    ("one raw", "as.raw(7)", lambda: b"\x07"),
    ("integers", "1:3", lambda: np.array([1, 2, 3], "i4")),
    ("integers with NA", "c(1L, NA, 3L)", lambda: pd.array([1, None, 3], "Int32")),
    ("doubles", "c(0.5, NaN, -0)", lambda: np.array([0.5, np.nan, -0.0])),
    ("NA and NaN", "c(1, NA, NaN)", lambda: floats([1.0, 0.0, np.nan], [False, True, False])),
    ("logicals", "c(TRUE, FALSE)", lambda: np.array([True, False])),
    ("logicals with NA", "c(TRUE, NA)", lambda: pd.array([True, None], "boolean")),
    ("texts", "c('a', '\\u00e9')", lambda: np.array(["a", "é"])),
    ("complexes", "c(1+2i, 0i)", lambda: np.array([1 + 2j, 0j])),
    ("complex NA", "c(1+2i, NA)", lambda: np.ma.array([1 + 2j, 0], mask=[False, True])),
    ("numeric(0)", "numeric(0)", lambda: np.zeros(0)),
    ("integer(0)", "integer(0)", lambda: np.zeros(0, "i4")),
    ("character(0)", "character(0)", lambda: np.array([], dtype=str)),
    ("logical(0)", "logical(0)", lambda: np.zeros(0, bool)),
    ("matrix", "matrix(1:6, 2)", lambda: np.array([[1, 3, 5], [2, 4, 6]], "i4")),
    (
        "matrix with NA",
        "matrix(c(1L, NA, 3L, 4L), 2)",
        lambda: np.ma.array(np.array([[1, 3], [0, 4]], "i4"), mask=[[0, 0], [1, 0]]),
    ),
    ("empty matrix", "matrix(0, 0, 3)", lambda: np.zeros((0, 3))),
    ("array", "array(as.numeric(1:24), 2:4)", lambda: np.arange(1.0, 25.0).reshape(4, 3, 2).T),
    ("list()", "list()", list),
    ("list", "list(1L, 'a', NULL, c(1, 2))", lambda: [1, "a", None, np.array([1.0, 2.0])]),
    ("named list", "list(b = 1, a = list(c = 'x'))", lambda: {"b": 1.0, "a": {"c": "x"}}),
    ("odd names", "list(`1 a` = 1, `é` = 2)", lambda: {"1 a": 1.0, "é": 2.0}),
    ("empty named list", "setNames(list(), character(0))", dict),
    ("list with dim", "matrix(list(1, 'a', 'b', 2), 2)", lambda: Cell([1.0, "a", "b", 2.0], (2, 2))),
    (
        "HairEyeColor",
        "HairEyeColor",
        lambda: xr.DataArray(
            HAIR_COUNTS.transpose(1, 2, 0),
            dims=list(HAIR.values()),
            coords={name: list(levels) for levels, name in HAIR.items()},
            attrs={"r_class": "table"},
        ),
    ),
    (
        "named dimnames",
        "matrix(c(1, 2, 3, 4), 2, dimnames = list(r = c('a', 'b'), c = c('x', 'y')))",
        lambda: xr.DataArray(
            [[1.0, 3.0], [2.0, 4.0]], dims=["r", "c"], coords={"r": ["a", "b"], "c": ["x", "y"]}
        ),
    ),
    (
        "factor",
        "factor(c('a', 'b', NA), levels = c('b', 'a'))",
        lambda: pd.Categorical(["a", "b", None], ["b", "a"]),
    ),
    (
        "ordered",
        "factor(c('lo', 'hi'), levels = c('lo', 'hi'), ordered = TRUE)",
        lambda: pd.Categorical(["lo", "hi"], ["lo", "hi"], ordered=True),
    ),
    ("factor of numbers", "factor(c(20, 10))", lambda: pd.Categorical(["20", "10"], ["10", "20"])),
    ("one Date", "as.Date('2020-02-29')", lambda: dt.date(2020, 2, 29)),
    ("Dates", "as.Date(c('2020-02-29', NA))", lambda: np.array(["2020-02-29", "NaT"], "M8[D]")),
    (
        "data.frame",
        (
            "data.frame(i = c(1L, NA), x = c(0.5, NaN), t = c('a', NA), f = factor(c('u', 'v')), "
            "b = c(TRUE, NA))"
        ),
        lambda: pd.DataFrame(
            {
                "i": pd.array([1, None], "Int32"),
                "x": [0.5, np.nan],
                "t": pd.array(["a", None], "str"),
                "f": pd.Categorical(["u", "v"]),
                "b": pd.array([True, None], "boolean"),
            }
        ),
    ),
    (
        "row names",
        "data.frame(x = c(1, 2), row.names = c('r1', 'r2'))",
        lambda: pd.DataFrame({"x": [1.0, 2.0]}, index=["r1", "r2"]),
    ),
    (
        "sparse",
        "Matrix::sparseMatrix(i = c(1, 3), j = c(1, 2), x = c(1.5, 2.5), dims = c(3, 2))",
        lambda: scipy.sparse.csc_array(np.array([[1.5, 0], [0, 0], [0, 2.5]])),
    ),
]

OCTAVE: list[tuple[str, str, Any]] = [
    ("[]", "[]", lambda: np.zeros((0, 0))),
    ("true", "true", lambda: True),
    ("double", "5", lambda: 5.0),
    ("0.1", "0.1", lambda: 0.1),
    ("negative zero", "-0", lambda: -0.0),
    ("NaN", "NaN", lambda: float("nan")),
    ("NA", "NA", lambda: Missing("f8")),
    ("Inf", "-Inf", lambda: float("-inf")),
    ("complex", "1 - 2i", lambda: 1 - 2j),
    ("single", "single(1.5)", lambda: np.float32(1.5)),
    ("int8", "int8(-5)", lambda: np.int8(-5)),
    ("uint64", "intmax('uint64')", lambda: np.uint64(2**64 - 1)),
    ("int64", "int64(9007199254740992) + 1", lambda: np.int64(2**53 + 1)),
    ("text", "'žluť 😀'", lambda: "žluť 😀"),
    ("double-quoted", '"a\\tb\\n"', lambda: "a\tb\n"),
    ("empty text", "''", lambda: ""),
    ("row", "[1 2 3]", lambda: np.array([[1.0, 2.0, 3.0]])),
    ("column", "[1; 2]", lambda: np.array([[1.0], [2.0]])),
    ("range", "1:4", lambda: np.array([[1.0, 2.0, 3.0, 4.0]])),
    ("matrix", "[1 2 3; 4 5 6]", lambda: np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])),
    ("diagonal", "eye(2)", lambda: np.eye(2)),
    ("permutation", "eye(3)([2 1 3], :)", lambda: np.eye(3)[[1, 0, 2]]),
    ("3-d", "reshape(1:24, 2, 3, 4)", lambda: np.arange(1.0, 25.0).reshape(4, 3, 2).T),
    ("0x3", "zeros(0, 3)", lambda: np.zeros((0, 3))),
    ("1x0", "zeros(1, 0)", lambda: np.zeros((1, 0))),
    ("logical", "[true false]", lambda: np.array([[True, False]])),
    ("int16", "int16([1 -2])", lambda: np.array([[1, -2]], "i2")),
    ("single matrix", "single([0.5 NaN])", lambda: np.array([[0.5, np.nan]], "f4")),
    ("complex matrix", "[1+2i 0]", lambda: np.array([[1 + 2j, 0]])),
    ("complex single", "single([1+2i 0])", lambda: np.array([[1 + 2j, 0]], "c8")),
    ("NA in a matrix", "[1 NA NaN]", lambda: np.ma.array([[1.0, 0.0, np.nan]], mask=[[False, True, False]])),
    ("{}", "{}", list),
    ("cell row", "{1, 'a', []}", lambda: [1.0, "a", np.zeros((0, 0))]),
    ("cell matrix", "{1, 'a'; 'b', 2}", lambda: Cell([1.0, "b", "a", 2.0], (2, 2))),
    ("cell column", "{1; 'a'}", lambda: Cell([1.0, "a"], (2, 1))),
    ("cellstr", "{'a', 'é'}", lambda: np.array([["a", "é"]])),
    ("cellstr column", "{'a'; 'b'}", lambda: np.array([["a"], ["b"]])),
    ("struct", "struct('b', 1, 'a', 'x')", lambda: {"b": 1.0, "a": "x"}),
    ("empty struct", "struct()", dict),
    ("nested struct", "struct('s', struct('c', {{1, 'x'}}))", lambda: {"s": {"c": [1.0, "x"]}}),
    ("struct array", "struct('a', {1, 2, 3})", lambda: StructArray([{"a": 1.0}, {"a": 2.0}, {"a": 3.0}])),
    ("empty struct array", "struct('a', {})", lambda: StructArray([], (0, 0), ["a"])),
    ("map", "containers.Map({'1 a', 'b'}, {1, 'x'})", lambda: Map({"1 a": 1.0, "b": "x"})),
    (
        "sparse",
        "sparse([1 3], [1 2], [1.5 2.5], 3, 2)",
        lambda: scipy.sparse.csc_array(np.array([[1.5, 0], [0, 0], [0, 2.5]])),
    ),
    ("logical sparse", "sparse([true false])", lambda: scipy.sparse.csc_array(np.array([[True, False]]))),
    ("complex sparse", "sparse([1i 0])", lambda: scipy.sparse.csc_array(np.array([[1j, 0]]))),
    ("uint8 row", "uint8([97 0])", lambda: np.array([[97, 0]], "u1")),
]

MATLAB = [case for case in OCTAVE if not case[0].startswith("NA")]  # which is Octave's own

PRODUCTIONS = {"python": PYTHON, "r": R, "octave": OCTAVE, "matlab": MATLAB}

REMOTES: dict[str, list[tuple[str, str, str]]] = {
    "python": [
        ("function", "arcuate_add", "function"),
        ("class", "Hold", "type"),
        ("module", "__import__('math')", "module"),
        ("object", "Hold()", "Hold"),
        ("set", "{1, 2}", "set"),
    ],
    "r": [
        ("environment", "new.env()", "environment"),
        ("closure", "function(x) x", "function"),
        ("builtin", "sum", "function"),
        ("lm", "lm(mpg ~ wt, mtcars)", "lm"),
        ("S4", "{ setClass('Point', representation(x = 'numeric')); new('Point', x = 1) }", "Point"),
        ("R6", "R6::R6Class('Counter', public = list(n = 0))$new()", "Counter"),
        ("formula", "y ~ x", "formula"),
        ("expression", "quote(a + b)", "call"),
    ],
    "octave": [
        ("function handle", "@sin", "function_handle"),
        ("anonymous function", "@(x) x + 1", "function_handle"),
        ("classdef object", "inputParser()", "inputParser"),
    ],
}
REMOTES["matlab"] = REMOTES["octave"]
