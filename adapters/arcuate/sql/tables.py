"""New tables for data that has none yet: for each Arrow type a column that is exact, where there is one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.ipc
import sqlalchemy as sa
from sqlalchemy.dialects import mysql, postgresql

from arcuate.errors import ConversionError

__all__ = ["as_bytes", "columns_for", "described"]

_NAMES = {"postgresql": "PostgreSQL", "mysql": "MariaDB or MySQL", "sqlite": "SQLite", "duckdb": "DuckDB"}


def as_bytes(table: pa.Table) -> bytes:
    """A table as it is kept on disk: with all its types."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def described(table: str) -> tuple[str | None, str]:
    """Schema and name of ``schema.table``."""
    schema, _, name = table.rpartition(".")
    return schema or None, name


def columns_for(schema: pa.Schema, kind: str) -> list[sa.Column[Any]]:
    """The columns of a table that holds what an Arrow schema says.

    Args:
        schema: the names and types; ``not null`` is kept.
        kind: the database.

    Raises:
        ConversionError: the database has no type that holds a column exactly.
    """
    return [sa.Column(field.name, _type(field, kind), nullable=field.nullable) for field in schema]


def _type(field: pa.Field, kind: str) -> Any:
    one = field.type
    if pa.types.is_dictionary(one):  # its labels; that there is a fixed set of them is not kept
        one = one.value_type
    found = _simple(one, kind) or _of_time(one, kind)
    if found is None:
        raise ConversionError(
            f"column {field.name!r}: {_NAMES[kind]} has no type that holds Arrow's {field.type} exactly; "
            f"{_advice(field.type, kind)}"
        )
    return found


def _simple(one: pa.DataType, kind: str) -> Any:
    checks = pa.types
    if checks.is_boolean(one):
        return sa.Boolean()
    if checks.is_integer(one):
        return _integer(one, kind)
    if checks.is_float16(one) or checks.is_float32(one):
        return (
            sa.REAL() if kind in ("postgresql", "duckdb") else sa.Double()
        )  # MySQL's FLOAT shows six digits
    if checks.is_float64(one):
        return sa.Double()
    if checks.is_string(one) or checks.is_large_string(one):
        return mysql.LONGTEXT() if kind == "mysql" else sa.Text()
    if checks.is_binary(one) or checks.is_large_binary(one) or checks.is_fixed_size_binary(one):
        return mysql.LONGBLOB() if kind == "mysql" else sa.LargeBinary()
    if checks.is_decimal(one) and kind != "sqlite":
        most = {"mysql": 65, "duckdb": 38}.get(kind, 76)
        return sa.Numeric(one.precision, one.scale) if one.precision <= most and one.scale >= 0 else None
    if str(one) == "extension<arrow.uuid>" and kind == "postgresql":  # as PostgreSQL's own arrive
        return postgresql.UUID()
    if checks.is_struct(one) and kind == "postgresql":
        return postgresql.JSONB()
    if checks.is_list(one) or checks.is_large_list(one):
        inner = _simple(one.value_type, kind) or _of_time(one.value_type, kind)
        return postgresql.ARRAY(inner) if kind == "postgresql" and inner is not None else None
    return None


def _integer(one: pa.DataType, kind: str) -> Any:
    signed = pa.types.is_signed_integer(one)
    if one.bit_width == 64 and not signed:  # one bit more than their integers
        return (
            mysql.BIGINT(unsigned=True)
            if kind == "mysql"
            else None
            if kind == "sqlite"
            else sa.Numeric(20, 0)
        )
    bits = one.bit_width if signed else 2 * one.bit_width
    return sa.SmallInteger() if bits <= 16 else sa.Integer() if bits <= 32 else sa.BigInteger()


def _of_time(one: pa.DataType, kind: str) -> Any:
    checks = pa.types
    if kind == "sqlite":  # it would be text, and come back as text
        return sa.Text() if checks.is_date32(one) or checks.is_time(one) or checks.is_timestamp(one) else None
    if checks.is_date32(one):
        return sa.Date()
    if checks.is_time(one) and one.unit != "ns":
        return mysql.TIME(fsp=6) if kind == "mysql" else sa.Time()
    if checks.is_timestamp(one) and one.unit != "ns":
        if kind == "mysql":
            return mysql.DATETIME(fsp=6) if one.tz is None else None
        return sa.DateTime(timezone=one.tz is not None)
    if checks.is_duration(one) and one.unit != "ns":
        return sa.Interval() if kind in ("postgresql", "duckdb") else None
    return None


def _advice(one: pa.DataType, kind: str) -> str:
    if pa.types.is_null(one):
        return "it holds no value at all: cast it to the type it should have"
    if getattr(one, "unit", "") == "ns":
        return "cast it to microseconds ('us'), if that loses nothing"
    if pa.types.is_timestamp(one) and kind == "mysql":
        return "convert it to UTC and drop its zone"
    return "cast it, to text for example"
