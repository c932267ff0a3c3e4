"""Results for people on a terminal."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from rich.console import Console

from arcuate.cli import show


def lines(value: object) -> list[list[str]]:
    """The words of each line of the table that is shown on a terminal of 100 columns."""
    console = Console(file=io.StringIO(), width=100, force_terminal=True, no_color=True, highlight=False)
    table = show._table(value)
    assert table is not None
    console.print(table)
    import re

    text = re.sub(r"\x1b\[[0-9;]*m", "", console.file.getvalue())  # type: ignore[attr-defined]
    return [line.split() for line in text.splitlines() if line.strip()]


def test_table_on_a_terminal() -> None:
    table = pd.DataFrame(
        {
            "f": [1.5, 22.25],
            "nullable": pd.arrays.FloatingArray(np.array([0.0, np.nan]), np.array([True, False])),
            "g": pd.Categorical(["[bold]", None]),
        },
        index=["a", "b"],
    )
    found = lines(table)
    assert found[0] == ["f", "nullable", "g"]
    assert found[2] == ["a", "1.50", "<NA>", "[bold]"]
    assert found[3][:2] == ["b", "22.25"]
    assert found[3][-1] == "<NA>"
    assert found[3][2].lower() == "nan"


def test_long_table_shows_its_ends() -> None:
    found = lines(pd.DataFrame({"n": range(1000)}))
    assert len(found) == 2 + 40 + 1
    assert found[2] == ["0", "0"]
    assert found[-1] == ["999", "999"]


def test_empty_table() -> None:
    assert lines(pd.DataFrame({"a": [], "b": []}))[0] == ["a", "b"]


def test_large_arrays_show_their_ends() -> None:
    assert len(show._brief(np.arange(500.0))) < 120
    assert "..." in show._brief(xr.DataArray(np.arange(500.0)))


def test_plain_text_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    show.show(pd.DataFrame({"a": [1, 2]}))
    show.show(np.float64(0.1))
    show.show({"a": [1, "x"]})
    assert capsys.readouterr().out == "   a\n0  1\n1  2\n0.1\n{'a': [1, 'x']}\n"
