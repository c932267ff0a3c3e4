"""Values in both directions: what Octave sees of Python's, what Python gets of Octave's, and round trips."""

# ruff: noqa: E501
# One case a line.

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse
import xarray as xr

from arcuate.client import Session
from arcuate.errors import ConversionError
from arcuate.values import Map, equal

NA = np.uint64(0x7FF840F4_40000000)


def masked(data: Any, mask: Any, dtype: Any = None) -> Any:
    """A masked array; the mask may be written with 0 and 1."""
    return np.ma.array(data, mask=mask, dtype=dtype)


# A Python value, and an Octave expression over x that must be true.
OBSERVED: list[tuple[str, Any, str]] = [
    ("none", None, "isa (x, 'double') && isequal (size (x), [0 0])"),
    ("true", True, "islogical (x) && x"),
    ("int", 3, "isa (x, 'double') && x == 3"),
    ("int-limit", 2**53, "isa (x, 'double') && x == 9007199254740992"),
    ("int-beyond", 2**53 + 1, "isa (x, 'int64') && x == bitshift (int64 (1), 53) + int64 (1)"),
    ("int-negative", -(2**53) - 1, "isa (x, 'int64') && x == -bitshift (int64 (1), 53) - int64 (1)"),
    ("int-unsigned", 2**64 - 1, "isa (x, 'uint64') && x == intmax ('uint64')"),
    ("float", 2.5, "isa (x, 'double') && x == 2.5"),
    ("minus-zero", -0.0, "x == 0 && 1 / x == -Inf"),
    ("nan", float("nan"), "isnan (x) && ! isna (x)"),
    ("complex", 1 + 2j, "isequal (x, 1 + 2i)"),
    (
        "text",
        "žluť 😀",
        "ischar (x) && isequal (uint8 (x), uint8 ([197 190 108 117 197 165 32 240 159 152 128]))",
    ),
    ("text-empty", "", "ischar (x) && isempty (x) && strcmp (x, '')"),
    ("bytes", b"\x00\xff", "isa (x, 'uint8') && isequal (x, uint8 ([0 255]))"),
    ("i1", np.int8(-5), "isa (x, 'int8') && x == -5"),
    ("u8", np.uint64(2**64 - 1), "isa (x, 'uint64') && x == intmax ('uint64')"),
    ("f4", np.float32(0.5), "isa (x, 'single') && x == 0.5"),
    ("f2", np.float16(0.5), "isa (x, 'single') && x == 0.5"),
    ("list-numbers", [1, 2, 3], "isa (x, 'double') && isequal (x, [1 2 3])"),
    ("list-mixed", [1, "a"], "iscell (x) && isequal (x, {1, 'a'})"),
    ("list-texts", ["a", "", "é"], "iscellstr (x) && isequal (size (x), [1 3]) && isempty (x{2})"),
    ("list-bools", [True, False], "islogical (x) && isequal (x, [true false])"),
    ("list-empty", [], "iscell (x) && isempty (x) || isempty (x)"),
    ("dict", {"b": 1, "a": "z"}, "isequal (fieldnames (x), {'b'; 'a'}) && x.b == 1 && strcmp (x.a, 'z')"),
    (
        "dict-names",
        {"1 a": 1, "": 2, "é": 3},
        "isequal (fieldnames (x), {'1 a'; ''; 'é'}) && x.('1 a') == 1 && x.('') == 2",
    ),
    ("dict-empty", {}, "isstruct (x) && isscalar (x) && numfields (x) == 0"),
    ("vector", np.arange(3.0), "isequal (size (x), [1 3]) && isequal (x, [0 1 2])"),
    ("matrix", np.arange(6.0).reshape(2, 3), "isequal (x, [0 1 2; 3 4 5])"),
    (
        "cube",
        np.arange(24, dtype="i4").reshape(2, 3, 4),
        "isa (x, 'int32') && x(2,3,4) == 23 && x(1,2,1) == 4",
    ),
    ("empty-0", np.zeros(0), "isequal (size (x), [1 0])"),
    ("empty-0-3", np.zeros((0, 3)), "isequal (size (x), [0 3])"),
    ("0-d", np.array(2.5), "isequal (x, 2.5)"),
    ("texts", np.array([["a", "bc"], ["", "é"]]), "iscellstr (x) && isequal (x, {'a', 'bc'; '', 'é'})"),
    (
        "f2-array",
        np.array([1.5, -np.inf, 6e-8], "f2"),
        "isa (x, 'single') && isequal (x, single ([1.5 -Inf 2^-24]))",
    ),
    ("c8-array", np.array([1 + 2j], "c8"), "isa (x, 'single') && isequal (x, single (1 + 2i))"),
    (
        "masked",
        masked([1.0, 2.0, np.nan], mask=[0, 1, 0]),
        "isequal (isna (x), [false true false]) && isnan (x(3))",
    ),
    (
        "masked-int",
        masked([1, 2], mask=[0, 1], dtype="i4"),
        "isstruct (x) && isequal (x.mask, [false true]) && isa (x.data, 'int32')",
    ),
    (
        "sparse",
        scipy.sparse.csc_matrix([[0, 1.5], [2, 0]]),
        "issparse (x) && isequal (full (x), [0 1.5; 2 0])",
    ),
    (
        "sparse-csr",
        scipy.sparse.csr_matrix([[0, 1.5, 0], [2, 0, 3]]),
        "issparse (x) && isequal (full (x), [0 1.5 0; 2 0 3])",
    ),
    (
        "sparse-bool",
        scipy.sparse.csc_matrix([[False, True]]),
        "issparse (x) && islogical (x) && isequal (full (x), [false true])",
    ),
    (
        "sparse-zeros",
        scipy.sparse.coo_array(([0.0, -0.0, 1.5], ([0, 1, 1], [0, 0, 1])), shape=(2, 2)),
        "strcmp (x.arcuate, 'sparse') && isequal (x.rows, [0; 1; 1]) && isequal (1 ./ x.data(1:2), [Inf; -Inf])",
    ),
    (
        "map-unsorted",
        Map({"b b": 1.5, "a": 2.0}),
        "isstruct (x) && isequal (fieldnames (x), {'b b'; 'a'})",
    ),
    ("sparse-complex", scipy.sparse.coo_matrix([[0, 1j]]), "issparse (x) && isequal (full (x), [0 1i])"),
    (
        "labelled",
        xr.DataArray(
            np.arange(6.0).reshape(2, 3),
            dims=("t", "c"),
            coords={"c": ["a", "b", "z"]},
            name="n",
            attrs={"u": "V"},
        ),
        "isequal (x.dims, {'t', 'c'}) && isequal (x.data, [0 1 2; 3 4 5]) && strcmp (x.coords.c.data{3}, 'z') && strcmp (x.name, 'n') && strcmp (x.attrs.u, 'V')",
    ),
    (
        "table",
        pd.DataFrame({"a": [1.5, 2], "b": ["x", "y"]}),
        "x.rows == 2 && isequal (x.columns.a, [1.5 2]) && isequal (x.columns.b, {'x', 'y'})",
    ),
]

