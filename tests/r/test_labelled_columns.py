"""What packages for survey data note of the columns of a data frame: labels, codes, units."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from arcuate.client import Remote, Session

# As haven reads a file of SPSS; judged by R's own identical() on every column.
FRAME = """
d <- data.frame(sex = c(1, 2, NA), group = factor(c("x", "y", NA)), day = as.Date("2026-01-01") + 0:2,
    name = c("u", "v", NA), n = 1:3,
    at = as.POSIXct("2026-01-01", tz = "UTC") + 1:3, row.names = c("p", "q", "r"))
d$sex <- structure(d$sex, label = "Sex", labels = c(male = 1, female = 2), format.spss = "F8.0",
    class = c("haven_labelled", "vctrs_vctr", "double"))
for (key in c("group", "day", "name", "n", "at")) attr(d[[key]], "label") <- paste("about", key)
d$hmisc <- structure(4:6, label = "Weight", units = "kg", class = c("labelled", "integer"))
d$plain <- 7:9
"""


def test_labels_of_columns_travel_and_come_back(r: Session) -> None:
    r.run(FRAME)
    frame = r["d"]
    assert list(frame.index) == ["p", "q", "r"]
    assert frame["sex"].isna().tolist() == [False, False, True]
    assert frame["group"].dtype == "category"
    notes = frame.attrs["columns"]
    assert notes["sex"] == {
        "label": "Sex",
        "labels": {"male": 1.0, "female": 2.0},
        "format.spss": "F8.0",
        "class": ["haven_labelled", "vctrs_vctr", "double"],
    }
    assert notes["hmisc"] == {"label": "Weight", "units": "kg", "class": ["labelled", "integer"]}
    assert notes["day"] == {"label": "about day"}
    assert "plain" not in notes
    r["e"] = frame
    assert r.eval("all(mapply(identical, d, e))") is True
    r.run('attr(e$day, "label") <- NULL; attr(e$plain, "label") <- "new"')
    again = r["e"]
    pd.testing.assert_frame_equal(again, frame)
    assert "day" not in again.attrs["columns"]
    assert again.attrs["columns"]["plain"] == {"label": "new"}
    assert len(pd.concat([frame, r["d"]])) == 6, "pandas compares what is noted"


def test_without_labels_nothing_is_noted(r: Session) -> None:
    r.run(FRAME)
    frame = r["d"]
    r["e"] = frame
    r.run("e[] <- lapply(e, function(x) { attributes(x) <- NULL; x })")
    assert "columns" not in r["e"].attrs


@pytest.mark.parametrize(
    "notes",
    [{"n": {"class": "factor"}}, {"n": {"dim": 2}}, {"other": {"label": "x"}}, {"n": 3}, "n", {}],
    ids=str,
)
def test_what_would_make_something_else_of_a_column_stays_a_note(r: Session, notes: object) -> None:
    frame = pd.DataFrame({"n": [1.0, 2.0]})
    frame.attrs["columns"] = notes
    r["e"] = frame
    assert r.eval("is.null(attributes(e$n))") is True
    assert r["e"].attrs["columns"] == notes


def test_two_meanings_stay_in_r(r: Session) -> None:
    r.run('x <- data.frame(a = 1:2); attr(x, "columns") <- "mine"; attr(x$a, "label") <- "A"')
    assert "data.frame" in repr(r["x"])
    assert r.eval('attr(x$a, "label")') == "A"


@pytest.mark.parametrize(
    "column", ["ts(1:3)", 'structure(1:3, class = "nobody_knows")', "numeric_version(1:3)"]
)
def test_a_column_of_a_class_that_has_no_value_stays_in_r(r: Session, column: str) -> None:
    r.run(f"x <- data.frame(a = 1:3); x$b <- {column}")
    assert isinstance(r["x"], Remote)
    assert r.call("nrow", r["x"]) == 3


def test_every_data_frame_that_comes_with_r_has_a_value_or_stays_there(r: Session) -> None:
    frames = r.eval("Filter(function(n) is.data.frame(get(n, 'package:datasets')), ls('package:datasets'))")
    kinds = {str(name): type(r.eval(f"datasets::{name}")).__name__ for name in frames}
    assert len(kinds) > 40
    assert set(kinds.values()) == {"DataFrame", "Remote"}
    assert kinds["iris"] == kinds["airquality"] == "DataFrame"
    assert kinds["freeny"] == "Remote"  # it has a time series for a column


def test_a_part_of_the_columns_keeps_its_labels(r: Session) -> None:
    r.run(FRAME)
    part = r["d"][["sex", "n"]]
    r["e"] = part
    assert r.eval("identical(e$sex, d$sex) && identical(e$n, d$n)") is True
    notes = r["e"].attrs["columns"]
    assert set(notes) == set(part.attrs["columns"])
    assert notes["sex"] == part.attrs["columns"]["sex"]
    assert notes["day"] == {"label": "about day"}


def test_a_class_that_comes_as_a_row_of_cells_is_a_class(r: Session) -> None:
    """As Octave gives back a list of texts."""
    frame = pd.DataFrame({"n": [1.0, 2.0]})
    frame.attrs["columns"] = {"n": {"class": np.array([["labelled", "numeric"]])}}
    r["e"] = frame
    assert r.eval('identical(attributes(e$n), list(class = c("labelled", "numeric")))') is True


@pytest.mark.parametrize("name", ["names_of", "dims", "dimension"])
def test_an_attribute_is_not_another_that_its_name_begins_with(r: Session, name: str) -> None:
    """R's own ``$`` and ``attr`` take it for that: the list would arrive as a mapping, or as a cell array."""
    value = r.eval(f"structure(list(1, 2), {name} = 1:2)")
    assert isinstance(value, Remote)
