"""What the columns of a table keep of a value: where a database would round or cut it, it is refused.

The types are asked for anew by each ``insert``, so that no change of the table makes them wrong.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Context, Decimal, InvalidOperation
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sa

from arcuate.errors import ConversionError

__all__ = ["HEADER", "Column", "Rule", "catalogue", "chosen", "look", "of_postgresql"]


class Rule(NamedTuple):
    """What a type keeps.

    Attributes:
        whole: Python's types of which it keeps every value.
        keeps: whether it keeps another value; what the database itself refuses is left to it.
        losing: what it would not keep.
    """

    whole: frozenset[type]
    keeps: Callable[[Any], bool]
    losing: str


class Column(NamedTuple):
    """A column that may lose something: its place in the rows, its name, its type, and what that keeps."""

    place: int
    name: str
    kind: str
    rule: Rule


def look(columns: Iterable[Column], rows: Sequence[Sequence[Any]]) -> None:
    """Looks at rows of bound values.

    Raises:
        ConversionError: a column would not keep all of a value.
    """
    for place, name, kind, rule in columns:
        values = [row[place] for row in rows]
        doubtful = set(map(type, values)) - rule.whole
        keeps = rule.keeps if doubtful.isdisjoint((list, tuple)) else partial(_all, rule)
        for value in values if doubtful else ():
            try:
                kept = type(value) not in doubtful or keeps(value)
            except InvalidOperation:  # a text with an exponent beyond all numbers
                kept = False
            if not kept:
                raise ConversionError(
                    f"column {name!r} of the type {kind} would not keep all of a {type(value).__name__} "
                    f"({rule.losing}): convert it as you want it, or give the column another type"
                )


def _all(rule: Rule, value: Any) -> bool:
    """For lists too, which only PostgreSQL has here."""
    if isinstance(value, (list, tuple)):
        return all(_all(rule, one) for one in value)
    return type(value) in rule.whole or rule.keeps(value)


# --- Rules

_NONE: type = type(None)
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*", re.IGNORECASE | re.ASCII)
_CLOCK = re.compile(
    r"(?P<time>(\d+:\d\d(:\d\d)?|(?<=\dT)\d{2,6})(?P<fraction>[.,]\d*)?)\s*"
    r"([ap]m\b\s*)?(?P<zone>[+-]\d|(?!bc|ad)[a-z])?",
    re.IGNORECASE | re.ASCII,
)
_HOURS = re.compile(r"\d{9,}|[-/.]\d+\s+\d", re.ASCII)
"""In a date without colons: MySQL takes more digits, and a number after the day, for a time of day."""
_BYTES = (bytes, bytearray, memoryview)
_quantize = Context(prec=200, traps=[]).quantize
_NUMBERS = (int, float, Decimal, *_BYTES)


def _number(value: Any) -> Decimal | None:
    """The number that is meant, also by a text; ``None``: it is none."""
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, float):
        return Decimal(repr(value)) if math.isfinite(value) else None
    if isinstance(value, _BYTES):  # which MySQL reads as a text
        value = bytes(value).decode("ascii", "replace")
    if isinstance(value, int) or (isinstance(value, str) and _NUMBER.fullmatch(value)):
        return Decimal(value)
    return None


def _decimals(scale: int) -> Rule:
    """Numbers with so many digits after the point; 0: integers."""
    unit = Decimal(1).scaleb(-scale)

    def keeps(value: Any) -> bool:
        if isinstance(value, Decimal) and _quantize(value, unit) == value:
            return True  # as is found out below, but quick
        if isinstance(value, float):  # as _number() would say, but quick
            return not math.isfinite(value) or round(value, scale) == value
        number = _number(value)
        if number is None:
            return True
        _, digits, exponent = number.as_tuple()
        beyond = -int(exponent) - scale
        return beyond <= 0 or not any(digits[-beyond:])

    whole = {_NONE, int, bool} if scale >= 0 else {_NONE}
    return Rule(frozenset(whole), keeps, f"of a number it keeps {scale} digits after the point")


def _as_double(value: Any) -> bool:
    number = _number(value)
    return number is None or Decimal(repr(float(number))) == number or Decimal(float(number)) == number


_DOUBLE = Rule(frozenset({_NONE, float, bool}), _as_double, "a number of 64 bits has about 16 digits")


def _single(*, shortest: bool) -> Rule:
    """Numbers of 32 bits; as PostgreSQL shows them they have the ``shortest`` text that is meant by them."""

    def keeps(value: Any) -> bool:
        if not isinstance(value, float):
            number = _number(value)
            if number is None or not _as_double(value):
                return number is None
            value = float(number)
        try:
            (near,) = struct.unpack("f", struct.pack("f", value))
        except OverflowError:
            return True  # the database says it
        return near == value or value != value or (shortest and float(str(np.float32(near))) == value)

    return Rule(frozenset({_NONE, bool}), keeps, "a number of 32 bits has about 7 digits")


def _moment(digits: int = 6, *, zoned: bool = False) -> Rule:
    """A date with a time of day."""
    unit, losing = 10 ** (6 - digits), f"it keeps {digits} digits of a fraction of a second"

    def keeps(value: Any) -> bool:
        if isinstance(value, dt.datetime):
            return not value.microsecond % unit and (zoned or value.tzinfo is None)
        if isinstance(value, str):
            return _text_keeps(value, digits, zoned)
        return not isinstance(value, (dt.time, dt.timedelta, *_NUMBERS))  # of which MySQL makes a date

    whole = {_NONE, dt.date, dt.datetime} if zoned and digits == 6 else {_NONE, dt.date}
    return Rule(frozenset(whole), keeps, losing if zoned else f"{losing}, and no zone")


_DATED = re.compile(r"\d[-/T]\d|^\s*\d{9,}", re.ASCII)


def _clock(digits: int = 6, *, zoned: bool = False) -> Rule:
    """A time of day; MySQL's is a span, too."""
    unit = 10 ** (6 - digits)

    def keeps(value: Any) -> bool:
        if isinstance(value, dt.time):
            return not value.microsecond % unit and (zoned or value.tzinfo is None)
        if isinstance(value, dt.timedelta):
            return not value.microseconds % unit
        if isinstance(value, str):
            return _text_keeps(value, digits, zoned) and not _DATED.search(value.partition(":")[0])
        return not isinstance(value, (dt.date, *_NUMBERS))

    more = "" if zoned else ", no date and no zone"
    return Rule(frozenset({_NONE}), keeps, f"it keeps {digits} digits of a fraction of a second{more}")


