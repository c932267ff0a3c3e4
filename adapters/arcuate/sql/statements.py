"""Statements and their parameters, which are always bound and never become part of the text.

A sequence fills ``%s`` (as in DB-API's "format": a percent sign is then written ``%%``), a mapping fills
``:name``. Without parameters the text goes to the database as it is.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa

from arcuate.errors import ConversionError, InvalidArgument

__all__ = ["Parameters", "bound", "execute", "format_to_question", "in_transaction", "is_aborted"]

Parameters = Sequence[Any] | Mapping[str, Any] | None
_CAST = re.compile(r"(?<![:\w\\]):\w+(?=::)")  # PostgreSQL's :x::int, which SQLAlchemy takes for no parameter
_IN_TRANSACTION = 1  # of MySQL's protocol: SERVER_STATUS_IN_TRANS
_PERCENT = re.compile(r"%(.?)", re.DOTALL)


def execute(
    connection: sa.Connection, kind: str, sql: str, parameters: Parameters, **options: Any
) -> sa.CursorResult[Any]:
    """Carries one statement out.

    Raises:
        InvalidArgument: statement and parameters do not fit.
        ConversionError: the database has no such value.
    """
    if not isinstance(sql, str):
        raise InvalidArgument(f"a statement is text; got {type(sql).__name__}")
    if parameters is None or (isinstance(parameters, Sequence) and not parameters):
        return connection.exec_driver_sql(sql, execution_options={**options, "no_parameters": True})
    if isinstance(parameters, Mapping):
        clause = sa.text(_CAST.sub(r"\g<0> ", sql))
        needed, given = set(clause._bindparams), set(parameters)
        if needed != given:
            raise InvalidArgument(
                f"the statement has the parameters {_listed(needed)}; given are {_listed(given)}. A "
                "colon that begins no parameter is written \\:"
            )
        values = {name: bound(value, kind, name) for name, value in parameters.items()}
        return connection.execute(clause, values, execution_options=options)
    if isinstance(parameters, (str, bytes)) or not isinstance(parameters, Sequence):
        raise InvalidArgument(
            f"parameters are a tuple, a list or a mapping; got {type(parameters).__name__}; one is written "
            "(x,)"
        )
    row = tuple(bound(value, kind, str(i + 1)) for i, value in enumerate(parameters))
    return connection.exec_driver_sql(in_style(sql, kind, len(row)), row, execution_options=options)


def in_transaction(connection: sa.Connection, kind: str, *, asking: bool = False) -> bool:
    """Whether the database has a transaction open, where an error may end it: in SQLite and MySQL.

    Args:
        connection: that of the transaction.
        kind: the database.
        asking: MySQL says it with its answers, but not with an error; it is asked for an answer.
    """
    if kind not in ("sqlite", "mysql") or connection.invalidated:
        return False
    raw: Any = connection.connection.driver_connection
    if kind == "sqlite":
        return bool(raw.in_transaction)
    if asking:
        try:
            raw.query("DO 0")
        except Exception:
            return False
    return bool(raw.server_status & _IN_TRANSACTION)


def is_aborted(connection: sa.Connection, kind: str) -> bool:
    """Whether an error has made that the database will keep nothing of its transaction."""
    if connection.invalidated:
        return False
    raw: Any = connection.connection.driver_connection
    if kind == "postgresql":
        return bool(raw.info.transaction_status.name == "INERROR")
    if kind == "duckdb":
        try:
            raw.execute("SELECT 1")
        except Exception:
            return True
    return False


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def in_style(sql: str, kind: str, count: int) -> str:
    """The statement as its driver takes it."""
    if kind in ("sqlite", "duckdb"):
        return format_to_question(sql, count)
    _counted(sql, count)
    return sql


def _counted(sql: str, count: int) -> None:
    found = sum(one.group(1) == "s" for one in _PERCENT.finditer(sql))
    wrong = next((one for one in _PERCENT.finditer(sql) if one.group(1) not in ("s", "%")), None)
    if wrong is not None:
        raise InvalidArgument(
            f"'{wrong.group()}' in a statement with parameters: a parameter is %s, a percent sign is %%"
        )
    if found != count:
        raise InvalidArgument(f"the statement has {found} parameters (%s); {count} values are given")


def format_to_question(sql: str, count: int) -> str:
    """``%s`` becomes ``?``, for databases that know no other; their own ``?`` is let through."""
    if "%s" not in sql and "?" in sql:
        return sql
    _counted(sql, count)
    return _PERCENT.sub(lambda one: "?" if one.group(1) == "s" else "%", sql)


def bound(value: Any, kind: str, place: str = "") -> Any:
    """A value as the database's library takes it, unchanged in what it says.

    Raises:
        ConversionError: the database, or JSON, has no such value.
    """
    exact = type(value)
    if exact in _AS_IS[kind] or (exact is str and value.isascii()):
        return value
    value = _native(value, place)
    if value is None:
        return None
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ConversionError(f"parameter {place} has half a surrogate pair: no Unicode") from None
    if isinstance(value, Mapping) or (isinstance(value, (list, tuple)) and kind != "postgresql"):
        try:
            return json.dumps(value, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError) as error:
            raise ConversionError(f"parameter {place} cannot be JSON: {error}") from None
    if kind in ("sqlite", "mysql"):
        value = _plain(value, place)
    if isinstance(value, float) and (
        (kind == "sqlite" and math.isnan(value)) or (kind == "mysql" and not math.isfinite(value))
    ):
        raise ConversionError(
            f"parameter {place}: {value} is no value of {'MySQL' if kind == 'mysql' else 'SQLite'}, which "
            "would store something else; give None for a missing value"
        )
    special = _OWN.get(kind)
    return value if special is None else special(value, place)


_ALL: frozenset[type] = frozenset({type(None), bool, bytes})
_AS_IS = {
    "postgresql": _ALL | {int, float, Decimal, dt.date, dt.datetime, dt.time, dt.timedelta},
    "mysql": _ALL | {int, Decimal, dt.date, dt.timedelta},
    "sqlite": _ALL,
    "duckdb": _ALL | {float, dt.date, dt.datetime, dt.time, dt.timedelta},
}
"""Types of which each value is taken as it is: most values need no further look."""


def _native(value: Any, place: str) -> Any:
    """A scalar of NumPy or pandas as Python's; ``None`` for what is missing."""
    if isinstance(value, (np.datetime64, np.timedelta64)):
        value = pd.Timestamp(value) if isinstance(value, np.datetime64) else pd.Timedelta(value)
    elif isinstance(value, np.generic):
        value = value.item()
    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, (pd.Timestamp, pd.Timedelta)):
        if value.nanosecond if isinstance(value, pd.Timestamp) else value.nanoseconds:
            raise ConversionError(f"parameter {place} has nanoseconds, databases have microseconds")
        return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value.to_pytimedelta()
    return value


