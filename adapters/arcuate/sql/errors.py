# ruff: noqa: A004  (ConnectionError is part of the public face)
"""What the libraries of databases raise, as errors of connectors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)

__all__ = ["TransactionError", "given_up", "is_late", "translated", "translating"]


class TransactionError(IntegrationError):
    """The database gave a transaction up, or it cannot go on. Nothing of it was kept.

    ``recoverable``: carrying the whole of it out again may succeed, which ``in_transaction`` does.
    """

    code = "UNAVAILABLE"


_MYSQL = {
    **dict.fromkeys((1044, 1045, 1130, 1698), "28000"),
    **dict.fromkeys((1049, 1051, 1054, 1146, 1305), "42P01"),
    1213: "40P01",
    1205: "55P03",
    1040: "53300",
    **dict.fromkeys((1021, 1114, 1041, 3675), "53100"),
    **dict.fromkeys((1053, 2002, 2003, 2006, 2013, 2014, 2055), "08006"),
    **dict.fromkeys((1969, 3024), "57014"),
    **dict.fromkeys((1792,), "25006"),
}
"""Numbers of MySQL and MariaDB as the SQLSTATE that says the same most clearly."""
_TEXTS = (  # where there is no code: PostgreSQL before a session begins, SQLite, DuckDB
    (r"authentication failed|no password supplied|role .* does not exist|no pg_hba\.conf entry", "28P01"),
    (r"database .* does not exist|no such (table|column|function)|Catalog Error|Binder Error", "42P01"),
    (r"does not support SSL|certificate verify failed|root certificate file|SSL error", "tls"),
    (r"disk is full|No space left|disk full", "53100"),
    (r"could not decode to UTF-8", "text"),
    (r"read-only transaction", "25006"),
    (r"statement timeout", "57014"),
    (r"server closed the connection|terminating connection|no connection to the server", "08006"),
    (r"timeout expired|timed out", "timeout"),
    (r"too many clients|remaining connection slots", "53300"),
    (r"database (table )?is locked", "55P03"),
    (r"TransactionContext|write-write conflict", "40001"),
    (r"^interrupted$|^INTERRUPT Error", "57014"),
    (r"unable to open database|IO Error|is not a database|not a valid DuckDB", "file"),
)
_CITED = tuple(
    re.compile(pattern, re.IGNORECASE | re.DOTALL)
    for pattern in (
        r"(Duplicate entry) '.*'( for key)",  # MySQL
        r"(incorrect [\w() ]+ value:) '.*'( for column .*)",
        r"(invalid input (?:syntax|value) for [\w\" ]+?:) \".*\"()",  # PostgreSQL
        r"(out of range:) \".*\"()",
        r"(malformed \w+ literal:) \".*\"()",
        r"(value) \".*\"( is out of range)",
    )
)
"""Where databases cite a value: what stands before it, and after."""
_OF_DUCKDB = re.compile(r"(Conversion|Constraint|Invalid Input|Out of Range) Error: ")
_VALUE = re.compile(r"\".*\"|'.*'|(?<=value )[^\s\"']\S*|\b\d{4,}(\.\d+)?\b", re.DOTALL)
"""What is cited by errors of DuckDB that are about values."""
_REPEAT = "nothing of the transaction was kept; carry the whole of it out again (in_transaction does that)"
_LOST = "the database undoes what was not committed; carry it out again"


def is_late(error: BaseException) -> bool:
    """Whether MySQL's answer did not come in time, so that the statement may go on there."""
    origin = getattr(error, "orig", None) or error
    return origin.args[:1] == (2013,) and "timed out" in str(origin)