# An Octave expression, and what Python gets.
PRODUCED: list[tuple[str, str, Any]] = [
    ("double", "2.5", 2.5),
    ("logical", "true", True),
    ("int8", "int8 (-5)", np.int8(-5)),
    ("uint64", "intmax ('uint64')", np.uint64(2**64 - 1)),
    ("int64", "intmin ('int64')", np.int64(-(2**63))),
    ("single", "single (0.5)", np.float32(0.5)),
    ("complex", "1 + 2i", 1 + 2j),
    ("char", "'é'", "é"),
    ("char-empty", "''", ""),
    ("empty", "[]", np.zeros((0, 0))),
    ("empty-1-0", "zeros (1, 0)", np.zeros((1, 0))),
    ("row", "1:3", np.array([[1.0, 2.0, 3.0]])),
    ("column", "[1; 2]", np.array([[1.0], [2.0]])),
    ("eye", "eye (2)", np.eye(2)),
    ("permutation", "eye (2)(:, [2 1])", np.array([[0.0, 1.0], [1.0, 0.0]])),
    ("cube", "reshape (int16 (1:8), 2, 2, 2)", np.arange(1, 9, dtype="i2").reshape(2, 2, 2, order="F")),
    ("bools", "[true false]", np.array([[True, False]])),
    ("complexes", "[1i 2]", np.array([[1j, 2]])),
    ("singles", "single ([1 NaN])", np.array([[1, np.nan]], "f4")),
    ("cell", "{1, 'a'}", [1.0, "a"]),
    ("cell-empty", "{}", []),
    ("cell-nested", "{{}, {1}}", [[], [1.0]]),
    ("cellstr", "{'a', ''}", np.array([["a", ""]])),
    ("struct", "struct ('b', 1, 'a', 'x')", {"b": 1.0, "a": "x"}),
    (
        "struct-of-numbers",
        "struct ('a', 1, 'b', 2, 'c', 3, 'd', -0, 'e', Inf)",
        {"a": 1.0, "b": 2.0, "c": 3.0, "d": -0.0, "e": float("inf")},
    ),
    ("struct-empty", "struct ()", {}),
    ("map", "containers.Map ({'1 a', 'b'}, {1, 'x'})", Map({"1 a": 1.0, "b": "x"})),
    ("sparse", "sparse ([0 1.5; 2 0])", scipy.sparse.csc_array([[0, 1.5], [2, 0]])),
    ("sparse-empty", "sparse (2, 3)", scipy.sparse.csc_array((2, 3))),
    ("sparse-bool", "sparse ([true false])", scipy.sparse.csc_array([[True, False]])),
]

