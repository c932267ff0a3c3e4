"""Values in R: what R sees of what is sent, what arrives of R's own literals, and what a second R reads
of what the first saved.
"""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xarray as xr
from tests.r.conftest import same

from arcuate.client import Remote
from arcuate.errors import ConversionError
from arcuate.values import List

OBSERVED = {
    "null": (None, "NULL"),
    "bool": (True, "TRUE"),
    "int": (7, "7L"),
    "int-edge": (2**31 - 1, ".Machine$integer.max"),
    "int-na": (-(2**31), "-2147483648"),
    "int-wide": (2**40, "2^40"),
    "float": (1.5, "1.5"),
    "complex": (1 + 2j, "1+2i"),
    "text": ("žluť 😀", '"\\u017elu\\u0165 \\U1F600"'),
    "bytes": (b"\0ab", "as.raw(c(0, 97, 98))"),
    "ints": ([1, 2, 3], "1:3"),
    "mixed numbers": ([1, 2.5], "c(1, 2.5)"),
    "texts": (["a", "é"], 'c("a", "\\u00e9")'),
    "forced": (List([1, 2]), "list(1L, 2L)"),
    "mixed": ([1, "a", None], 'list(1L, "a", NULL)'),
    "mapping": ({"a": 1, "1 a": "x", "": 2.0}, 'structure(list(1L, "x", 2), names = c("a", "1 a", ""))'),
    "empty mapping": ({}, "structure(list(), names = character())"),
    "empty list": ([], "list()"),
    "array": (np.arange(6.0).reshape(2, 3), "matrix(c(0, 3, 1, 4, 2, 5), 2)"),
    "empty array": (np.zeros((0, 3)), "matrix(0, 0, 3)"),
    "i1": (np.array([1, -2], "i1"), "c(1L, -2L)"),
    "u4": (np.array([2**32 - 1], "u4"), "4294967295"),
    "i4 with -2^31": (np.array([1, -(2**31)], "i4"), "c(1, -2147483648)"),
    "bools": (np.array([[True], [False]]), "matrix(c(TRUE, FALSE))"),
    "masked": (np.ma.array([1.0, 2.0], mask=[False, True]), "c(1, NA)"),
    "nullable": (pd.array([1, None], dtype="Int64"), "c(1L, NA)"),
    "nullable bool": (pd.array([True, None], dtype="boolean"), "c(TRUE, NA)"),
    "texts with NA": (pd.array(["a", None], dtype="string"), 'c("a", NA)'),
    "dates": (np.array(["2020-02-29", "NaT"], "M8[D]"), 'as.Date(c("2020-02-29", NA))'),
    "instant": (
        dt.datetime(2020, 2, 3, 4, 5, 6, tzinfo=dt.timezone.utc),
        'as.POSIXct("2020-02-03 04:05:06", tz = "UTC")',
    ),
    "duration": (np.array([1, 2], "m8[h]"), 'as.difftime(c(1, 2), units = "hours")'),
    "factor": (
        pd.Categorical(["b", None], categories=["b", "a"]),
        'factor(c("b", NA), levels = c("b", "a"))',
    ),
    "ordered": (
        pd.Categorical(["b"], categories=["b", "a"], ordered=True),
        'factor("b", c("b", "a"), ordered = TRUE)',
    ),
    "labelled": (
        xr.DataArray([[1.0, 2.0]], dims=("x", "y"), coords={"x": ["p"], "y": ["q", "r"]}),
        'matrix(c(1, 2), 1, dimnames = list(x = "p", y = c("q", "r")))',
    ),
    "table": (
        pd.DataFrame({"a": [1, 2], "b": ["x", None]}),
        'data.frame(a = 1:2, b = c("x", NA))',
    ),
    "row names": (pd.DataFrame({"a": [1.5]}, index=["k"]), 'data.frame(a = 1.5, row.names = "k")'),
    "sparse": (sp.csc_array(np.eye(2)), "as(as(Matrix::Diagonal(2), 'generalMatrix'), 'CsparseMatrix')"),
}


@pytest.mark.parametrize("name", OBSERVED)
def test_what_r_sees(r, name):
    value, literal = OBSERVED[name]
    if name == "row names":
        r["given"] = value
        assert r.eval(f"all.equal(given, {literal}, check.attributes = FALSE) && rownames(given) == 'k'")
        return
    same(r, value, literal)