def _code(error: BaseException) -> str:
    """The SQLSTATE, or a word."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else None
    if is_late(error):
        return "timeout"
    if number is not None:
        return _MYSQL.get(number, str(number))
    state = getattr(error, "sqlstate", None)
    text = str(error)
    if state == "0A000" and "cached plan" in text:
        return "plan"
    if isinstance(state, str) and re.fullmatch(r"[0-9A-Z]{5}", state) and state != "00000":
        return state
    return next((code for pattern, code in _TEXTS if re.search(pattern, text, re.IGNORECASE)), "")


def _said(error: BaseException) -> str:
    """What the database said, without rows or parameters that it may cite."""
    primary = getattr(getattr(error, "diag", None), "message_primary", None)
    if primary:
        return _uncited(str(primary))
    if len(error.args) >= 2 and isinstance(error.args[0], int):
        return _uncited(str(error.args[1]))
    lines = [line.strip() for line in _uncited(str(error)).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _uncited(text: str) -> str:
    for pattern in _CITED:
        text = pattern.sub(r"\1 ...\2", text)
    return _VALUE.sub("...", text) if _OF_DUCKDB.match(text) else text


def translated(
    error: BaseException, service: str, conceal: Callable[[Any], str], *, committing: bool = False
) -> IntegrationError:
    """The error of connectors for one of SQLAlchemy or of a driver."""
    if isinstance(error, sa.exc.TimeoutError):
        return IntegrationTimeout(
            f"{service}: all connections are in use; close streams and transactions sooner, or set 'pool' "
            "higher",
            service=service,
        )
    if isinstance(error, sa.exc.PendingRollbackError):
        if isinstance(error.__context__, KeyboardInterrupt):  # it must not be lost
            raise error.__context__
        return given_up(service, "the connection was lost")
    lost = isinstance(error, sa.exc.DBAPIError) and error.connection_invalidated
    origin = getattr(error, "orig", None) or error
    code, said = _code(origin), conceal(_said(origin))
    kind, recoverable, advice = _judged(code)
    if kind is IntegrationError and (lost or (not code and _is_operational(origin))):
        kind, recoverable, advice = ConnectionError, True, _LOST
    if advice == _LOST and (
        said.startswith(("connection failed", "connection is bad", "failed to resolve"))
        or origin.args[:1] in ((2002,), (2003,))
    ):
        advice = "is the server running, and is 'url' right?"  # there was no connection to be lost
    executed = "no"
    if committing and (kind is ConnectionError or code == "timeout"):
        kind = ConnectionError
        recoverable, executed = False, "maybe"
        advice = "it was lost while committing: look whether the transaction was kept before you repeat it"
    message = f"{service}: {said}" + (f"; {advice}" if advice else "")
    found: IntegrationError = kind(
        message, service=service, recoverable=recoverable, status=code or None, executed=executed
    )
    return found


def given_up(service: str, why: str, *, recoverable: bool = True) -> TransactionError:
    """The error of a statement or a commit in a transaction that is no more."""
    return TransactionError(f"{service}: {why}; {_REPEAT}", service=service, recoverable=recoverable)


def _is_operational(error: BaseException) -> bool:
    return (
        type(error).__name__ in ("OperationalError", "InterfaceError")
        and "sqlite" not in type(error).__module__
    )


def _judged(code: str) -> tuple[type[IntegrationError], bool, str]:
    """The class for a code, whether the same may succeed later, and what to do."""
    if code.startswith("28"):
        return AuthenticationError, False, "look at the user and the password of the connector"
    if code in ("40001", "40P01", "55P03"):
        return TransactionError, True, _REPEAT
    if code == "25P02":
        return (
            TransactionError,
            False,
            "an earlier statement of this transaction failed; leave its with block",
        )
    if code == "25006":
        return IntegrationError, False, "reading changes nothing; use execute_query for what does"
    if code == "57014" or code == "timeout":
        return IntegrationTimeout, True, "set timeouts.call (or timeouts.connect) higher, or ask for less"
    if code.startswith("08") or code in ("57P01", "57P02", "57P03"):
        return ConnectionError, True, _LOST
    if code == "53300":
        return IntegrationError, True, "the database has no connection left; set 'pool' lower"
    if code in ("42P01", "42703", "42883", "3D000", "3F000"):
        return NotFoundError, False, ""
    if code in ("53200", "53400"):
        return IntegrationError, False, "ask for less at once, or raise the limit in the database's settings"
    if code == "53100":
        return IntegrationError, False, "make room where the database keeps its data, and carry it out again"
    if code == "plan":
        return IntegrationError, True, "a table has other columns now; the same again is read anew"
    if code == "tls":
        return ConnectionError, False, "look at sslmode and sslrootcert (or ssl_ca) in the query of 'url'"
    if code == "text":
        return DataError, False, "the column holds bytes that are no text: cast it to a BLOB in the query"
    if code == "file":
        return DataError, False, "look at the path, its rights, and whether another process has it open"
    return IntegrationError, False, ""


@contextmanager
def translating(
    service: str, conceal: Callable[[Any], str], others: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Inside, what a library raises becomes an error of connectors."""
    caught: tuple[type[Exception], ...] = (sa.exc.SQLAlchemyError, *others)
    try:
        yield
    except caught as error:
        raise translated(error, service, conceal) from (getattr(error, "orig", None) or error)