# Octave values that must be the same after a trip through Python.
THROUGH_PYTHON = [
    "['ab'; 'cd']", "reshape ('abcdefgh', 2, 2, 2)", "zeros (0, 3)(:, :)", "char (zeros (3, 0))", "{1, 2; 'a', {}}", "cell (0, 3)", "cell (1, 0)", "{}", "{'a'; 'b'}",
    "struct ('a', {1, 2, 3})", "struct ('a', {})", "struct ('a', {1; 'x'})", "[NA NaN 1]", "[1 NA; 2 3]", "single ([NA 1])", "complex (NA, 0)", "[complex(NA, 0) 1i]",
    "int64 (9007199254740993)", "[intmax('int64') intmin('int64')]", "uint8 ([])", "-0", "sparse ([1i 0])", "sparse (3, 0)",
    "{int8(1), single(2), true, 'é', {}, []}", "struct ('s', struct ('t', {{1, 'x'}}))", "{@sin}", "ones (2, 1, 3)", "uint8 ([200; 201])(:)'",
]  # fmt: skip

# Python values that must be the same after a trip through Octave.
THROUGH_OCTAVE: list[Any] = [
    2**53 + 1, 2**63, np.datetime64("2026-01-02T03:04:05.123456789"), pd.Timestamp("2026-01-02 03:04", tz="Europe/Prague"), dt.date(2026, 1, 2),
    np.timedelta64(5, "ms"), np.array(["2026-01-02", "NaT"], "M8[D]"), np.array([1, 2], "m8[s]"),
    masked([1, 2, 3], mask=[0, 1, 0], dtype="i2"), masked([1.0, 2.0], mask=[0, 1]).reshape(1, 2),
    pd.Categorical(["a", None, "b"], categories=["b", "a"], ordered=True),
    pd.Categorical([None, None], categories=[]),
    pd.DataFrame({"only": pd.array([""], dtype="str")}, index=pd.Index([""], name="")),
    pd.DataFrame({"only": pd.array([None], dtype="str")}),
    pd.DataFrame({"i": pd.array([1, None], dtype="Int32"), "s": ["x", None], "c": pd.Categorical(["u", "v"]), "t": pd.DatetimeIndex(["2026-01-01", "NaT"])}),
    pd.DataFrame({"a": [1.5, 2.5]}, index=pd.Index(["r", "s"], name="id")),
    pd.DataFrame({"a": [], "b": []}),
    xr.DataArray(np.arange(3.0), dims="t", coords={"t": pd.date_range("2026", periods=3)}),
    xr.DataArray(np.zeros((2, 1, 1)), dims=("a", "b", "c")), xr.DataArray(2.5), xr.DataArray(np.zeros((0, 3)), dims=("a", "b"), attrs={"k": [1.0, "x"]}),
    xr.Dataset({"v": ("x", np.arange(3)), "w": (("x", "y"), np.ones((3, 2), "f4"))}, coords={"x": ["a", "b", "c"]}, attrs={"n": "m"}),
    {"1 a": [1.0, "x"], "": {"é": b"\x00\x01"}}, ["a", 1.0, [True, None, {}]][:2], b"", b"x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize(
    ("value", "condition"), [case[1:] for case in OBSERVED], ids=[case[0] for case in OBSERVED]
)
def test_octave_sees(octave: Session, value: Any, condition: str) -> None:
    octave["x"] = value
    assert octave.eval(condition) is True