def _span(digits: int) -> Rule:
    unit = 10 ** (6 - digits)

    def keeps(value: Any) -> bool:
        if isinstance(value, dt.timedelta):
            return not value.microseconds % unit
        return _text_keeps(value, digits, True) if isinstance(value, str) else _decimals(digits).keeps(value)

    return Rule(frozenset({_NONE}), keeps, f"it keeps {digits} digits of a fraction of a second")


def _text_keeps(value: str, digits: int, zoned: bool) -> bool:
    found = _CLOCK.search(value)
    if found is None:
        return _decimals(digits).keeps(value)  # a number of seconds, or of all digits one after the other
    return (zoned or not found["zone"]) and not (found["fraction"] or "")[1 + digits :].strip("0")


def _is_day(value: Any) -> bool:
    if isinstance(value, dt.datetime):
        return value.time() == dt.time() and value.tzinfo is None
    if isinstance(value, str):
        found = _CLOCK.search(value)
        if found is None:
            return not _HOURS.search(value)
        return not (found["zone"] or found["time"].strip("0:.,"))
    return not isinstance(value, (dt.time, dt.timedelta, *_NUMBERS))


_DAY = Rule(frozenset({_NONE, dt.date}), _is_day, "it keeps no time of day and no zone")


def _text(length: int | None, *, padded: bool = False, bytes_too: bool = False) -> Rule:
    """A text of so many characters: of a longer one databases leave spaces at its end out."""

    def keeps(value: Any) -> bool:
        if bytes_too and isinstance(value, _BYTES):
            value = bytes(value).decode("utf-8", "replace")
        if isinstance(value, str):
            return (length is None or len(value) <= length) and not (padded and value.endswith(" "))
        if isinstance(value, float):
            return length is None or len(repr(value)) <= length
        return bytes_too or not isinstance(value, _BYTES)

    whole, losing = {_NONE}, f"it keeps {length} characters, and leaves spaces at the end out"
    if length is None:
        whole, losing = {_NONE, str}, "it keeps texts"
    return Rule(frozenset(whole), keeps, losing)


