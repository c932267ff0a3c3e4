"""PostgreSQL's own: the types of a result, reading by ADBC, writing by COPY."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from psycopg import pq, sql
from psycopg.types.string import TextLoader

from arcuate.connector import DataError
from arcuate.connector.tables import decimal_of
from arcuate.sql.kept import HEADER, chosen, look, of_postgresql
from arcuate.sql.limits import Running, interruptible
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


def _name(oid: int) -> tuple[str, bool]:
    """The name of a type, and whether it is an array of that type."""
    found = psycopg.postgres.types.get(oid)
    return ("", False) if found is None else (found.name, oid == found.array_oid)


def _type(oid: int, modifier: int) -> pa.DataType | None:
    name, array = _name(oid)
    kind = _TYPES.get(name)
    if name == "numeric" and modifier >= HEADER:
        kind = decimal_of((modifier - HEADER) >> 16, (modifier - HEADER) & 0x7FF)
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
    return int((column.precision << 16 | (column.scale or 0)) + HEADER)


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


def read_adbc(address: str, statement: str, schema: pa.Schema, running: Running) -> Iterator[pa.RecordBatch]:
    """Batches of a result, at least one; each is given before the next is fetched.

    Raises:
        DataError: a number has no decimal, such as a numeric that is NaN.
    """
    from adbc_driver_postgresql import dbapi

    with (
        closing(dbapi.connect(address)) as connection,
        running.one(connection.adbc_cancel, statement=False),
        closing(connection.cursor()) as cursor,
    ):

        def fetched() -> Generator[pa.RecordBatch, None, None]:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(statement)
            with cursor.fetch_record_batch() as reader:
                yield from _saying(reader)

        empty = True
        with closing(interruptible(fetched(), connection.adbc_cancel)) as batches:
            for batch in batches:
                columns = [_as(column, field) for column, field in zip(batch.columns, schema, strict=True)]
                empty = False
                yield pa.RecordBatch.from_arrays(columns, schema=schema)
        if empty:
            yield pa.RecordBatch.from_pylist([], schema=schema)


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


def copy_in(connection: sa.Connection, table: list[str], names: list[str], rows: Iterator[Any]) -> int:
    """Writes rows by COPY, within the transaction of the connection.

    Raises:
        ConversionError: a column would keep a part of a value only.
    """
    raw: Any = connection.connection.driver_connection
    target = sql.Identifier(*table)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        target, sql.SQL(", ").join(map(sql.Identifier, names))
    )
    count = 0
    with raw.cursor() as cursor:
        found: dict[str, tuple[str, Any]] = {}
        quoted = (target.as_string(raw),)
        kinds = cursor.execute(_KINDS, quoted).fetchall()
        if not all(_name(oid)[0] for _, _, oid, *_ in kinds):
            kinds = cursor.execute(_INNER, quoted).fetchall()
        for name, kind, oid, modifier, _ in kinds:
            found[name] = (kind, of_postgresql(_name(oid)[0], modifier))
        columns = chosen((name, *found.get(name, ("", None))) for name in names)
        with cursor.copy(statement) as copy:
            while chunk := [[bound(value, "postgresql") for value in row] for row in islice(rows, 1000)]:
                look(columns, chunk)
                for row in chunk:
                    copy.write_row(row)
                count += len(chunk)
    return count


_KINDS = """SELECT attname, format_type(atttypid, atttypmod), atttypid, atttypmod, 0 FROM pg_attribute
    WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"""
_INNER = f"""WITH RECURSIVE kinds(name, kind, oid, modifier, level) AS ({_KINDS}
    UNION ALL
        SELECT name, kind, CASE typtype WHEN 'd' THEN typbasetype ELSE typelem END,
            CASE typtype WHEN 'd' THEN typtypmod ELSE modifier END, level + 1
        FROM kinds JOIN pg_type ON pg_type.oid = kinds.oid
        WHERE typtype = 'd' OR (typcategory = 'A' AND typelem <> 0)
    ) SELECT * FROM kinds ORDER BY level"""  # noqa: S608
"""Domains and arrays last as what they are of in the end; asked for only where a type is not built in."""