@pytest.mark.parametrize(
    ("code", "expected"), [case[1:] for case in PRODUCED], ids=[case[0] for case in PRODUCED]
)
def test_python_gets(octave: Session, code: str, expected: Any) -> None:
    found = octave.eval(code)
    assert type(found) is type(expected)
    equal.assert_same(found, expected)


@pytest.mark.parametrize("code", THROUGH_PYTHON)
def test_through_python(octave: Session, code: str) -> None:
    octave.run(f"x = {code};")
    octave["y"] = octave["x"]
    octave.run("""
      function tf = alike (x, y)
        tf = strcmp (class (x), class (y)) && isequal (size (x), size (y)) && issparse (x) == issparse (y);
        if (tf && (iscell (x) || isstruct (x)))
          if (isstruct (x))
            tf = isequal (fieldnames (x), fieldnames (y));
            x = struct2cell (x); y = struct2cell (y);
          end
          for i = 1:numel (x)
            tf = tf && alike (x{i}, y{i});
          end
        elseif (tf && isfloat (x) && ! issparse (x))
          tf = isequal (isna (x), isna (y)) && isequaln (x, y) && isequal (1 ./ x(x == 0), 1 ./ y(y == 0));
        elseif (tf && is_function_handle (x))
          tf = isequal (func2str (x), func2str (y));
        else
          tf = tf && isequal (x, y);
        end
      end
      function tf = isequaln (x, y)
        tf = isequal (x(! isnan (x)), y(! isnan (y))) && isequal (isnan (x), isnan (y));
      end""")
    assert octave.eval("alike (x, y)") is True


@pytest.mark.parametrize("value", THROUGH_OCTAVE, ids=lambda value: type(value).__name__)
def test_through_octave(octave: Session, value: Any) -> None:
    found = octave.call("same", value)
    expected = np.frombuffer(value, "u1").reshape(1, -1) if isinstance(value, bytes) else value
    if isinstance(value, dict):
        expected = {"1 a": [1.0, "x"], "": {"é": np.array([[0, 1]], "u1")}}
    if value.__class__ is int:
        found = int(found)
    equal.assert_same(found, expected)


def test_na_has_octaves_bits(octave: Session) -> None:
    octave["x"] = masked([1.0, 2.0], mask=[0, 1])
    assert octave.eval("typecast (x(2), 'uint64')") == NA


