"""PostgreSQL's own: the types of a result, reading by ADBC, writing by COPY."""

from __future__ import annotations

import datetime as dt
import importlib.util
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from psycopg import pq, sql
from psycopg.types.string import TextLoader

from arcuate.connector import DataError
from arcuate.connector.tables import decimal_of
from arcuate.errors import ConversionError
from arcuate.sql.statements import bound

__all__ = [
    "ADBC_ERRORS",
    "address_of",
    "copy_in",
    "has_adbc",
    "is_as_new",
    "json_as_text",
    "noted",
    "read_adbc",
    "schema_of",
    "types_of",
]

_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "oid": pa.int64(),
    "float4": pa.float32(),
    "float8": pa.float64(),
    "text": pa.string(),
    "varchar": pa.string(),
    "bpchar": pa.string(),
    "name": pa.string(),
    "bytea": pa.binary(),
    "date": pa.date32(),
    "time": pa.time64("us"),
    "timestamp": pa.timestamp("us"),
    "timestamptz": pa.timestamp("us", "UTC"),
    "interval": pa.duration("us"),
    "json": pa.string(),
    "jsonb": pa.string(),
}
_BY_ADBC = {
    *("bool", "int2", "int4", "int8", "float4", "float8", "text", "varchar", "bpchar", "bytea", "date"),
    *("timestamp", "timestamptz", "numeric"),
}
"""What ADBC gives exactly; a numeric as text, from which a decimal is made here."""
_HEADER = 4  # PostgreSQL counts it into a type's modifier


def _name(oid: int) -> tuple[str, bool]:
    """The name of a type, and whether it is an array of that type."""
    found = psycopg.postgres.types.get(oid)
    return ("", False) if found is None else (found.name, oid == found.array_oid)


def _type(oid: int, modifier: int) -> pa.DataType | None:
    name, array = _name(oid)
    kind = _TYPES.get(name)
    if name == "numeric" and modifier >= _HEADER:
        kind = decimal_of((modifier - _HEADER) >> 16, (modifier - _HEADER) & 0x7FF)
    return pa.list_(kind) if array and kind is not None else kind


@contextmanager
def json_as_text(connection: sa.Connection) -> Iterator[None]:
    """What is carried out inside gives JSON as it is written."""
    adapters = connection.connection.driver_connection.adapters  # type: ignore[union-attr]
    kinds = [psycopg.postgres.types[name].oid for name in ("json", "jsonb")]
    before = [adapters.get_loader(kind, pq.Format.TEXT) for kind in kinds]
    for kind in kinds:
        adapters.register_loader(kind, TextLoader)
    try:
        yield
    finally:
        for kind, loader in zip(kinds, before, strict=True):
            adapters.register_loader(kind, loader)


def types_of(description: Any) -> list[pa.DataType | None]:
    """The Arrow types of a result that psycopg describes; ``None``: only its values say."""
    return [_type(one.type_code, _modifier(one)) for one in description]


def _modifier(column: Any) -> int:
    if column.precision is None:
        return -1
    return int((column.precision << 16 | (column.scale or 0)) + _HEADER)


def schema_of(connection: sa.Connection, statement: str) -> pa.Schema | None:
    """The schema of a statement's result where ADBC gives all of it exactly; it is not carried out."""
    raw: Any = connection.connection.driver_connection
    link = raw.pgconn
    if link.prepare(b"", statement.encode()).status != pq.ExecStatus.COMMAND_OK:
        return None
    told = link.describe_prepared(b"")
    if told.status != pq.ExecStatus.COMMAND_OK or not told.nfields:
        return None
    fields = []
    for i in range(told.nfields):
        kind = _type(told.ftype(i), told.fmod(i))
        name, array = _name(told.ftype(i))
        if kind is None or array or name not in _BY_ADBC:
            return None
        fields.append(pa.field((told.fname(i) or b"").decode(), kind))
    return pa.schema(fields)


_SET = "arcuate_set"
_SETS = re.compile(
    r"(?:^|;)(?:\s|/\*.*?\*/|--[^\n]*\n)*(?:do|call|set(?!\s+(?:local|transaction|constraints)\b))\b"
    r"|\bset_config\b",
    re.IGNORECASE | re.DOTALL,
)
_AS_NEW = r"""SELECT pg_my_temp_schema() = 0 AND current_user = session_user AND NOT EXISTS (
    SELECT FROM pg_settings WHERE source = 'session' AND name NOT LIKE 'transaction\_%')"""


def is_as_new(connection: sa.Connection) -> bool:
    """Whether another connection sees the same: there are no temporary tables, and nothing was SET."""
    if _SET in connection.info:
        return False
    raw: Any = connection.connection.driver_connection
    return bool(raw.execute(_AS_NEW).fetchone()[0])


