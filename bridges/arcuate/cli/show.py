"""Results for people: on a terminal with rich, plain text in a pipe."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from typing import Any

from arcuate.errors import Unsupported

__all__ = ["deliver", "show"]

_ROWS = 40


def deliver(value: Any, *, as_json: bool, output: str | None, strict: bool = False) -> None:
    """Prints a result, or writes it to a file.

    Args:
        value: the result.
        as_json: print it as JSON without loss.
        output: write it to this file instead.
        strict: what the file cannot keep is an error.
    """
    from arcuate.client.remote import is_remote

    if is_remote(value) and (as_json or output):
        raise Unsupported(
            f"the result is an object that lives in {value._arcuate[0].info['language']} ({value._class}), "
            "no value; leave --json and -o out to see it, or call something that returns a part of it"
        )
    if output:
        _save(value, output, strict)
    if as_json:
        from arcuate.jsonform import dumps

        print(dumps(value))
    elif not output:
        show(value)


def _save(value: Any, output: str, strict: bool) -> None:
    from arcuate.cli import files

    lost: list[str] = []
    if strict:  # seen elsewhere first: what is there already is to stay
        with contextlib.suppress(Unsupported), tempfile.TemporaryDirectory(prefix="arcuate-") as folder:
            lost = files.write(value, os.path.join(folder, os.path.basename(output)))
    if lost:
        raise Unsupported(f"{'; '.join(lost)}. With --strict that is an error, and {output} was not written")
    for sentence in files.write(value, output):
        print(f"note: {sentence}", file=sys.stderr)


def show(value: Any) -> None:
    """Prints a result as a person reads it; nothing for ``None``."""
    if value is None:
        return
    if isinstance(value, str):
        print(value)
        return
    from rich.console import Console

    console = Console(soft_wrap=not sys.stdout.isatty())
    if not console.is_terminal:
        print(_text(value))
        return
    table = _table(value)
    wide = console.options.update(max_width=10_000)  # a number that is cut short would be another number
    if table is not None and console.measure(table, options=wide).maximum <= console.width:
        console.print(table)
        if table.row_count < len(value):
            console.print(f"{len(value):,} rows x {value.shape[1]:,} columns", style="dim")
        return
    if isinstance(value, (dict, list, tuple)) and not hasattr(value, "shape"):
        from rich.pretty import Pretty

        console.print(Pretty(value, max_length=100))
        return
    console.print(_brief(value), markup=False, highlight=False)


def _brief(value: Any) -> str:
    """The text for a terminal: large arrays with their ends only."""
    numpy = sys.modules.get("numpy")
    if numpy is None:
        return _text(value)
    with numpy.printoptions(threshold=100, edgeitems=5):
        return _text(value)


def _text(value: Any) -> str:
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "to_string"):
        width = {"line_width": shutil.get_terminal_size().columns} if hasattr(value, "columns") else {}
        return str(value.to_string(max_rows=_ROWS, **(width if sys.stdout.isatty() else {})))
    from arcuate.client.remote import is_remote

    if is_remote(value):
        return repr(value)
    if type(value).__module__ == "numpy":
        return str(value)
    return repr(value)


def _table(value: Any) -> Any:
    """A table for the terminal, ``None`` for what is no table."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not isinstance(value, pandas.DataFrame):
        return None
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cut = len(value) > _ROWS
    shown = pandas.concat([value.head(_ROWS // 2), value.tail(_ROWS // 2)]) if cut else value
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(str(value.index.name or ""), style="dim", no_wrap=True)
    for name, dtype in zip(value.columns, value.dtypes, strict=True):
        numeric = pandas.api.types.is_numeric_dtype(dtype)
        table.add_column(str(name), justify="right" if numeric else "left", no_wrap=True)
    columns = [_cells(shown.iloc[:, at]) for at in range(shown.shape[1])]
    for number, label in enumerate(shown.index):
        if cut and number == _ROWS // 2:
            table.add_row(*["..."] * (value.shape[1] + 1))
        table.add_row(Text(str(label)), *[Text(column[number]) for column in columns])
    return table


def _cells(column: Any) -> list[str]:
    """The texts of a column: floats with the same decimals; NA is told apart from NaN."""
    if not len(column):
        return []
    if column.dtype.kind == "f":
        lines = column.to_string(index=False, header=False).split("\n")
        return [line.strip() for line in lines]
    gone = column.isna()
    return ["<NA>" if missing else str(item) for item, missing in zip(column, gone, strict=True)]