def test_nan_is_not_missing_and_missing_is_not_nan(r):
    r["x"] = np.array([1.0, np.nan])
    assert r.eval("is.nan(x[2])")
    payload = np.array([0x7FF00000000007A2, 0x7FF80000000007A2], "u8").view("f8")
    r["x"] = np.concatenate([payload, np.zeros(100)])
    assert list(r.eval("is.nan(x)[1:2]")) == [True, True]
    r["x"] = payload
    assert list(r.eval("is.nan(x)")) == [True, True]
    back = r.eval("c(1, NA, NaN)")
    assert list(pd.isna(back)) == [False, True, False] or back._mask.tolist() == [False, True, False]
    assert r.eval("is.nan(NaN)")
    assert not r.eval("is.nan(NA_real_)")


@pytest.mark.parametrize("n", [3, 1000, 200_000])
@pytest.mark.parametrize(
    "literal",
    [
        "rep_len(c(1, NA, 3), {n})",
        "rep_len(c(1L, NA), {n})",
        "rep_len(c(TRUE, NA), {n})",
        "rep_len(c('a\\u00e9', NA, ''), {n})",
        "rep_len(c(1+2i, NA), {n})",
    ],
)
def test_missing_values_of_every_size_come_back(r, n, literal):
    x = r.eval(literal.format(n=n))
    r["x"] = x
    assert r.eval(f"identical(x, {literal.format(n=n)})")


def test_labels_arrive(r):
    x = r.eval("c(a = 1, b = 2)")
    assert x.dims == ("dim_0",)
    assert list(x.coords["dim_0"].values) == ["a", "b"]
    assert r.call("identical", x, r.eval("c(a = 1, b = 2)"))
    same(r, x, "c(a = 1, b = 2)")
    hair = r.eval("HairEyeColor")
    assert hair.dims == ("Hair", "Eye", "Sex")
    assert float(hair.sel(Hair="Black", Eye="Brown", Sex="Male")) == 32.0
    same(r, hair, "HairEyeColor")
    m = r.eval("matrix(1:4, 2, dimnames = list(NULL, c('u', 'v')))")
    assert list(m.coords["dim_1"].values) == ["u", "v"]


def test_time_series(r):
    co2 = r.eval("co2")
    assert co2.dims == ("time",)
    assert co2.attrs["frequency"] == 12.0
    assert float(co2.coords["time"][0]) == 1959.0
    r["given"] = co2
    assert r.eval(
        "isTRUE(all.equal(given, co2)) && identical(class(given), 'ts') && identical(c(given), c(co2))"
    )
    fit = r.call("stl", co2, "periodic")
    assert isinstance(fit, Remote)
    assert "mts" in r.call("class", r.eval("ts(matrix(1:4, 2), start = 2000)"))
    later = co2.isel(time=slice(0, 24))
    assert r.call("is.ts", later)
    assert not r.call("is.ts", co2.isel(time=[0, 5, 6]))


def test_labels_do_not_lie_after_r_has_worked_on_them(r):
    x = xr.DataArray(
        np.arange(6.0).reshape(2, 3), dims=("x", "y"), name="v", attrs={"units": "mV"},
        coords={"x": ["a", "b"], "y": [1.5, 2.5, 3.5], "s": 3.0,
                "z": (("x", "y"), np.arange(6.0).reshape(2, 3))},
    )  # fmt: skip
    xr.testing.assert_identical(r.call("id", x), x)
    turned = r.call("t", x)
    xr.testing.assert_identical(turned.drop_vars("z"), x.T.drop_vars("z"))
    r["x"] = x
    part = r.eval("x[, 2:3]")
    assert part.dims == ("x", "y")
    assert list(part.coords["y"].values) == ["2.5", "3.5"]
    changed = r.eval("{dimnames(x)$y <- c('p', 'q', 'r'); x}")
    assert list(changed.coords["y"].values) == ["p", "q", "r"]
    assert "z" not in changed.coords
    assert r.eval("names(x['a', ])[1]") == "p"
    assert r.eval("sum(x)") == 15.0


def test_dataset(r):
    ds = xr.Dataset(
        {"u": ("x", [1.0, 2.0]), "w": (("x", "y"), np.ones((2, 2)))},
        coords={"x": ["a", "b"], "h": ("q", [1.0, 2.0])}, attrs={"t": "x"},
    )  # fmt: skip
    back = r.call("id", ds)
    xr.testing.assert_identical(back, ds)
    r["ds"] = ds
    assert list(r.eval("names(ds)")) == ["u", "w"]
    assert r.eval("ds$u[['b']]") == 2.0


TABLE = """data.frame(i = c(1L, NA), d = c(NA, NaN), t = c('\\u00e9', NA), f = factor(c('u', NA)),
 l = c(TRUE, NA), p = as.POSIXct(c(0, NA), origin = '1970-01-01', tz = 'Europe/Paris'),
 D = as.Date(c('2020-01-01', NA)),
 s = as.difftime(c(1, NA), units = 'mins'), L = I(list(1:2, 'x')), c = c(1i, NA))"""


