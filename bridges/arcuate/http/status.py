"""Errors as HTTP: a status code for each code of Arcuate, and their JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.errors import ArcuateError, InternalError, to_mapping

__all__ = ["STATUS", "HttpError", "error_of", "status_of"]

STATUS = {
    "INVALID_ARGUMENT": 400,
    "PROTOCOL_ERROR": 400,
    "AUTHENTICATION_FAILED": 401,
    "PERMISSION_DENIED": 403,
    "ENVIRONMENT_NOT_FOUND": 404,
    "NAME_NOT_FOUND": 404,
    "CALL_CANCELLED": 409,
    "SESSION_CLOSED": 410,
    "STALE_HANDLE": 410,
    "LIMIT_EXCEEDED": 413,
    "REMOTE_ERROR": 422,
    "CONVERSION": 422,
    "RATE_LIMITED": 429,
    "INTERNAL": 500,
    "UNSUPPORTED": 501,
    "ENVIRONMENT_CRASHED": 502,
    "CONNECTION_LOST": 502,
    "UNAVAILABLE": 503,
    "CALL_TIMEOUT": 504,
}
"""The status code of each code; ``protos/http.md`` has the same table."""

_SIZES = frozenset(("", "message", "array", "nodes", "text", "depth", "memory"))
"""Settings that bound a size (413); the others bound how many there are at once (429)."""


class HttpError(Exception):
    """A refusal that has a status code of HTTP's own.

    Args:
        status: the status code.
        error: what is said about it.
        headers: further header fields.
    """

    def __init__(self, status: int, error: ArcuateError, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error.message)
        self.status = status
        self.error = error
        self.headers = dict(headers or {})


def status_of(code: str, setting: str = "") -> int:
    """The status code of an error."""
    if code == "LIMIT_EXCEEDED" and setting not in _SIZES:
        return 429
    return STATUS.get(code, 500)


def error_of(error: BaseException) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status code, fields and header fields of any exception."""
    headers: dict[str, str] = {}
    status = 0
    if isinstance(error, HttpError):
        status, headers = error.status, error.headers
        error = error.error
    if not isinstance(error, ArcuateError):
        error = InternalError(f"{type(error).__name__}: {error}")
    fields = dict(to_mapping(error))
    status = status or status_of(error.code, str(fields.get("setting", "")))
    if status == 401:
        headers.setdefault("www-authenticate", 'Bearer realm="arcuate"')
    if status in (429, 503):
        headers.setdefault("retry-after", "1")
    return status, fields, headers
