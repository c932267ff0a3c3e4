"""Errors as the interface tells them.

What a function raised is a ``matlaberror`` with status 200. Everything else is an ``httperror``: JSON or a
protobuf message with its status code, or, where a client drops the body of such an answer, a
MATLAB error with an identifier of Arcuate's.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from arcuate.errors import ArcuateError, ConversionError, RemoteError
from arcuate.http.status import HttpError, error_of
from arcuate.mps import v1

__all__ = [
    "Refusal",
    "as_remote",
    "http_body",
    "http_message",
    "identifier_of",
    "matlab_body",
    "stack_of",
]

_NAMES = {
    "INVALID_ARGUMENT": "InvalidInput",
    "PROTOCOL_ERROR": "InvalidInput",
    "AUTHENTICATION_FAILED": "AccessDenied",
    "PERMISSION_DENIED": "AccessDenied",
    "ENVIRONMENT_NOT_FOUND": "ComponentNotFound",
    "NAME_NOT_FOUND": "FunctionNotFound",
    "CONVERSION": "InvalidRhs",
    "LIMIT_EXCEEDED": "LimitExceeded",
    "RATE_LIMITED": "LimitExceeded",
    "ENVIRONMENT_CRASHED": "WorkerCrashed",
    "CALL_TIMEOUT": "RequestTimeout",
    "CALL_CANCELLED": "RequestCancelled",
    "UNAVAILABLE": "ServerUnavailable",
    "CONNECTION_LOST": "ServerUnavailable",
}
_OCTAVE = re.compile(
    r"(?P<name>.*?)(?: at line (?P<line>\d+), column -?\d+)?(?: \((?P<file>.*)\))?", re.DOTALL
)
_PYTHON = re.compile(r'File "(?P<file>[^"]*)", line (?P<line>\d+), in (?P<name>[^:]*)(?:: .*)?', re.DOTALL)


class Refusal(HttpError):
    """A refusal with the interface's own name for it.

    Args:
        status: the status code.
        name: its ``messageId``.
        error: what is said about it.
    """

    def __init__(self, status: int, name: str, error: ArcuateError, **headers: str) -> None:
        super().__init__(status, error, headers)
        self.name = name


def http_body(error: BaseException) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status code, JSON body and header fields of an error."""
    status, fields, headers = error_of(error)
    code = str(fields.get("code"))
    if isinstance(error, Refusal):
        name = error.name
    elif status in (405, 408, 415):
        name = {405: "BadMethod", 408: "RequestTimeout", 415: "InvalidContentType"}[status]
    elif code == "CONVERSION" and fields.get("executed") == "yes":
        status, name = 500, "FunctionReturnTypeNotSupported"
    elif code == "CONVERSION":
        status, name = 400, "InvalidRhs"
    else:
        name = _NAMES.get(code, "InternalServerError")
    message = str(fields.get("message", ""))
    if code == "CONVERSION":
        message = f"{message} - at {fields.get('path', '$')}"
    body = {"type": "httperror", "code": status, "messageId": name, "message": message}
    return status, {"error": body}, headers


def http_message(status: int, body: dict[str, Any]) -> bytes:
    """The protobuf form of :func:`http_body`."""
    said = body["error"]
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    message = v1.HttpErrorInfo(code=status, message=said["message"] or phrase, body=said["messageId"])
    return bytes(message.SerializeToString())


def as_remote(error: ArcuateError) -> RemoteError:
    """An error of a call as one of its function: what clients are told that see no other."""
    if isinstance(error, RemoteError):
        return error
    message = str(error) if isinstance(error, ConversionError) else error.message
    return RemoteError(message, identifier=f"Arcuate:{type(error).__name__}", executed=error.executed)


def identifier_of(error: RemoteError) -> str:
    """Octave's identifier; for other languages language and class, such as ``R:simpleError``."""
    if error.identifier or error.language == "Octave":
        return error.identifier
    name = re.sub(r"\W", "_", error.classes[0]) if error.classes else "error"
    return f"{error.language or 'Arcuate'}:{name}"


def matlab_body(error: RemoteError) -> dict[str, Any]:
    """The JSON body of an error that a function raised."""
    body = {
        "type": "matlaberror",
        "id": identifier_of(error),
        "message": error.message,
        "stack": stack_of(error),
    }
    return {"error": body}


def stack_of(error: RemoteError) -> list[dict[str, Any]]:
    """The call stack, innermost first: file, name and line (0 where the language does not tell)."""
    found = []
    for text in reversed(error.stack):
        match = _PYTHON.fullmatch(text) if error.language == "Python" else None
        if match is None and error.language != "R":
            match = _OCTAVE.fullmatch(text)
        parts = match.groupdict() if match is not None else {"name": text}
        found.append(
            {
                "file": parts.get("file") or "",
                "name": parts.get("name") or "",
                "line": int(parts.get("line") or 0),
            }
        )
    return found
