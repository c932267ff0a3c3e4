"""Rows to Arrow and tables to rows, with NULL beside NaN, decimals and 64-bit integers as they are."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from arcuate.connector.errors import DataError
from arcuate.connector.fitting import fit
from arcuate.errors import InvalidArgument

__all__ = [
    "NULLABLE",
    "batch_of",
    "columns_of",
    "decimal_of",
    "holes",
    "names_of",
    "rows_of",
    "to_pandas",
    "within",
]


def names_of(names: Iterable[str]) -> list[str]:
    """The names of columns; a mapping cannot hold two of the same.

    Raises:
        InvalidArgument: a name is there twice.
    """
    found = list(names)
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise InvalidArgument(f"the result has two columns {twice[0]!r}; name them differently with AS")
    return found


def batch_of(names: list[str], types: Sequence[pa.DataType | None], rows: Sequence[Any]) -> pa.RecordBatch:
    """Rows as a record batch.

    Args:
        names: of the columns.
        types: of the columns; ``None``: what the values say.
        rows: tuples.

    Raises:
        DataError: a value is not of its column's type, or a column holds values of several.
    """
    arrays = []
    columns: Any = zip(*rows, strict=True) if rows else ((),) * len(names)
    for name, kind, column in zip(names, types, columns, strict=True):
        try:
            arrays.append(_array(column, kind))
        except (pa.ArrowException, OverflowError, ValueError, TypeError) as error:
            raise DataError(
                f"column {name!r} is no Arrow column{f' of {kind}' if kind is not None else ''}: {error}; "
                "cast it in the query, as text for example"
            ) from error
    return pa.RecordBatch.from_arrays(arrays, names=names)


def _array(column: Sequence[Any], kind: pa.DataType | None) -> pa.Array:
    if kind is None and any(isinstance(value, (dict, list)) for value in column):
        column = [
            json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value for value in column
        ]
    if kind is None and any(isinstance(value, int) and value >= 2**63 for value in column):
        kind = pa.uint64()
    if kind is None and len({type(value) for value in column} - {type(None)}) > 1:
        found = sorted({type(value).__name__ for value in column} - {"NoneType"})
        raise TypeError(f"it holds values of several types: {', '.join(found)}")
    if kind is not None:
        fit(column, kind)
        return pa.array(column, type=kind, from_pandas=False)
    found = pa.array(column, from_pandas=False)
    fit(column, found.type)
    return found


NULLABLE = {
    **{getattr(pa, f"int{n}")(): getattr(pd, f"Int{n}Dtype")() for n in (8, 16, 32, 64)},
    **{getattr(pa, f"uint{n}")(): getattr(pd, f"UInt{n}Dtype")() for n in (8, 16, 32, 64)},
    pa.bool_(): pd.BooleanDtype(),
}


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A pandas table in which NULL stays apart from NaN and integers beside NULL stay integers.

    Lists are arrays of NumPy, or Python's where one in the column holds NULL, which NumPy has not.

    Raises:
        DataError: pandas has no such column.
    """
    try:
        frame: pd.DataFrame = table.to_pandas(types_mapper=NULLABLE.get, date_as_object=True)
        for name, column in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_floating(column.type):  # pandas' own conversion takes NaN as missing
                values = column.fill_null(0).to_numpy()
                frame[name] = pd.arrays.FloatingArray(values.copy(), column.is_null().to_numpy())
            elif holes(column):
                frame[name] = pd.Series(column.to_pylist(), dtype=object, index=frame.index)
    except (pa.ArrowException, OverflowError, ValueError) as error:
        raise DataError(f"the table is none of pandas': {error}; take it as Arrow, or cast it") from error
    return frame


def within(column: pa.Array) -> list[pa.Array]:
    """The arrays of which a nested one is made; none for others."""
    kind = column.type
    if pa.types.is_map(kind):
        return [column.keys, column.items]
    if pa.types.is_struct(kind):
        return list(column.flatten())
    return [column.flatten()] if pa.types.is_nested(kind) and hasattr(column, "flatten") else []


def holes(column: pa.ChunkedArray) -> bool:
    """Whether a list, a map or a struct in it holds NULL, beside which pandas makes floats of integers."""
    return pa.types.is_nested(column.type) and any(map(_hole, column.chunks))


def _hole(column: pa.Array) -> bool:
    return any(one.null_count > 0 or _hole(one) for one in within(column))


def columns_of(data: Any) -> pa.Table | None:
    """A table as Arrow; ``None``: it is neither of Arrow nor of pandas.

    pandas' own conversion takes NaN of a float column as missing; here it stays NaN.

    Raises:
        InvalidArgument: its index has a name, or a column has no one type.
    """
    if isinstance(data, pa.RecordBatch):
        return pa.Table.from_batches([data])
    if isinstance(data, pa.Table):
        return data
    if not isinstance(data, pd.DataFrame):
        return None
    if data.index.names != [None]:
        raise InvalidArgument(
            f"the index {', '.join(map(str, data.index.names))} of the table is none of its columns, and "
            "would be lost: table.reset_index() makes it one, with drop=True leaves it out"
        )
    arrays = {}
    for i, name in enumerate(names_of(map(str, data.columns))):
        column = data.iloc[:, i]
        plain = isinstance(column.dtype, np.dtype)
        try:
            arrays[name] = (
                pa.array(column.to_numpy(), from_pandas=False)
                if plain and column.dtype.kind in "fiub"
                else pa.array(column, from_pandas=True)
            )
        except pa.ArrowException as error:
            raise InvalidArgument(f"column {name!r} of the table has no one type: {error}") from error
    return pa.table(arrays)


def rows_of(data: Any) -> tuple[list[str], Iterator[tuple[Any, ...]]]:
    """Names and rows of a table (Arrow, pandas) or of mappings with the same keys.

    Raises:
        InvalidArgument: it is none of these, or the mappings' keys differ.
    """
    table = columns_of(data)
    if table is not None:
        return names_of(table.column_names), _of_table(table)
    if isinstance(data, (str, bytes, Mapping)) or not isinstance(data, Iterable):
        raise InvalidArgument(
            f"rows are a table of Arrow or pandas, or mappings one after the other; got {type(data).__name__}"
        )
    iterator = iter(data)
    first = next(iterator, None)
    if first is None:
        return [], iter(())
    if not isinstance(first, Mapping):
        raise InvalidArgument(f"each row is a mapping of column to value; got {type(first).__name__}")
    return list(first), _of_mappings(list(first), first, iterator)


def _of_table(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    for batch in table.to_batches(max_chunksize=16_384):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _of_mappings(
    names: list[str], first: Mapping[str, Any], rest: Iterator[Any]
) -> Iterator[tuple[Any, ...]]:
    yield tuple(first[name] for name in names)
    for number, row in enumerate(rest, start=2):
        if not isinstance(row, Mapping) or set(row) != set(names):
            found = ", ".join(map(str, row)) if isinstance(row, Mapping) else type(row).__name__
            raise InvalidArgument(
                f"row {number} has not the columns of the first ({', '.join(names)}): {found}"
            )
        yield tuple(row[name] for name in names)


def decimal_of(precision: int, scale: int) -> pa.DataType | None:
    """The decimal that holds numeric(precision, scale); ``None``: Arrow has none."""
    if not 0 <= scale <= precision or not 0 < precision <= 76:
        return None
    return pa.decimal128(precision, scale) if precision <= 38 else pa.decimal256(precision, scale)