def noted(engine: sa.Engine) -> None:
    """Remembers of a connection that something was SET: PostgreSQL does not list a program's own settings."""

    @sa.event.listens_for(engine, "before_cursor_execute")
    def _(connection: sa.Connection, _cursor: Any, statement: str, *_: Any) -> None:
        if _SETS.search(statement):
            connection.info[_SET] = True


def has_adbc() -> bool:
    """Whether its library is installed."""
    return importlib.util.find_spec("adbc_driver_postgresql") is not None


def _errors() -> tuple[type[Exception], ...]:
    if not has_adbc():
        return ()
    import adbc_driver_manager

    return (adbc_driver_manager.Error,)


ADBC_ERRORS = _errors()


def address_of(url: sa.URL, arguments: dict[str, Any]) -> str:
    """The same server, user and waits for libpq, which ADBC uses too."""
    told = url.translate_connect_args(username="user", database="dbname")
    return psycopg.conninfo.make_conninfo("", **{**dict(url.query), **told, **arguments})


def read_adbc(address: str, statement: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Batches of a result; each is given before the next is fetched.

    Raises:
        DataError: a number has no decimal, such as a numeric that is NaN.
    """
    from adbc_driver_postgresql import dbapi

    with closing(dbapi.connect(address)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
        cursor.execute(statement)
        with cursor.fetch_record_batch() as reader:
            for batch in _saying(reader):
                columns = [_as(column, field) for column, field in zip(batch.columns, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(columns, schema=schema)


def _saying(reader: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """What fails while batches are fetched comes as an error of Arrow, with PostgreSQL's words in it."""
    try:
        yield from reader
    except (pa.ArrowException, OSError) as error:
        said = str(error).partition("ERROR:  ")[2] or str(error)
        raise psycopg.DatabaseError(said) from error


_EARLIEST = {"timestamp": (pa.int64(), -3 * 10**17), "date32": (pa.int32(), -3 * 10**6)}
"""Before PostgreSQL's first day; ADBC takes infinity for a day before it."""


def _as(column: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    whole, earliest = _EARLIEST.get(str(column.type).partition("[")[0], (None, 0))
    if whole is not None:
        first = pc.min(column.view(whole)).as_py()
        if first is not None and first < earliest:
            raise DataError(f"column {field.name!r} holds infinity, which Arrow has not; cast it to text")
    if column.type == field.type:
        return column
    try:
        return column.cast(field.type)
    except pa.ArrowException as error:
        raise DataError(f"column {field.name!r} is no Arrow column of {field.type}: {error}") from error


def copy_in(connection: sa.Connection, table: list[str], names: list[str], rows: Iterable[Any]) -> int:
    """Writes rows by COPY, within the transaction of the connection.

    Raises:
        ConversionError: a column of another type would take a part of a value only.
    """
    raw: Any = connection.connection.driver_connection
    target = sql.Identifier(*table)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        target, sql.SQL(", ").join(map(sql.Identifier, names))
    )
    count = 0
    with raw.cursor() as cursor:
        kinds = {
            name: _name(oid)[0] for name, oid in cursor.execute(_KINDS, (target.as_string(raw),)).fetchall()
        }
        partial = [(i, name, kinds.get(name, "")) for i, name in enumerate(names)]
        partial = [one for one in partial if one[2] in _PARTIAL]
        with cursor.copy(statement) as copy:
            for row in rows:
                values = [bound(value, "postgresql") for value in row]
                for i, name, kind in partial:
                    _whole(name, kind, values[i])
                copy.write_row(values)
                count += 1
    return count


_KINDS = """SELECT attname, CASE typtype WHEN 'd' THEN typbasetype ELSE atttypid END
    FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"""
_BYTES = (bytes, bytearray, memoryview)
_PARTIAL: dict[str, Callable[[Any], bool]] = {
    "date": lambda one: isinstance(one, dt.datetime) and (one.time() != dt.time() or one.tzinfo is not None),
    "time": lambda one: isinstance(one, dt.datetime) or (isinstance(one, dt.time) and one.tzinfo is not None),
    "timestamp": lambda one: isinstance(one, dt.datetime) and one.tzinfo is not None,
    **dict.fromkeys(("text", "varchar", "bpchar", "name"), lambda one: isinstance(one, _BYTES)),
}
"""By type: values of whose text PostgreSQL would leave a part out (a zone, a day), or keep an escape."""


def _whole(name: str, kind: str, value: Any) -> None:
    if isinstance(value, (list, tuple)):
        for one in value:
            _whole(name, kind, one)
    elif _PARTIAL[kind](value):
        raise ConversionError(
            f"column {name!r} of the type {kind} would not keep all of a {type(value).__name__} (its zone, "
            "its date or time of day, that it is bytes): convert it as you want it"
        )