def _plain(value: Any, place: str) -> Any:
    """The libraries would send the text of any other object, or its memory; of an enum's number a text."""
    if isinstance(value, memoryview):
        return bytes(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        if not isinstance(value, _TAKEN):
            raise ConversionError(
                f"parameter {place} is a {type(value).__name__}; databases take numbers, texts, bytes, times "
                "and as JSON lists and mappings (of an array x.tolist())"
            )
        return value
    return int(value) if isinstance(value, int) else float(value)


_TAKEN = (bool, str, bytes, bytearray, Decimal, dt.date, dt.time, dt.timedelta, uuid.UUID)


def _for_mysql(value: Any, place: str) -> Any:
    """PyMySQL would leave the zone of a time out."""
    if isinstance(value, (dt.datetime, dt.time)) and value.tzinfo is not None:
        raise ConversionError(
            f"parameter {place} has a zone, which MySQL does not keep; convert it to UTC and drop "
            "the zone: x.astimezone(datetime.timezone.utc).replace(tzinfo=None)"
        )
    return value


def _for_duckdb(value: Any, place: str) -> Any:
    """Larger numbers DuckDB's library would give on as floats."""
    if isinstance(value, Decimal) and value.is_finite():
        _, digits, exponent = value.as_tuple()
        scale = -min(int(exponent), 0)
        if max(len(digits) + max(int(exponent), 0), scale + (scale >= len(digits))) > 38:
            raise ConversionError(f"parameter {place}: DuckDB's decimals have 38 digits; give str(x)")
    if isinstance(value, int) and not -(2**127) <= value < 2**128:
        raise ConversionError(f"parameter {place} does not fit into DuckDB's 128 bits; give str(x)")
    return value


def _for_sqlite(value: Any, place: str) -> Any:
    """SQLite has integers of 64 bits, floats, texts and bytes."""
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    if isinstance(value, Decimal):
        raise ConversionError(f"parameter {place}: SQLite has no decimals; give str(x) or float(x)")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ConversionError(f"parameter {place} does not fit into SQLite's 64 bits; give str(x)")
    return value


_OWN = {"sqlite": _for_sqlite, "mysql": _for_mysql, "duckdb": _for_duckdb}
"""What is particular to a database."""