# --- MySQL and MariaDB


def _of_mysql(kind: str) -> Rule | None:
    """For a type as SHOW COLUMNS gives it, such as ``decimal(5,2) unsigned``."""
    name, _, rest = kind.partition("(")
    name, inside = name.split()[0].lower(), rest.rpartition(")")[0]
    if name in ("enum", "set"):
        return _labels(inside, name == "set")
    sizes = [int(size) for size in re.findall(r"\d+", inside)]
    first = sizes[0] if sizes else 0
    if name in ("decimal", "numeric", "float", "double") and len(sizes) == 2:
        return _decimals(sizes[1])
    if name.endswith("int") or name in ("bit", "decimal", "numeric"):
        rule = _decimals(0)
        return rule._replace(whole=rule.whole | {bytes}) if name == "bit" else rule
    if name == "year":

        def is_year(value: Any) -> bool:
            number = _number(value)
            return (
                number is None
                or (number > 99 and number % 1 == 0)
                or (number == 0 and isinstance(value, int))
            )

        return Rule(frozenset({_NONE}), is_year, "a year has four digits, of two it would make others")
    if name == "binary":

        def fills(value: Any) -> bool:
            return len(value if isinstance(value, _BYTES) else str(value).encode()) >= first

        return Rule(frozenset({_NONE}), fills, f"it fills up to {first} bytes with zeros")
    if name in _TEXTS:

        def fits(value: Any) -> bool:
            data = value.encode() if isinstance(value, str) else value
            return not (isinstance(data, _BYTES) and bytes(data).endswith(b" ")) or len(data) <= _TEXTS[name]

        return Rule(frozenset({_NONE}), fits, f"it keeps {_TEXTS[name]} bytes, and leaves spaces beyond out")
    simple: dict[str, Callable[[], Rule]] = {
        "double": lambda: _DOUBLE,
        "float": lambda: _single(shortest=False),
        "datetime": lambda: _moment(first, zoned=True),  # a zone is refused for all of MySQL
        "timestamp": lambda: _moment(first, zoned=True),
        "date": lambda: _DAY,
        "time": lambda: _clock(first),
        "varchar": lambda: _text(first, bytes_too=True),
        "char": lambda: _text(first, padded=True, bytes_too=True),
    }
    return simple[name]() if name in simple else None


_TEXTS = {"tinytext": 255, "text": 65_535, "mediumtext": 2**24 - 1}
"""Bytes; what is longer is an error, but for spaces at its end."""
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r"}


def _labels(inside: str, several: bool) -> Rule:
    """Of a number MySQL would take the label with that place, and of a text one that is similar."""
    labels = {
        re.sub(r"\\(.)", lambda one: _ESCAPED.get(one[1], one[1]), label.replace("''", "'"))
        for label in re.findall(r"'((?:[^']|'')*)'", inside)
    }

    def keeps(value: Any) -> bool:
        return isinstance(value, str) and set(value.split(",") if several and value else [value]) <= (
            labels | ({""} if several else set())
        )

    return Rule(frozenset({_NONE}), keeps, "it keeps its labels only, as they are written")


