"""DuckDB's own: results as Arrow, tables written without a Python object for each value, and exactly.

Where DuckDB or its library would change a value in silence, it is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from arcuate.connector import DataError
from arcuate.errors import ConversionError

__all__ = ["append", "batches", "row_check"]

_MONTH = dt.timedelta(days=30)
_BY_ARROW = {
    "UHUGEINT": "comes as a negative number",
    "TIME WITH TIME ZONE": "comes without its zone",
    "BIT": "comes as DuckDB keeps it",
}
"""Types whose values Arrow would be given as something else, and as what."""
_ADVICE = "cast it in the query, as text for example"


# --- Rows


def row_check(description: Any) -> Callable[[Sequence[Any]], None] | None:
    """What looks at each row of a result whose types the library may change; ``None``: there are none.

    Raises:
        DataError: nanoseconds, which Python's times have not.
    """
    kinds = [str(column[1]) for column in description]
    names = [str(column[0]) for column in description]
    for name, kind in zip(names, kinds, strict=True):
        if kind == "TIMESTAMP_NS":
            raise DataError(
                f"column {name!r} has nanoseconds, which Python's times have not: use read_arrow, or cast it"
            )
    spans = [i for i, kind in enumerate(kinds) if kind == "INTERVAL"]
    times = [i for i, kind in enumerate(kinds) if kind in ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE")]
    if not (spans or times):
        return None

    ends = (dt.datetime.max, dt.datetime.min)

    def check(row: Sequence[Any]) -> None:
        for i in spans:
            if row[i] is not None and abs(row[i]) >= _MONTH:
                raise DataError(
                    f"column {names[i]!r}: an interval of {row[i].days} days may be one of months, whose "
                    "length is not exact: use read_arrow, or cast it to text"
                )
        for i in times:
            if isinstance(row[i], dt.datetime) and row[i].replace(tzinfo=None) in ends:
                raise DataError(f"column {names[i]!r} holds infinity, or the end of Python's time; {_ADVICE}")

    return check


# --- Arrow


def batches(found: Any, rows: int) -> Iterator[pa.RecordBatch]:
    """The batches of a relation, at least one.

    Raises:
        DataError: Arrow has no such value.
    """
    for name, kind in zip(found.columns, found.types, strict=True):
        if str(kind) in _BY_ARROW:
            raise DataError(f"column {name!r} of the type {kind} {_BY_ARROW[str(kind)]}; {_ADVICE}")
    reader = found.to_arrow_reader(rows)
    empty = True
    try:
        for batch in reader:
            empty = False
            _finite(batch)
            yield batch
        if empty:
            yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    finally:  # as long as it is open, the connection can do nothing else: not even end its transaction
        reader.close()
        del reader


def _finite(batch: pa.RecordBatch) -> None:
    """DuckDB's infinity is the largest number, which Arrow takes for a day as any other."""
    for field, column in zip(batch.schema, batch.columns, strict=True):
        whole = {"timestamp": pa.int64(), "date32": pa.int32()}.get(str(field.type).partition("[")[0])
        if whole is None:
            continue
        ends = pc.min_max(column.view(whole)).as_py()
        most = 2 ** (whole.bit_width - 1) - 1
        if ends["max"] == most or ends["min"] == -most:
            raise DataError(f"column {field.name!r} holds infinity, which Arrow has not; {_ADVICE}")


# --- Writing


def append(raw: Any, target: str, columns: Sequence[str], table: pa.Table) -> int:
    """Writes a table, within the transaction of the connection.

    Args:
        raw: the library's connection.
        target: the table's name, quoted.
        columns: names, quoted.
        table: what is written.

    Raises:
        ConversionError: a column's type would change a value.
    """
    listed = ", ".join(columns)
    raw.register("arcuate_rows", table)
    try:
        _exact(raw, target, columns, table)
        raw.execute(f"INSERT INTO {target} ({listed}) SELECT * FROM arcuate_rows")  # noqa: S608
    finally:
        raw.unregister("arcuate_rows")
    return int(table.num_rows)


def _exact(raw: Any, target: str, columns: Sequence[str], table: pa.Table) -> None:
    """Each value comes back from the type of its column as it was."""
    theirs = _types(raw, f"SELECT {', '.join(columns)} FROM {target}")  # noqa: S608
    own = _types(raw, "SELECT * FROM arcuate_rows")
    for name, quoted, given, kept in zip(table.column_names, columns, own, theirs, strict=True):
        if given == kept:
            continue
        back = f"TRY_CAST(TRY_CAST({quoted} AS {kept}) AS {given})"
        query = f"SELECT count(*) FROM arcuate_rows WHERE {back} IS DISTINCT FROM {quoted}"  # noqa: S608
        ((count,),) = raw.execute(query).fetchall()
        if count:
            raise ConversionError(
                f"column {name!r}: {kept} would change {count} of {table.num_rows} values of {given}: "
                "convert them as you want them"
            )


def _types(raw: Any, query: str) -> Iterable[str]:
    return [str(row[1]) for row in raw.execute(f"DESCRIBE {query}").fetchall()]
