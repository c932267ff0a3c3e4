"""The type table: complete, printable, and strict exactly where it declares a change on the way there."""

from __future__ import annotations

import numpy as np
import pytest
from tests.values.judge import assert_equal, through

from arcuate.errors import ConversionError
from arcuate.values import EncodeOptions, encode, table

ROWS = {f"{row.section}: {row.name}": row for row in table.rows()}
SENT_AS = {
    "python": EncodeOptions(),
    "r": EncodeOptions(order="F", vectors=True),
    "octave": EncodeOptions(order="F", vectors=True),
    "matlab": EncodeOptions(order="F", vectors=True),
}


def test_names_are_unique_and_kinds_complete():
    assert len(ROWS) == len(table.rows())
    sections = {row.section for row in table.rows()}
    assert sections == {
        "null", "bool", "integer", "float", "complex", "text", "bytes", "missing", "list", "mapping",
        "number of a numpy class", "n-d array", "array with missing", "labelled array", "labelled dataset",
        "table", "categorical", "datetime", "date", "duration", "sparse matrix",
    }  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_python_gets_everything_exactly(name):
    row = ROWS[name]
    assert row.trip("python") == table.Trip()
    assert_equal(through(row.example()), table.expected(row, "python"))


@pytest.mark.parametrize("language", ["r", "octave", "matlab"])
@pytest.mark.parametrize("name", ROWS)
def test_strict_refuses_what_arrives_changed_and_nothing_else(name, language):
    row = ROWS[name]
    outcome = row.trip(language).to
    nodes = encode({"x": {"pad": 0.5, "y": row.example()}}, SENT_AS[language])
    if outcome.kind in ("widened", "reshaped"):
        with pytest.raises(ConversionError, match="strict") as caught:
            table.check_strict(nodes, language)
        assert caught.value.path.startswith("$.x.y")
    elif outcome == table.EXACT:
        table.check_strict(nodes, language)


@pytest.mark.parametrize("language", ["r", "octave", "matlab"])
@pytest.mark.parametrize("name", ROWS)
def test_an_exact_row_comes_back_equal(name, language):
    """What comes back exactly has the value that was sent; only hints may differ."""
    row = ROWS[name]
    trip = row.trip(language)
    wanted = table.expected(row, language)
    if trip.to.kind == "error":
        assert wanted is ConversionError
    elif trip.back == table.EXACT and trip.change is not None:
        sent = row.example()
        if hasattr(sent, "toarray"):
            np.testing.assert_array_equal(wanted.toarray(), sent.toarray())
        else:
            assert list(wanted) == list(sent)
    elif trip.back == table.EXACT:
        assert_equal(wanted, row.example())


def test_strict_looks_at_the_values_of_a_request_only():
    message = encode(
        {"op": "call", "id": 7, "name": "f", "args": [0.5], "named": {}, "nargout": 1, "keep": False}
    )
    table.check_strict(message, "octave")
    message = encode({"op": "call", "id": 7, "args": [0.5, {"w": np.zeros(3)}], "named": {}})
    with pytest.raises(ConversionError) as caught:
        table.check_strict(message, "Octave")
    assert caught.value.path == "$.args[1].w"
    message = encode({"op": "set", "id": 7, "name": "x", "value": np.float32(1)})
    with pytest.raises(ConversionError) as caught:
        table.check_strict(message, "R")
    assert caught.value.path == "$.value"


def test_strict_in_r_looks_at_the_numbers():
    for value in (
        [1, 2**31],
        np.array([[-(2**31)]], "i4"),
        np.array(["2020-01-01T00:00:00.000000001"], "M8[ns]"),
        2**31,
    ):
        with pytest.raises(ConversionError, match="strict"):
            table.check_strict(encode(value), "r")
    for value in ([1, 2**31 - 1], np.array([[5]], "i4"), np.array(["2020-01-01"], "M8[ns]"), 2**31 - 1, 0.5):
        table.check_strict(encode(value), "r")


def test_the_table_prints_one_line_per_row():
    text = table.render_markdown()
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| value ")]
    assert len(lines) == len(ROWS)
    assert all(line.count(" | ") == 4 for line in lines)
    assert "widened(double)" in text