# --- SQLite


def _of_sqlite(kind: str, strict: bool) -> Rule | None:
    """By the affinity of a declared type, which chooses how a value is stored."""
    kind = kind.upper()
    if "INT" not in kind:
        if any(one in kind for one in ("CHAR", "CLOB", "TEXT")):
            losing = "a number that becomes a text has 15 digits"
            return Rule(frozenset({_NONE, str, bytes, int, bool}), _fifteen, losing)
        if "BLOB" in kind or not kind or (strict and kind == "ANY"):
            return None
    whole, losing = {_NONE, bytes, bool, float}, "of a text that reads like a number it makes that number"
    if "INT" not in kind and any(one in kind for one in ("REAL", "FLOA", "DOUB")):
        return Rule(frozenset(whole), lambda one: _as_double(one) and _is_plain(one), f"{losing}, of 64 bits")
    return Rule(frozenset({*whole, int}), _is_plain, losing)


def _fifteen(value: Any) -> bool:
    return not isinstance(value, float) or float(f"{value:.15g}") == value


def _is_plain(value: Any) -> bool:
    """Whether the number of a text is written just like that."""
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return True
    number = Decimal(value)
    if number % 1 == 0 if abs(float(number)) < 2**63 else False:
        return value == str(int(number))
    return value == repr(float(number)) and len(number.as_tuple().digits) <= 15


# --- DuckDB


def _of_duckdb(kind: str) -> Rule | None:
    """For a type as DESCRIBE gives it; what is in a table of Arrow is compared by DuckDB itself."""
    if kind.startswith("DECIMAL") and kind.endswith(")"):
        return _decimals(int(kind.rpartition(",")[2].strip(" )")))
    if kind.endswith("]") or kind.startswith(("STRUCT(", "MAP(")):
        return _nested(kind)
    if kind.endswith(("INT", "INTEGER", "BIGNUM")):
        return _decimals(0)
    simple: dict[str, Callable[[], Rule]] = {
        "FLOAT": lambda: _single(shortest=False),
        "DOUBLE": lambda: _DOUBLE,
        "DATE": lambda: _DAY,
        "TIME": _clock,
        "TIME WITH TIME ZONE": lambda: _clock(zoned=True),
        "TIMESTAMP": _moment,
        "TIMESTAMP_S": lambda: _moment(0),
        "TIMESTAMP_MS": lambda: _moment(3),
        "TIMESTAMP WITH TIME ZONE": lambda: _moment(zoned=True),
        "INTERVAL": lambda: _span(6),
        "VARCHAR": lambda: _text(None),
        "BOOLEAN": lambda: Rule(
            frozenset({_NONE, bool, str}), lambda one: one in (0, 1), "it keeps 0 and 1 only"
        ),
    }
    return simple[kind]() if kind in simple else None


def _nested(kind: str) -> Rule:
    """It is given as JSON, whose escapes DuckDB does not know: of a new line it would make an n."""
    inner = None if kind.startswith(("STRUCT(", "MAP(")) else _of_duckdb(kind.partition("[")[0])

    def keeps(value: Any) -> bool:
        try:
            leaves = [*_leaves(json.loads(value, parse_float=Decimal))] if isinstance(value, str) else []
        except ValueError:
            return True  # a text as DuckDB itself writes it
        if any(isinstance(one, str) and _CONTROL.search(one) for one in leaves):
            return False
        return inner is None or all(type(one) in inner.whole or inner.keeps(one) for one in leaves)

    losing = "a table of Arrow keeps new lines and other control characters"
    return Rule(frozenset({_NONE}), keeps, losing if inner is None else f"{inner.losing}; {losing}")


_CONTROL = re.compile(r"[\x00-\x1f]")