def test_table_of_all_columns(r):
    table = r.eval(TABLE)
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == list("idtflpDsLc")
    r["back"] = table
    for name in "idtflpDsc":
        assert r.eval(f"identical(back${name}, ({TABLE})${name})"), name
    assert r.eval("identical(back$L, list(1:2, 'x'))")
    assert table["s"][0] == np.timedelta64(1, "m")
    r["part"] = table[table["i"].isna()]
    assert r.eval("identical(part$s, as.difftime(NA_real_, units = 'mins'))")


@pytest.mark.parametrize(
    "columns",
    [
        "s = as.difftime(c(1, 2), units = 'days')",
        "s = as.difftime(numeric(), units = 'weeks')",
        "f = addNA(factor(c('a', NA)))",
        "c = c(NA_complex_, NA)",
        "L = I(list('a', 'b'))",
        "d = as.Date(c(2932897, NA), origin = '1970-01-01')",
    ],
)
def test_a_column_that_pandas_has_no_dtype_for(r, columns):
    table = r.eval(f"data.frame({columns})")
    assert isinstance(table, pd.DataFrame)
    r["back"] = table
    assert r.eval(f"identical(lapply(back, unclass), lapply(data.frame({columns}), unclass))"), table


def test_index_rides_and_does_not_lie(r):
    table = pd.DataFrame(
        {"a": [1.0, 2.0, 3.0]}, index=pd.date_range("2020-01-01", periods=3, name="when", unit="us")
    )
    table.index.freq = None
    back = r.call("id", table)
    pd.testing.assert_frame_equal(back, table)
    r["t"] = table
    assert r.eval("rownames(t)[2]") == "2020-01-02 00:00:00" or "2020-01-02" in r.eval("rownames(t)[2]")
    assert len(r.eval("t[2:3, , drop = FALSE]")) == 2
    multi = table.set_index(
        pd.MultiIndex.from_tuples([("x", 1.0), ("x", 2.0), ("y", 1.0)], names=["p", None])
    )
    pd.testing.assert_frame_equal(r.call("id", multi), multi)
    assert list(r.eval("mtcars").index[:1]) == ["Mazda RX4"]
    assert list(r.eval("mtcars[mtcars$mpg > 30, ]").index) == [
        "Fiat 128",
        "Honda Civic",
        "Toyota Corolla",
        "Lotus Europa",
    ]


def test_categories_of_numbers_keep_their_type(r):
    cat = pd.Categorical([3.5, 1.5, 3.5])
    back = r.call("id", cat)
    assert list(back.categories) == [1.5, 3.5]
    r["f"] = cat
    assert list(r.eval("levels(f)")) == ["1.5", "3.5"]
    r.run("levels(f) <- c('a', 'b')")
    assert list(r["f"].categories) == ["a", "b"]


def test_factor_with_a_level_that_is_na(r):
    r.run("f <- addNA(factor(c('a', NA)))")
    r["g"] = r["f"]
    assert r.eval("identical(f, g)")


@pytest.mark.parametrize(
    "literal",
    [
        "as.Date('2020-01-01')",
        "as.POSIXct('2020-01-01 12:34:56.789', tz = 'America/New_York')",
        "as.difftime(5, units = 'days')",
        "factor('a')",
        "as.raw(1:3)",
        "list(a = 1, b = list())",
        "list(1, 'a')",
        "setNames(list(), character())",
        "array(1:8, c(2, 2, 2))",
        "matrix(list(1, 'a'), 1)",
    ],
)
def test_r_literals_come_back_identical(r, raw, literal):
    raw["x"] = raw.eval(literal)
    assert raw.eval(f"identical(x, {literal})"), raw.eval("capture.output(str(x))")


def test_integer64(r):
    x = r.eval("bit64::as.integer64(c('9007199254740993', NA))")
    assert int(x[0]) == 2**53 + 1
    assert pd.isna(x[1])


@pytest.mark.parametrize(
    "value", [2**53 + 1, np.array([2**53 + 1]), np.array([2**63 + 1] * 60, "u8"), {"a": [{"b": 2**70}]}]
)
def test_integers_that_r_cannot_hold(r, value):
    with pytest.raises(ConversionError):
        r.call("id", value)


def test_the_path_of_what_cannot_travel(r):
    with pytest.raises(ConversionError) as caught:
        r.call("id", 1, named={"x": {"weights": [0, "a", 2**53 + 1]}})
    assert caught.value.path == "$.named.x.weights[2]"
    with pytest.raises(ConversionError, match="complex"):
        r.call("id", sp.csc_array(np.array([[1j]])))
    assert r.eval("1 + 1") == 2


