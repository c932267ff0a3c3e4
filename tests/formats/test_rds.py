"""RDS and RData against R itself: what it saves, what it reads, and what a session gives and takes."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import struct
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import xarray as xr
from tests.formats import damage
from tests.formats.golden import cases

from arcuate.client import Session, connect
from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, LimitExceeded
from arcuate.formats import open_data, save_data
from arcuate.values import decode, encode, frames
from arcuate.values.equal import equal

OBJECTS = """
1:10
c(1.5, NA, NaN, Inf, -Inf, -0)
c(1L, NA, 3L)
c(TRUE, NA, FALSE)
c("a", NA, "\\u017elu\\u0165 \\u732b", "")
iconv("caf\\u00e9", "UTF-8", "latin1")
c(1+2i, NA)
as.raw(0:255)
NULL
5
list()
list(1, 2)
list(a = 1, b = "x", c = list(d = 1:3, e = NULL))
structure(list(1, 2, 3, "a"), dim = c(2L, 2L))
setNames(1:3, c("a", "b", "c"))
matrix(1:6, 2, dimnames = list(c("r1", "r2"), NULL))
matrix(1:6, 2, dimnames = list(rows = c("r1", "r2"), cols = c("a", "b", "c")))
array(1:24, c(2, 3, 4))
matrix(numeric(0), 0, 3)
factor(c("a", "b", NA, "a"), levels = c("b", "a"))
factor(c("lo", "hi"), levels = c("lo", "hi"), ordered = TRUE)
addNA(factor(c("a", NA)))
factor(c(NA, NA))
data.frame(f = factor(c(NA, NA)))
as.Date(c("2020-01-01", NA, "1900-05-06"))
as.POSIXct(c("2020-01-01 12:00:00.123456", NA), tz = "Europe/Prague")
as.POSIXlt("2020-01-01 10:11:12", tz = "UTC")
as.difftime(c(1.5, NA), units = "mins")
as.difftime(3, units = "days")
data.frame(x = 1:3, y = c("a", NA, "c"), z = c(1.5, NA, NaN), row.names = c("p", "q", "r"))
data.frame(f = factor(c("u", "v")), d = as.Date("2020-01-01") + 0:1)
data.frame(t = as.POSIXct(0:1, tz = "UTC", origin = "1970-01-01"))
data.frame(x = integer(0))
local({ d <- data.frame(x = 1:2); d$l <- list(1, "a"); d })
iris
mtcars
HairEyeColor
AirPassengers
ts(matrix(1:6, 3, dimnames = list(NULL, c("a", "b"))), start = 2000, frequency = 4)
structure(1:3, units = "mV", gain = c(a = 1))
structure(1:3, names_of = c("a", "b", "c"))
structure(matrix(1:4, 2), dimnames_of = list("a", 1))
structure(c(0, 1), class = c("POSIXct", "POSIXt"), tzone = "UTC", tzone_of = "CET")
array(1:3, 3, list(ch = c("a", "b", "c")))
as.character(1:5)
I("a")
Matrix::sparseMatrix(i = c(1, 3), j = c(2, 3), x = c(1.5, 2), dims = c(3, 3))
as(Matrix::sparseMatrix(i = c(1, 3), j = c(2, 3), dims = c(3, 3)), "lMatrix")
""".strip().splitlines()

# Columns with what packages for survey data note of them; the last ones are what such files hold seldom.
COLUMNS = """
structure(c(1, 2), label = "S", labels = c(m = 1, f = 2), class = c("haven_labelled", "vctrs_vctr", "double"))
structure(c(1, 9), labels = c(m = 1), na_values = c(8, 9), na_range = c(-Inf, 0), class = "labelled")
structure(1:2, label = "Weight", units = "kg", class = c("labelled", "integer"))
structure(factor(c("a", "b")), label = "F", class = c("labelled", "factor"))
structure(factor(c("a", "b")), contrasts = matrix(c(1, -1), 2, dimnames = list(c("a", "b"), NULL)))
structure(as.Date("2026-01-01") + 0:1, label = "day", class = c("labelled", "Date"))
structure(as.POSIXct(c(0, 1), tz = "Europe/Prague", origin = "1970-01-01"), label = "at")
structure(as.difftime(c(1, 2), units = "mins"), label = "took")
structure(c(1, 2), units = "mV", classification = "x", class = "numeric")
structure(c("u", "v"), label = "\u017elu\u0165", labels = c(U = "u", V = "v"))
structure(c(TRUE, FALSE), labels = c("no", "yes"))
structure(list(1, "a"), label = "mixed")
structure(1:2, labels = c(a = 1L, b = NA))
structure(1:2, value.labels = c(a = 1, a = 2), table = data.frame(z = structure(1:3, label = "in it")))
I(structure(1:2, label = "as is"))
structure(as.POSIXlt(c("2020-01-01", "2020-01-02"), tz = "UTC"), label = "parts")
structure(as.raw(1:2), label = "bytes")
structure(1:2, value.labels = as.raw(1:2))
structure(1:2, levels = c("u", "v"))
""".strip().splitlines()

NOTES: list[Any] = [
    {"n": {"label": "N", "labels": {"a": 1.0, "b": 2.0}}, "gone": {"label": "x"}},
    {"n": {"label": "N"}, "f": {"class": ["labelled", "factor"], "label": "F"}, "t": {"comment": "c"}},
    {"n": {"class": "factor"}, "t": {"label": "T"}, "f": {"levels": "z"}},
    {"n": {"dim": 2}, "t": {"label": None}, "f": {"comment": 5}},
    {"n": {"class": ["labelled", "Date"]}, "f": {"class": ["x", "factor"]}, "t": {"": 1}},
    {"n": {"labels": {"a": 1, "b": 2.5}, "na_values": [1.0, 2.0], "class": "labelled"}, "t": 3, "f": {}},
    {"n": {"tzone": "UTC", "units": "mV"}, "f": {"names": ["p", "q"]}, "t": {"class": "character"}},
    "n",
    {},
]  # fmt: skip

ONLY_R = {
    "function(x) x + 1": "a function",
    "lm(mpg ~ wt, mtcars)": "class lm",
    "quote(a + b)": "a call",
    "y ~ x": "class formula",
    "new.env()": "an environment",
    "structure(1:2, class = 'mine')": "class mine",
    "local({ x <- data.frame(a = 1:3); x$b <- ts(1:3); x })": "class ts",
    "setNames(list(1, 2), c('a', 'a'))": "two elements named 'a'",
}

MEASURED = xr.DataArray(
    np.arange(6.0).reshape(2, 3),
    dims=("channel", "time"),
    coords={
        "channel": ["Fz", "Cz"],
        "time": [0.0, 0.5, 1.0],
        "gain": ("channel", np.array([1, 2], "i4")),
        "run": 5.0,
    },
    attrs={"units": "uV", "n": 3},
    name="eeg",
)
VALUES: dict[str, Any] = {
    "labelled": MEASURED,
    "0-d": xr.DataArray(3.5, attrs={"a": 1}),
    "dataset": xr.Dataset(
        {"a": ("x", [1, 2, 3]), "b": (("x", "y"), np.ones((3, 2)))},
        coords={"x": [10, 20, 30], "z": ("q", [1.0])},
    ),
    "stamped": xr.DataArray([1.0], dims="time", coords={"time": np.array(["2020-01-01"], "M8[s]")}),
    "table": pd.DataFrame(
        {
            "i": pd.array([1, None, 3], dtype="Int64"),
            "t": ["a", None, "c"],
            "d": pd.to_datetime(["2020-01-01", "2021-01-01", None]),
            "c": pd.Categorical(["x", None, "y"]),
        }
    ),
    "index": pd.DataFrame({"x": [1.0, 2.0]}, index=pd.Index(["r1", "r2"], name="id")),
    "levels": pd.DataFrame(
        {"x": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["k", "n"])
    ),
    "milliseconds": np.array(["2020-01-01T00:00:00.123", "NaT"], "M8[ms]"),
    "seconds": np.array([1, 2], "m8[s]"),
    "numbers as categories": pd.Categorical([1, 2, 1]),
    "unsigned": np.array([2**32 - 1], "u4"),
    "beside NA": np.array([-(2**31), 5], "i4"),
    "mapping": {"a": 1, "é 1": [1, "x", None], "e": {}},
    "bytes": b"\0\1",
    "date": dt.date(2020, 1, 2),
    "zone": pd.Timestamp("2020-01-01 12:00", tz="Europe/Prague"),
    "offset": dt.datetime(2020, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=2))),
    "masked": np.ma.array([[1, 2], [3, 4]], mask=[[0, 1], [0, 0]]),
    "csc": sp.csc_matrix(np.diag([1.0, 2.0, 3.0])),
    "csr": sp.csr_matrix(np.diag([True, False, True])),
    "texts": np.array([["a", "b"], ["c", "ž"]]),
    "empty": np.zeros((0, 3)),
}  # fmt: skip


@pytest.fixture(scope="module")
def r() -> Iterator[Session]:
    with connect("r") as session:
        session.run("itself <- function(x) x")
        yield session


def test_what_r_saves_is_read_as_a_session_gives_it(r: Session, tmp_path: Path) -> None:
    forms = (
        "",
        ", compress = FALSE",
        ", compress = 'xz'",
        ", ascii = TRUE",
        ", version = 2, compress = 'bzip2'",
    )
    for number, code in enumerate(OBJECTS):
        path = tmp_path / f"{number}.rds"
        r.run(f'x <- {{ {code} }}; saveRDS(x, "{path}"{forms[number % len(forms)]})')
        want, got = r["x"], open_data(path)
        assert equal(encode(want), encode(got)) is None, code
        save_data(got, path)
        assert equal(encode(want), encode(r.call("readRDS", str(path)))) is None, code


@pytest.mark.parametrize("name", VALUES)
def test_what_is_saved_is_in_r_what_a_session_is_given(r: Session, tmp_path: Path, name: str) -> None:
    value, path = VALUES[name], tmp_path / "x.rds"
    assert save_data(value, path).lost == ()
    r["x"] = value
    assert r.eval(f'identical(readRDS("{path}"), x)')
    assert equal(encode(r.call("itself", value)), encode(open_data(path))) is None


def test_what_is_noted_of_columns(r: Session, tmp_path: Path) -> None:
    path = tmp_path / "x.rds"
    for code in COLUMNS:
        r.run(f'd <- data.frame(k = 1:2); d$x <- {code}; saveRDS(d, "{path}")')
        want, got = r["d"], open_data(path)
        assert isinstance(want, pd.DataFrame), code
        assert equal(encode(want), encode(got)) is None, code
        save_data(got, path)
        r["e"] = want
        assert r.eval(f'identical(readRDS("{path}"), e)'), code
        if code not in COLUMNS[-5:]:  # I() and raw, and what would make something else of a column
            assert r.eval("identical(d, e)"), code
        assert equal(encode(r["e"]), encode(open_data(path))) is None, code


@pytest.mark.parametrize("notes", NOTES, ids=str)
def test_notes_of_columns_from_elsewhere(r: Session, tmp_path: Path, notes: Any) -> None:
    path = tmp_path / "x.rds"
    frame = pd.DataFrame({"n": [1.0, 2.0], "t": ["u", "v"], "f": pd.Categorical(["a", "b"])})
    frame.attrs = {"columns": notes, "more": 1}
    r["x"] = frame
    assert save_data(frame, path).lost == ()
    assert r.eval(f'identical(readRDS("{path}"), x)')
    back = [json.dumps(one.attrs["columns"], default=np.ndarray.tolist) for one in (open_data(path), r["x"])]
    assert [json.loads(one) for one in back] == [notes, notes]


def test_a_labelled_number_as_a_column(r: Session, tmp_path: Path) -> None:
    path = tmp_path / "x.rds"
    for value in (VALUES["0-d"], xr.DataArray(2.5), xr.DataArray("u", coords={"run": 5}, name="m")):
        r["v"] = value
        r.run(f'd <- data.frame(k = 1, x = v); saveRDS(d, "{path}")')
        want, got = r["d"], open_data(path)
        assert want["x"].tolist() == [value.item()]
        assert ("columns" in want.attrs) == bool(value.attrs or value.coords)
        assert equal(encode(want), encode(got)) is None
    assert want.attrs["columns"]["x"]["arcuate"]["name"] == "m"
    save_data(got, path)
    for again in (r.call("itself", want), open_data(path)):
        assert equal(encode(want), encode(again)) is None


def test_two_meanings_of_columns(r: Session, tmp_path: Path) -> None:
    path = tmp_path / "x.rds"
    r.run('x <- data.frame(a = 1:2); attr(x, "columns") <- "mine"; attr(x$a, "label") <- "A"')
    r.run(f'saveRDS(x, "{path}")')
    with pytest.raises(ConversionError, match="remove one of them: attr"):
        open_data(path)


def test_the_golden_vectors(r: Session, tmp_path: Path) -> None:
    """A file gives what a session gives; it refuses nanoseconds, which a session drops by contract."""
    path, stricter = tmp_path / "x.rds", set()
    for case in cases():
        assert case.frame is not None
        value = decode(frames.load(case.frame))
        try:
            want = encode(r.call("itself", value))
        except ConversionError:
            want = None
        try:
            save_data(value, path)
        except ConversionError as error:
            if want is not None:
                assert "parts of a microsecond" in str(error), case.name
                stricter.add(case.name)
            continue
        assert want is not None, case.name
        assert equal(want, encode(open_data(path))) is None, case.name
    assert stricter == {"labelled/labels-datetime", "table/units", "array/datetime/ns"}


def test_labels_are_dimnames_in_r(r: Session, tmp_path: Path) -> None:
    save_data(MEASURED, tmp_path / "x.rds")
    assert r.eval(f'colMeans(readRDS("{tmp_path}/x.rds"))["0.5"]').item() == 2.5


def test_what_only_r_has_is_an_error_with_its_path(r: Session, tmp_path: Path) -> None:
    path = tmp_path / "x.rds"
    for code, told in ONLY_R.items():
        r.run(f'saveRDS(list(good = 1, bad = list(2, {code})), "{path}")')
        with pytest.raises(ConversionError, match=r"x\.rds: .*" + told) as caught:
            open_data(path)
        assert caught.value.path == "$.bad[1]" + ".b" * ("x$b" in code)
        assert open_data(path, variable="good") == 1


def test_variables_of_save(r: Session, tmp_path: Path) -> None:
    path = tmp_path / "x.RData"
    r.run(f'a <- 1:3; f <- factor("u"); h <- function() 1; save(a, f, h, file = "{path}")')
    assert open_data(path, variable="a").tolist() == [1, 2, 3]
    assert list(open_data(path, variable="f")) == ["u"]
    with pytest.raises(ConversionError, match="a function"):
        open_data(path)
    with pytest.raises(NotFoundError, match="'a', 'f', 'h'"):
        open_data(path, variable="b")
    save_data({"eeg": MEASURED, "n": 3}, path)
    assert r.eval(f'local({{ load("{path}"); identical(dim(eeg), 2:3) && n == 3 }})')
    assert list(open_data(path)) == ["eeg", "n"]
    with pytest.raises(ConversionError, match="a mapping such as"):
        save_data(MEASURED, path)


if sys.version_info >= (3, 11):  # the package rdata has no older ones

    def test_files_that_r_wrote_elsewhere(tmp_path: Path) -> None:
        """Those of the package rdata: ASCII, native and XDR, versions 2 and 3, compact vectors."""
        import rdata

        found: dict[str, list[Any]] = defaultdict(list)
        for path in sorted((rdata.TESTDATA_PATH / "generated").iterdir()):  # type: ignore[attr-defined]
            try:
                value = open_data(str(path))
            except ConversionError as error:
                value = error.message.partition(": ")[2].partition("/")[0]
            text = "_ascii" * ("__ascii__" in path.name)  # it has one digit less
            found[path.name.partition("__")[0] + text + path.suffix].append(value)
        assert sum(map(len, found.values())) > 400
        for name, values in found.items():
            same = [equal(encode(values[0]), encode(value)) for value in values]
            assert same == [None] * len(values), name
        assert found["test_altrep_compact_intseq.rds"][0].tolist() == list(range(1000))
        assert found["test_dataframe.rda"][0]["test_dataframe"].shape == (3, 2)


def test_integers_that_r_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match=r"9007199254740993 .*at \$\.a\[1\]"):
        save_data({"a": np.array([1, 2**53 + 1])}, tmp_path / "x.rds")
    with pytest.raises(ConversionError, match="parts of a microsecond"):
        save_data(np.array(["2020-01-01T00:00:00.123456789"], "M8[ns]"), tmp_path / "x.rds")


@pytest.mark.parametrize("compress", [True, False])
def test_damaged_files(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "x.rds"
    save_data({"a": np.arange(50.0), "t": VALUES["table"], "m": MEASURED}, path, compress=compress)
    assert damage.cut(path) == []
    damage.flipped(path)


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    head = b"X\n" + struct.pack(">4i", 2, 0, 0, 14)
    path = tmp_path / "x.rds"
    path.write_bytes(head + struct.pack(">iII", -1, 300, 0))  # 1.3e12 doubles
    with pytest.raises(DataError, match="is announced"):
        open_data(path)
    path.write_bytes(gzip.compress(b"X\n" + bytes(50_000_000)))
    with pytest.raises(LimitExceeded, match=r"x\.rds"):
        open_data(path, limit=1_000_000)