def _leaves(value: Any) -> Iterator[Any]:
    """What is within lists and mappings, with the names."""
    for one in [*value, *value.values()] if isinstance(value, dict) else value:
        if isinstance(one, (dict, list)):
            yield from _leaves(one)
        else:
            yield one


# --- PostgreSQL

HEADER = 4  # PostgreSQL counts it into a type's modifier


def of_postgresql(name: str, modifier: int) -> Rule | None:
    """For a type, or that of an array's elements, and its modifier; -1: it has none."""
    digits = modifier & 0xFFFF if 0 <= modifier & 0xFFFF <= 6 and modifier >= 0 else 6
    if name == "numeric":
        scale = ((modifier - HEADER & 0x7FF) ^ 0x400) - 0x400
        return _decimals(scale) if modifier >= HEADER else None
    simple: dict[str, Callable[[], Rule]] = {
        "float4": lambda: _single(shortest=True),
        "float8": lambda: _DOUBLE,
        "money": lambda: _decimals(2),
        '"char"': lambda: Rule(
            frozenset({_NONE}), lambda one: len(str(one).encode()) <= 1, "it keeps 1 byte"
        ),
        "date": lambda: _DAY,
        "time": lambda: _clock(digits),
        "timetz": lambda: _clock(digits, zoned=True),
        "interval": lambda: _span(digits),
        "timestamp": lambda: _moment(digits),
        "timestamptz": lambda: _moment(digits, zoned=True),
        "text": lambda: _text(None),
        "name": lambda: Rule(
            frozenset({_NONE}), lambda one: len(str(one).encode()) <= 63, "it keeps 63 bytes"
        ),
        **dict.fromkeys(
            ("varchar", "bpchar"),
            lambda: _text(modifier - HEADER if modifier >= HEADER else None),
        ),
    }
    return simple[name]() if name in simple else None


# --- The catalogue


def catalogue(
    connection: sa.Connection, kind: str, table: str, target: str, into: str, names: Sequence[str]
) -> list[Column]:
    """The columns of a table that may lose something; PostgreSQL's are asked for with its COPY.

    Args:
        connection: in whose transaction rows are inserted.
        kind: the database.
        table: its name, or ``schema.table``.
        target: the same, quoted.
        into: the same with the columns, as an INSERT has it.
        names: of the columns, in the order of the values.
    """
    plain = {"no_parameters": True}
    if kind == "sqlite":  # the lock for writing, which it may not get any more once it has read
        nothing = ", ".join("NULL" for _ in names)
        connection.exec_driver_sql(f"INSERT INTO {into} SELECT {nothing} WHERE 0", execution_options=plain)
    if kind in ("mysql", "duckdb"):
        words, rule = ("SHOW COLUMNS FROM", _of_mysql) if kind == "mysql" else ("DESCRIBE", _of_duckdb)
        rows = connection.exec_driver_sql(f"{words} {target}", execution_options=plain)
        found = {row[0].lower(): (row[1], rule(row[1])) for row in rows}
    else:
        asked = tuple(reversed(table.split(".")))
        marks = ", ".join("?" for _ in asked)
        rows = connection.exec_driver_sql(f"SELECT name, type FROM pragma_table_info({marks})", asked)  # noqa: S608
        kinds = {row[0].lower(): row[1] for row in rows}
        strict = "ANY" in map(str.upper, kinds.values()) and bool(
            connection.exec_driver_sql(
                f"SELECT max(strict) FROM pragma_table_list({marks})",  # noqa: S608
                asked,
            ).scalar()
        )
        found = {name: (one, _of_sqlite(one, strict)) for name, one in kinds.items()}
    return chosen((name, *found.get(name.lower(), ("", None))) for name in names)


def chosen(columns: Iterable[tuple[str, str, Rule | None]]) -> list[Column]:
    """Those of the columns, in the order of the values, that have a rule."""
    return [Column(i, name, kind, rule) for i, (name, kind, rule) in enumerate(columns) if rule is not None]
