"""Results for people: on a terminal with rich, plain text in a pipe."""

from __future__ import annotations

import sys
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
        from arcuate.cli.jsonform import dumps

        print(dumps(value))
    elif not output:
        show(value)


def _save(value: Any, output: str, strict: bool) -> None:
    from arcuate.cli import files

    lost = files.write(value, output)
    if lost and strict:
        import os

        os.unlink(output)
        raise Unsupported(f"{'; '.join(lost)}. With --strict that is an error, and {output} was not kept")
    for sentence in lost:
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
    if table is not None:
        console.print(table)
        return
    if isinstance(value, (dict, list, tuple)) and not hasattr(value, "shape"):
        from rich.pretty import Pretty

        console.print(Pretty(value, max_length=100))
        return
    console.print(_text(value), markup=False)


def _text(value: Any) -> str:
    if type(value).__module__.partition(".")[0] == "pandas" and hasattr(value, "to_string"):
        return str(value.to_string(max_rows=_ROWS))
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

    shown = value if len(value) <= _ROWS else pandas.concat([value.head(_ROWS // 2), value.tail(_ROWS // 2)])
    caption = f"{len(value):,} rows x {value.shape[1]:,} columns"
    table = Table(box=box.SIMPLE_HEAD, caption=caption if len(shown) < len(value) else None)
    table.add_column(str(value.index.name or ""), style="dim")
    texts = [one.split("\0") for one in _columns(shown)]
    for name, dtype in zip(value.columns, value.dtypes, strict=True):
        numeric = pandas.api.types.is_numeric_dtype(dtype)
        table.add_column(str(name), justify="right" if numeric else "left", no_wrap=numeric)
    for number, label in enumerate(shown.index):
        if len(shown) < len(value) and number == _ROWS // 2:
            table.add_row(*["..."] * (value.shape[1] + 1))
        table.add_row(Text(str(label)), *[Text(column[number]) for column in texts])
    return table


def _columns(shown: Any) -> list[str]:
    """The texts of each column, joined by NUL: numbers of one column with the same decimals."""
    found = []
    for at in range(shown.shape[1]):
        column = shown.iloc[:, at]
        if column.dtype.kind == "f":
            found.append(
                "\0".join(line.strip() for line in column.to_string(index=False, header=False).split("\n"))
            )
        else:
            found.append("\0".join(str(item).replace("\0", "") for item in column))
    return found