@pytest.mark.parametrize(
    "literal",
    [
        "new.env()",
        "quote(a + b)",
        "y ~ x",
        "lm(mpg ~ wt, mtcars)",
        "function(x) x",
        "sum",
        "list(a = 1, a = 2)",
        "methods::getClass('numeric')",
        "numeric_version('1.2')",
        "data.frame(m = I(matrix(1:4, 2)))",
    ],
)
def test_what_stays_in_r(r, literal):
    x = r.eval(literal)
    assert isinstance(x, Remote), x
    r["back"] = x
    assert r.eval(f"identical(class(back), class({literal}))")


def test_sparse_of_every_layout(r):
    dense = np.array([[1.0, 0.0, 2.0], [0.0, 0.0, -3.5]])
    for make in (sp.csc_array, sp.csr_array, sp.coo_array):
        back = r.call("id", make(dense))
        assert type(back) is make
        assert (back.toarray() == dense).all()
        assert r.call("sum", make(dense)) == -0.5
    assert r.call("id", sp.csc_array(dense != 0)).dtype == bool


def test_another_r_reads_what_this_one_saved(r, rscript, tmp_path):
    r["x"] = {"a": np.array([1.5, np.nan]), "t": pd.DataFrame({"k": ["é", None]}), "d": dt.date(2020, 2, 29)}
    path = str(tmp_path / "x.rds")
    r.run(f"saveRDS(x, '{path}')")
    out = rscript(
        f"x <- readRDS('{path}'); cat(class(x$d), format(x$d), is.nan(x$a), is.na(x$t$k), "
        "nchar(x$t$k[1]), names(x))"
    )
    assert out == "Date 2020-02-29 FALSE TRUE FALSE TRUE 1 a t d"


def test_large_arrays_both_ways(r):
    x = np.random.default_rng(1).normal(size=(1000, 1300))
    back = r.call("id", x)
    assert (back == x).all()
    assert r.call("sum", x) == pytest.approx(x.sum())
    flags = np.arange(300_000) % 3 == 0
    assert (r.call("id", flags) == flags).all()
    texts = np.array([f"t{i}é" for i in range(30_000)])
    assert (r.call("id", texts) == texts).all()


def test_large_arrays_again_and_again_keep_their_missing_values(r):
    """From the second time on the same shared memory is used, mapped: nothing of the time before shows."""
    size = 400_001  # 3 MB and a rest
    payload = np.array([0x7FF00000000007A2, 0x7FF0000000000001], "u8").view("f8")  # R's NA, and another NaN
    for turn in range(6):
        x = np.full(size, turn + 0.5)
        at = [turn, 131_072 + turn, size - 1 - turn]
        x[at] = [payload[0], payload[1], np.inf]
        r["x"] = x
        assert list(r.eval("which(is.nan(x)) - 1")) == at[:2]
        assert not r.eval("any(is.na(x) & !is.nan(x))")  # a NaN that is sent is never taken for NA
        assert r.eval("sum(x == %r, na.rm = TRUE)" % (turn + 0.5)) == size - 3
        back = r.call("id", x)
        assert np.array_equal(back, x, equal_nan=True)
        assert not hasattr(back, "isna")
        gone = r.eval(f"{{ x[{turn + 1}] <- NA; x }}")
        assert gone.isna().nonzero()[0].tolist() == [turn]
        del back, gone


def test_results_that_are_held_stay_what_they_were(r):
    """Shared memory is used again only when nobody looks at it any more."""
    held = [r.call("id", np.full(300_000, float(turn))) for turn in range(6)]
    assert [float(one[0]) for one in held] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert all((one == one[0]).all() for one in held)


def test_a_function_that_is_redefined_is_seen_by_the_next_call(r):
    for turn in range(4):
        r.run(f"again <- function(x) x + {turn}")
        assert [r.call("again", 1.0), r.call("again", 2.0)] == [1.0 + turn, 2.0 + turn]
    r.run("sin <- function(x) 'mine'")
    assert r.call("sin", 1.0) == "mine"
    r.run("rm(sin)")
    assert r.call("sin", 0.0) == 0.0


def test_memory_of_large_arguments_is_free_again_after_the_call(r):
    """Judged by R's own count: the arguments of ten calls do not add up."""
    x = np.ones(4 << 20)  # 32 MB
    used = "gc()[2, 2]"  # MB of vectors
    before = r.eval(used)
    for _ in range(10):
        r.call("id", x)
    assert r.eval(".Internal(gc(FALSE, FALSE, FALSE))[2] * 8 / 2^20") < before + 80
    assert r.eval(used) < before + 10
