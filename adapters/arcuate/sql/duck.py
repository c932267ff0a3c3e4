"""DuckDB's own: results as Arrow, tables written without a Python object for each value, and exactly.

Where DuckDB or its library would change a value in silence, it is refused.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from arcuate.connector import DataError
from arcuate.connector.tables import within
from arcuate.errors import ConversionError

__all__ = ["append", "batches", "row_check"]

_MONTH = dt.timedelta(days=30)
_ENDS = (dt.datetime.max, dt.datetime.min)
_DAY = 86_400_000_000  # microseconds
_BY_ARROW = {
    "UHUGEINT": "comes as a negative number",
    "TIME WITH TIME ZONE": "comes without its zone",
    "BIT": "comes as DuckDB keeps it",
    "BIGNUM": "comes as DuckDB keeps it",
}
"""Types whose values Arrow would be given as something else, and as what."""
_ADVICE = "cast it in the query, as text for example"


# --- Rows


def row_check(description: Any) -> Callable[[Sequence[Any]], None] | None:
    """What looks at each row of a result whose types the library may change; ``None``: there are none.

    Raises:
        DataError: nanoseconds, which Python's times have not.
    """
    names, found = [str(column[0]) for column in description], []
    for i, (name, kind, *_) in enumerate(description):
        inside = set(_kinds(kind))
        if "TIMESTAMP_NS" in inside:
            why = "has nanoseconds, which Python's times have not"
            raise DataError(f"column {name!r} {why}: use read_arrow, or cast it to text")
        if any(one.startswith(("INTERVAL", "TIMESTAMP")) for one in inside):
            found.append(i)
    if not found:
        return None

    def check(row: Sequence[Any]) -> None:
        for i in found:
            for value in _values(row[i]):
                if isinstance(value, dt.timedelta) and abs(value) >= _MONTH:
                    raise DataError(
                        f"column {names[i]!r}: an interval of {value.days} days may be one of months, whose "
                        "length is not exact: use read_arrow, or cast it to text"
                    )
                if isinstance(value, dt.datetime) and value.replace(tzinfo=None) in _ENDS:
                    raise DataError(
                        f"column {names[i]!r} holds infinity, or the end of Python's time; {_ADVICE}"
                    )

    return check


def _kinds(kind: Any) -> Iterator[str]:
    """The name of a type, and of those that are within it."""
    yield str(kind)
    if kind.id in ("list", "array", "struct", "map", "union"):
        for _, one in kind.children:
            if hasattr(one, "id"):  # not the size of an array
                yield from _kinds(one)


def _values(value: Any) -> Iterator[Any]:
    """What is within lists and mappings."""
    if isinstance(value, dict):
        for one in (*value, *value.values()):
            yield from _values(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _values(one)
    else:
        yield value


# --- Arrow


def batches(found: Any, rows: int) -> Generator[pa.RecordBatch, None, None]:
    """The batches of a relation, at least one.

    Raises:
        DataError: Arrow has no such value.
    """
    for name, kind in zip(found.columns, found.types, strict=True):
        for one in _kinds(kind):
            if one in _BY_ARROW:
                raise DataError(f"column {name!r} of the type {kind} {_BY_ARROW[one]}; {_ADVICE}")
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
    """DuckDB's infinity is the largest number, which Arrow takes for a day; its day has a 24:00."""
    for field, column in zip(batch.schema, batch.columns, strict=True):
        for leaf in _leaves(column):
            kind = str(leaf.type).partition("[")[0]
            whole = pa.int32() if kind == "date32" else pa.int64()
            most = _DAY - 1 if kind == "time64" else 2 ** (whole.bit_width - 1) - 2
            if kind not in ("timestamp", "date32", "time64"):
                continue
            ends = pc.min_max(leaf.view(whole)).as_py()
            if ends["max"] is not None and (ends["max"] > most or ends["min"] < -most):
                what = "24:00" if kind == "time64" else "infinity"
                raise DataError(f"column {field.name!r} holds {what}, which Arrow has not; {_ADVICE}")


def _leaves(column: pa.Array) -> Iterator[pa.Array]:
    """The arrays of which a nested one is made in the end."""
    inner = within(column)
    for one in inner:
        yield from _leaves(one)
    if not inner:
        yield column


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
        with suppress(duckdb.TransactionException):  # an error ended the transaction, and this with it
            raw.unregister("arcuate_rows")
    return int(table.num_rows)


def _exact(raw: Any, target: str, columns: Sequence[str], table: pa.Table) -> None:
    """Each value comes back from the type of its column as it was."""
    theirs = _types(raw, f"SELECT {', '.join(columns)} FROM {target}")  # noqa: S608
    own = _types(raw, "SELECT * FROM arcuate_rows")
    for name, quoted, given, kept in zip(table.column_names, columns, own, theirs, strict=True):
        if given == kept:
            continue
        if "ZONE" in given and "ZONE" not in kept:
            raise ConversionError(f"column {name!r}: {kept} keeps no zone: convert it as you want it")
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