def test_edits_of_a_labelled_array_are_honoured(octave: Session) -> None:
    octave["x"] = xr.DataArray(np.arange(3.0), dims="t", coords={"t": [1, 2, 3]}, attrs={"u": "V"})
    octave.run("x.data = x.data(1:2)'; x.coords.t.data = x.coords.t.data(1:2); x.attrs.u = 'mV';")
    equal.assert_same(
        octave["x"], xr.DataArray([0.0, 1.0], dims="t", coords={"t": [1, 2]}, attrs={"u": "mV"})
    )


def test_edits_of_a_table_are_honoured(octave: Session) -> None:
    octave["x"] = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})
    octave.run("x.columns.a = [1; 2; 3]; x.columns.b = {'p', 'q', 'r'}; x.columns.c = logical ([1 0 1]);")
    equal.assert_same(
        octave["x"], pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["p", "q", "r"], "c": [True, False, True]})
    )


def test_edits_of_a_categorical_are_honoured(octave: Session) -> None:
    octave["x"] = pd.Categorical(["a", "b"])
    octave.run("x.codes(2) = -1; x.categories{1} = 'z';")
    assert list(octave["x"]) == ["z", np.nan] or (octave["x"][0] == "z" and pd.isna(octave["x"][1]))


def test_edits_of_the_entries_of_a_sparse_matrix_are_honoured_or_refused(octave: Session) -> None:
    twice = scipy.sparse.coo_array(([0.5, 0.25, 1.0], ([0, 0, 1], [0, 0, 1])), shape=(2, 2))
    octave["x"] = twice
    octave.run("x.data(2) = 0; x.rows(2) = 1;")
    equal.assert_same(
        octave["x"], scipy.sparse.coo_array(([0.5, 0.0, 1.0], ([0, 1, 1], [0, 0, 1])), shape=(2, 2))
    )
    wrong = {
        "x.rows(1) = 2;": "count from 0",
        "x.columns(1) = 0.5;": "count from 0",
        "x.rows(1) = -1;": "count from 0",
        "x.rows(1) = [];": "cannot be read as one",
        "x.data(1) = NA;": "without NA",
    }
    for edit, message in wrong.items():
        octave["x"] = twice
        octave.run(edit)
        with pytest.raises(ConversionError, match=message):
            octave.get("x")


def test_what_cannot_travel_says_where(octave: Session) -> None:
    with pytest.raises(ConversionError, match=r"uint8.*\$\.value\.a\[1\]"):
        octave.eval("struct ('a', {{1, char(200)}})")
    with pytest.raises(ConversionError, match="text keys"):
        octave.eval("containers.Map (1, 2)")
    octave.run("x = 1; for i = 1:70, x = {x}; end")
    with pytest.raises(ConversionError, match="64 levels"):
        octave.get("x")


def test_a_file_written_by_octave_agrees(octave: Session, tmp_path: Path) -> None:
    """Another program reads what arrived: scipy, from a file that Octave saves."""
    file = tmp_path / "x.mat"
    value = np.random.default_rng(1).normal(size=(40, 30, 20))
    octave["x"] = value
    octave.run(f"save ('-v7', '{file}', 'x')")
    assert np.array_equal(scipy.io.loadmat(str(file))["x"], value)


@pytest.mark.parametrize("size", [8191, 8192, 8193, 1_000_000])
def test_large_arrays_in_shared_memory(octave: Session, size: int) -> None:
    value = np.arange(float(size))
    found = octave.call("same", value)
    assert found.shape == (1, size)
    assert np.array_equal(found[0], value)
    assert octave.call("sum", value) == value.sum()
    value[size // 2] = np.nan
    hidden = masked(value, mask=np.arange(size) % 7 == 0)
    again = octave.call("same", hidden)
    assert np.array_equal(np.ma.getmaskarray(again)[0], hidden.mask)
    assert octave.call("nnz", octave.call("isna", hidden)) == hidden.mask.sum()
