"""What goes wrong with a storage, as errors of connectors: statuses, and what the libraries raise."""

from __future__ import annotations

import asyncio
import errno
import socket
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from arcuate.connector import (
    AuthenticationError,
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
    IntegrationTimeout,
    NotFoundError,
    RateLimitError,
)
from arcuate.errors import ArcuateError
from arcuate.storage.base import Refused

__all__ = ["translated", "translating"]

_CREDENTIALS = "look at 'key', 'secret' and 'token'"
_MEANING: dict[int, tuple[type[IntegrationError], str]] = {
    400: (IntegrationError, "it does not understand the request"),
    401: (AuthenticationError, f"it does not accept the credentials; {_CREDENTIALS}"),
    403: (AuthenticationError, f"it refuses this to the caller; {_CREDENTIALS} and at the rights there"),
    404: (NotFoundError, "there is no such thing; look at the path and at 'url'"),
    408: (IntegrationTimeout, "it waited too long for the request"),
    409: (IntegrationError, "it conflicts with what is there"),
    410: (NotFoundError, "it is there no longer"),
    412: (DataError, "it was changed in between"),
    416: (DataError, "it is shorter than before"),
    429: (RateLimitError, "it was asked too often; set 'rate' to stay below its limit"),
    503: (RateLimitError, "it is too busy; set 'rate' or 'parallel' lower if that goes on"),
}
_PASSING = frozenset({408, 412, 416, 425, 429, 500, 502, 503, 504})
_AUTHENTICATION = frozenset(
    {
        *("AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken"),
        *(
            "AuthenticationFailed",
            "AuthorizationFailure",
            "InvalidAuthenticationInfo",
            "NoAuthenticationInformation",
        ),
    }
)
_DIGEST = frozenset({"BadDigest", "InvalidDigest", "Md5Mismatch", "InvalidMd5", "XAmzContentSHA256Mismatch"})
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def of_status(
    service: str, what: str, status: int, code: str, said: str, headers: Mapping[str, str]
) -> IntegrationError:
    """The error of a status of 300 or more; ``code`` is the system's own word for it."""
    usual = (IntegrationError, "it failed" if status >= 500 else "it refused")
    kind, meaning = _MEANING.get(status, usual)
    passing = status in _PASSING
    if code in _AUTHENTICATION:
        kind, meaning = _MEANING[401 if code not in ("AccessDenied", "AuthorizationFailure") else 403]
        passing = False
    elif code in _DIGEST:
        kind, meaning, passing = DataError, "what came there is not what was sent", True
    elif code in ("RequestTimeout", "OperationTimedOut"):
        kind, meaning, passing = IntegrationTimeout, _MEANING[408][1], True
    elif code in ("NoSuchUpload", "InvalidPart", "InvalidBlockList"):
        kind, meaning, passing = DataError, "the upload that was begun is gone; it is begun anew", True
    said = " ".join(said.split())
    said = said[:300] + "..." if len(said) > 300 else said
    wait = headers.get("retry-after", "")
    return kind(
        f"{service}: {what} gave {status}{f' {code}' if code else ''}: {meaning}"
        + (f": {said}" if said else ""),
        service=service,
        recoverable=passing,
        status=status,
        retry_after=float(wait) if wait.isascii() and wait.isdigit() else None,
        detail=code or said or None,
        executed="maybe" if status >= 500 else "no",
    )


_NETWORKS = frozenset(
    {
        *("aiohttp.ClientError", "azure.AzureError", "botocore.BotoCoreError", "builtins.EOFError"),
        "paramiko.SSHException",
    }
)


def _names(error: BaseException) -> set[str]:
    return {f"{one.__module__.partition('.')[0]}.{one.__name__}" for one in type(error).__mro__}


