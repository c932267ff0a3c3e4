# ruff: noqa: A004  (ConnectionError is part of the public face)
"""What pymongo raises, as errors of connectors that say what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import bson.errors
from pymongo import errors

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
)
from arcuate.errors import ConversionError, InvalidArgument

__all__ = ["translated", "translating"]

_AGAIN = frozenset({6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})
"""Numbers of MongoDB for a server that stops, starts, or is no longer the primary."""
_CITED = re.compile(r",? (dup key|full error|Timeout|topology description):? .*", re.IGNORECASE | re.DOTALL)
_CERTIFICATE = re.compile(r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|Hostname mismatch")


def _said(error: BaseException, conceal: Callable[[Any], str]) -> str:
    """What the server said, without the values that it may cite."""
    details = getattr(error, "details", None)
    text = str(details["errmsg"]) if isinstance(details, dict) and "errmsg" in details else str(error)
    return conceal(_CITED.sub("", text)).strip().rstrip(".")


def translated(
    error: Exception, service: str, conceal: Callable[[Any], str], *, executed: str = "no"
) -> Exception:
    """The error of connectors for one of pymongo.

    Args:
        error: what was raised.
        service: the connector's name.
        conceal: takes secrets out of a text.
        executed: what is said of a request whose answer did not come.
    """
    said = _said(error, conceal)
    if isinstance(error, (bson.errors.InvalidDocument, OverflowError)):
        return ConversionError(f"{service}: {said}")
    if isinstance(error, bson.errors.BSONError):
        return DataError(f"{service}: what the server sent cannot be read: {said}", service=service)
    if isinstance(error, (errors.ConfigurationError, errors.InvalidOperation, errors.InvalidName)):
        return InvalidArgument(f"{service}: {said}")
    if isinstance(error, errors.WaitQueueTimeoutError):
        return IntegrationTimeout(
            f"{service}: all connections are in use; close streams sooner, or set 'pool' higher",
            service=service,
        )
    if isinstance(error, errors.BulkWriteError):
        return _bulk(error, service, conceal)
    if isinstance(error, errors.OperationFailure):
        return _refused(error, said, service)
    if isinstance(error, errors.ServerSelectionTimeoutError):
        bad = bool(_CERTIFICATE.search(said))
        advice = "; name the authority in the address: ?tlsCAFile=FILE" if bad else ""
        return ConnectionError(
            f"{service}: no server answers: {said}{advice}", service=service, recoverable=not bad
        )
    after = "; look whether it was done" if executed == "maybe" else ""
    if getattr(error, "timeout", False):
        return IntegrationTimeout(
            f"{service}: {said}; set timeouts.call higher, or ask for less{after}",
            service=service,
            executed=executed,
        )
    if isinstance(error, errors.NotPrimaryError):
        return ConnectionError(f"{service}: the server is not the primary (any more)", service=service)
    if isinstance(error, errors.ConnectionFailure):
        return ConnectionError(f"{service}: {said}{after}", service=service, executed=executed)
    if isinstance(error, errors.ProtocolError):
        return DataError(f"{service}: the server does not speak MongoDB's protocol: {said}", service=service)
    return IntegrationError(f"{service}: {said}", service=service)


def _refused(error: errors.OperationFailure, said: str, service: str) -> IntegrationError:
    code = error.code
    if code in (13, 18, 8000):
        return AuthenticationError(
            f"{service}: {said}; look at the user and the password of the connector, and at its rights",
            service=service,
            status=code,
        )
    if code in (50, 262) or error.timeout:
        return IntegrationTimeout(
            f"{service}: {said}; set timeouts.call higher, or ask for less", service=service, status=code
        )
    if code in _AGAIN:
        return ConnectionError(f"{service}: {said}; try again later", service=service, status=code)
    if code in (26, 27, 59):
        return NotFoundError(f"{service}: {said}", service=service, status=code)
    if code == 43:
        said += "; the server gave the cursor up, or it was started again: ask again, in smaller batches"
    conflict = code == 112 or error.has_error_label("TransientTransactionError")
    if conflict:
        said += "; nothing of the transaction was kept: carry it out again (in_transaction does that)"
    if code == 11000:
        said += "; a document with this key is there already"
    return IntegrationError(f"{service}: {said}", service=service, status=code, recoverable=conflict)


def _bulk(error: errors.BulkWriteError, service: str, conceal: Callable[[Any], str]) -> IntegrationError:
    details = error.details
    failed = [
        {
            "index": one.get("index"),
            "code": one.get("code"),
            "said": conceal(_CITED.sub("", str(one.get("errmsg", "")))),
        }
        for one in details.get("writeErrors", ())
    ]
    done = {
        name: int(details.get(key, 0))
        for name, key in (
            ("inserted", "nInserted"),
            ("matched", "nMatched"),
            ("modified", "nModified"),
            ("deleted", "nRemoved"),
        )
    }
    concerns = [str(one.get("errmsg", "")) for one in details.get("writeConcernErrors", ())]
    first = failed[0] if failed else {"index": 0, "code": None, "said": "; ".join(concerns)}
    counts = ", ".join(f"{count} {name}" for name, count in done.items())
    return IntegrationError(
        f"{service}: {len(failed)} failed, the first with number {first['index']} (from 0): {first['said']}; "
        f"done: {counts}. The attribute detail has them all",
        service=service,
        status=first["code"],
        detail={**done, "failed": failed},
        executed="yes",
    )


@contextmanager
def translating(service: str, conceal: Callable[[Any], str], *, executed: str = "no") -> Iterator[None]:
    """Inside, what pymongo raises becomes an error of connectors."""
    try:
        yield
    except (errors.PyMongoError, bson.errors.BSONError, OverflowError) as error:
        raise translated(error, service, conceal, executed=executed) from error
