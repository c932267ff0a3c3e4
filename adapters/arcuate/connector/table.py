"""Records of JSON as tables, without changing a value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from arcuate.errors import InvalidArgument

__all__ = ["to_frame", "to_table"]


def _arrow() -> Any:
    try:
        import pyarrow
    except ModuleNotFoundError:
        raise InvalidArgument("a table needs a package; type: pip install 'arcuate[arrow]'") from None
    return pyarrow


def to_table(records: list[Any], schema: Any, bad: Callable[[str], Exception]) -> Any:
    """Records as a table; a key that a record lacks is a missing value.

    Args:
        records: mappings.
        schema: types, or ``None``.
        bad: makes the error.
    """
    pa = _arrow()
    names: dict[str, None] = dict.fromkeys(schema.names) if schema is not None else {}
    for place, one in enumerate(records):
        if not isinstance(one, Mapping):
            raise bad(f"has a {type(one).__name__} where a record is expected, at {place}")
        if schema is None:
            names.update(dict.fromkeys(one))
    columns = {}
    for name in names:
        values = [one.get(name) for one in records]
        wanted = schema.field(name).type if schema is not None else None
        try:
            columns[name] = _column(pa, values, wanted)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            kind = "no common type" if wanted is None else f"another type than {wanted}"
            raise bad(f"has values of {kind} in the column {name!r}: {error}") from None
    if schema is not None:
        return pa.table(columns, schema=schema)
    return pa.table(columns)


def _column(pa: Any, values: list[Any], wanted: Any) -> Any:
    from arcuate.connector.fitting import fit

    if wanted is not None:
        fit(values, wanted, json=True)
        return pa.array(values, type=wanted)
    found = pa.array(values)
    fit(values, found.type, json=True)
    return found


def to_frame(table: Any) -> Any:
    """A table as a frame. A column of numbers or booleans with missing values has pandas' nullable type."""
    import pandas as pd

    from arcuate.connector.tables import NULLABLE, holes

    pa = _arrow()
    nullable = {
        **NULLABLE,
        pa.float32(): pd.Float32Dtype(),
        pa.float64(): pd.Float64Dtype(),
    }  # JSON has no NaN
    series = {}
    for name in table.column_names:
        column = table.column(name)
        if holes(column):
            series[name] = pd.Series(column.to_pylist(), dtype=object)
        else:
            series[name] = column.to_pandas(types_mapper=nullable.get if column.null_count else None)
    return pd.DataFrame(series, columns=table.column_names)