def translated(error: BaseException, service: str, what: str, conceal: Callable[[Any], str]) -> ArcuateError:
    """The error of connectors for what a library raised."""
    names, said = _names(error), conceal(error) or type(error).__name__
    response = getattr(error, "response", None)
    if isinstance(error, Refused):
        return of_status(service, what, error.status, "", conceal(error.body), error.headers)
    if "botocore.ClientError" in names and isinstance(response, dict):
        facts, meta = response.get("Error", {}), response.get("ResponseMetadata", {})
        status, code = int(meta.get("HTTPStatusCode", 0)), str(facts.get("Code", ""))
        code = "" if code.isdigit() else code
        headers = meta.get("HTTPHeaders", {})
        return of_status(service, what, status, code, conceal(facts.get("Message", "")), headers)
    given = getattr(error, "status_code", None)
    if "azure.HttpResponseError" in names and isinstance(given, int):
        code = getattr(getattr(error, "error_code", ""), "value", None) or str(
            getattr(error, "error_code", "") or ""
        )
        headers = {k.lower(): v for k, v in getattr(response, "headers", {}).items()}
        return of_status(service, what, given, code, conceal(str(error).partition("\n")[0]), headers)
    if names & {"botocore.NoCredentialsError", "botocore.PartialCredentialsError", "google.GoogleAuthError",
                "azure.ClientAuthenticationError", "paramiko.AuthenticationException",
                "paramiko.PasswordRequiredException"}:  # fmt: skip
        return AuthenticationError(f"{service}: {what}: {said}; {_CREDENTIALS}", service=service)
    if "paramiko.BadHostKeyException" in names or "not found in known_hosts" in said:
        return AuthenticationError(
            f"{service}: {what}: the host is not the one that is known: {said}; if you trust it, add its "
            "key to the file of 'known_hosts' (ssh-keyscan writes such lines)",
            service=service,
        )
    found = _of_python(error, service, what, said)
    if found is not None:
        return found
    if any("Timeout" in name for name in names):
        return IntegrationTimeout(
            f"{service}: {what}: nothing came in time (settings 'timeouts.connect', 'timeouts.read')",
            service=service,
            executed="maybe",
        )
    lasting = "certificate" in said.lower() or "InvalidURL" in type(error).__name__
    if names & _NETWORKS:
        return ConnectionError(
            f"{service}: {what}: the connection failed or broke: {said}; is the server running, and is the "
            "address right?",
            service=service,
            recoverable=not lasting,
            executed="maybe",
        )
    return IntegrationError(f"{service}: {what}: {type(error).__name__}: {said}", service=service)


def _of_python(error: BaseException, service: str, what: str, said: str) -> IntegrationError | None:
    """For what Python itself raises."""
    if isinstance(error, (TimeoutError, asyncio.TimeoutError, socket.timeout)):
        return IntegrationTimeout(
            f"{service}: {what}: nothing came in time (settings 'timeouts.connect', 'timeouts.read')",
            service=service,
            executed="maybe",
        )
    if isinstance(error, (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError)) or (
        isinstance(error, RuntimeError) and "encrypted" in said
    ):
        if isinstance(error, EOFError) and not said.startswith("Compressed"):
            return ConnectionError(f"{service}: {what}: the connection broke", service=service)
        return DataError(f"{service}: {what}: the archive cannot be read: {said}", service=service)
    if not isinstance(error, OSError):
        return None
    if error.errno in _FULL:
        return IntegrationError(
            f"{service}: {what}: there is no room left for it: {said}; nothing is under the final name, make "
            "room and do it again",
            service=service,
            status=errno.errorcode[error.errno],
        )
    if isinstance(error, FileNotFoundError):
        return NotFoundError(
            f"{service}: {what}: there is no such thing: {said}", service=service, status="ENOENT"
        )
    if isinstance(error, PermissionError):
        return AuthenticationError(
            f"{service}: {what}: it is not allowed: {said}", service=service, status="EACCES"
        )
    closed = error.errno is None and (
        "NoValidConnections" in type(error).__name__ or said == "Socket is closed"
    )
    if closed or isinstance(error, (socket.gaierror, *_BROKEN)) or error.errno in _NETWORK:
        return ConnectionError(
            f"{service}: {what}: the connection failed or broke: {said}; is the server running, and is the "
            "address right?",
            service=service,
            executed="maybe",
        )
    if "aiohttp" in type(error).__module__:
        return None
    return IntegrationError(f"{service}: {what}: {said}", service=service, status=_code_of(error))


def _code_of(error: OSError) -> str | None:
    return errno.errorcode.get(error.errno) if error.errno else None


_BROKEN = (ConnectionResetError, ConnectionRefusedError, ConnectionAbortedError, BrokenPipeError)
_NETWORK = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENOTCONN, errno.ETIMEDOUT)


@contextmanager
def translating(service: str, what: str, conceal: Callable[[Any], str]) -> Iterator[None]:
    """Inside, what a library raises becomes an error of connectors."""
    try:
        yield
    except ArcuateError:
        raise
    except Exception as error:
        raise translated(error, service, what, conceal) from error
