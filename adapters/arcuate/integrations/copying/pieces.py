"""Pieces of what travels: record batches of tables, and any other value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from arcuate.connector.table import to_table
from arcuate.errors import ConversionError, InvalidArgument

__all__ = ["after", "is_table", "of_records", "rows_in", "tables"]


def is_table(piece: Any) -> bool:
    """Whether a piece has rows and columns."""
    return isinstance(piece, (pa.Table, pa.RecordBatch)) or type(piece).__name__ == "DataFrame"


def rows_in(piece: Any) -> int:
    """How many rows a piece has; 0 for what is no table."""
    if isinstance(piece, (pa.Table, pa.RecordBatch)):
        return int(piece.num_rows)
    return len(piece) if is_table(piece) else 0


def tables(
    pieces: Iterable[Any], where: str, *, tidy: bool = False, lost: list[str] | None = None
) -> Iterator[pa.Table]:
    """Each piece as an Arrow table.

    Args:
        pieces: what comes.
        where: the target, for errors.
        tidy: a labelled array becomes a table with a row for each element, one column for each coordinate.
        lost: gets what a tidy table does not say.

    Raises:
        ConversionError: a piece is no table.
    """
    from arcuate.connector.tables import columns_of

    for piece in pieces:
        value = piece
        if tidy and hasattr(value, "to_dataframe"):
            parts = {**value.coords, **getattr(value, "data_vars", {})}
            named = [str(key) for key in value.attrs]
            named += [f"{key} of {name}" for name, one in parts.items() for key in one.attrs]
            if lost is not None and named:
                told = f"the attributes {', '.join(named)} are in no column"
                lost += [told] if told not in lost else []
            value = _tidy(value)
        if isinstance(value, (list, tuple)) and value and all(isinstance(one, dict) for one in value):
            value = of_records(value, where)
        if isinstance(value, dict) and value and all(is_table(one) for one in value.values()):
            raise InvalidArgument(
                f"there are several tables: {', '.join(map(repr, value))}; choose one with 'variable'"
            )
        found = columns_of(_with_index(value) if type(value).__name__ == "DataFrame" else value)
        if found is None:
            more = "; with tidy=True it becomes a row for each element" if hasattr(value, "dims") else ""
            raise ConversionError(f"{where} takes tables, and a {type(value).__name__} is none{more}")
        yield found


def _with_index(value: Any) -> Any:
    """A table of pandas whose index, unless it is 0, 1, 2, ..., is a column."""
    if value.index.names == [None] and value.index.equals(type(value)(index=range(len(value))).index):
        return value
    try:
        return value.reset_index()
    except ValueError as error:  # there is such a column
        raise ConversionError(f"the index of the table is no column of its own: {error}") from None


def _tidy(value: Any) -> Any:
    sizes = dict(value.sizes)
    whole = getattr(value, "data_vars", None) or {"": value}
    if not any(set(one.dims) == set(sizes) for one in whole.values()):  # each would stand there many times
        raise ConversionError(
            f"{', '.join(map(repr, whole))} have no dimensions in common, and one table for all would repeat "
            "each value; choose one with 'variable'"
        )
    if hasattr(value, "name") and not hasattr(value, "data_vars"):
        value = value if value.name is not None else value.rename("value")
        lost = [
            name
            for name, one in value.coords.items()
            if one.dims not in ((), *((dim,) for dim in value.dims))
        ]
        if lost:
            raise ConversionError(
                f"the coordinate {lost[0]!r} has several dimensions and is no column of its own"
            )
    frame = value.to_dataframe()
    return frame.reset_index() if frame.index.names != [None] else frame


def of_records(records: Sequence[Any], where: str) -> pa.Table:
    """Mappings with the same fields as a table, no value of which is changed.

    Raises:
        ConversionError: their fields differ, or a field has values of no common type.
    """
    names = list(records[0])
    if any(set(one) != set(names) for one in records):
        raise ConversionError(f"{where} takes tables, and these records have different fields")
    return to_table(
        list(records),
        None,
        lambda what: ConversionError(f"these records are no table for {where}: it {what}"),
    )


def after(table: pa.Table, key: str, last: Any, before: Any = None) -> pa.Table:
    """The rows after a value of a column, in its order.

    Args:
        table: a piece.
        key: the column.
        last: rows up to this value are in the target already; ``None``: none is.
        before: the last value of the piece before; ``None``: this is the first.

    Raises:
        InvalidArgument: there is no such column, it has missing values, or does not grow.
    """
    if key not in table.column_names:
        raise InvalidArgument(f"there is no column {key!r}; there are {', '.join(table.column_names)}")
    column = table.column(key)
    if not table.num_rows:
        return table
    if column.null_count:
        raise InvalidArgument(f"the column {key!r} has missing values and cannot be the key of a copy")
    grows = len(column) < 2 or pc.all(pc.less(column[:-1], column[1:])).as_py()
    if not grows or (before is not None and not before < column[0].as_py()):
        raise InvalidArgument(
            f"the column {key!r} does not grow from row to row and cannot be the key of a copy"
        )
    return table if last is None else table.filter(pc.greater(column, _bound(last, column.type, key)))


def _bound(last: Any, kind: pa.DataType, key: str) -> pa.Scalar:
    """The largest key of the target as in the source; SQLite has texts for times, and numbers for bools."""
    try:
        return pa.scalar(last, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        pass
    try:
        return pa.scalar(last).cast(kind)
    except pa.ArrowException as error:
        raise InvalidArgument(
            f"the largest {key!r} of the target is {last!r}, which is no {kind} as in the source ({error}); "
            "choose a key of the same type on both sides"
        ) from None
