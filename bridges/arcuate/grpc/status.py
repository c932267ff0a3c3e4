"""Errors as gRPC tells them: a status code, and a ``google.rpc.Status`` with the error in its details."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any

import grpc
from google.protobuf.any_pb2 import Any as Packed
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from arcuate.errors import ArcuateError, InternalError, to_mapping
from arcuate.v1.error_pb2 import Error, ErrorCode, Executed, Workspace

__all__ = ["CODES", "DETAILS", "fill_error", "refuse", "refused", "status_of"]

refused: ContextVar[Callable[[ArcuateError], None] | None] = ContextVar("refused", default=None)
"""Told of the errors of a plain call that were raised before the hub had it."""

DETAILS = "grpc-status-details-bin"
"""The trailing metadata in which gRPC carries a ``google.rpc.Status``."""
CODES = {
    "INVALID_ARGUMENT": grpc.StatusCode.INVALID_ARGUMENT,
    "ENVIRONMENT_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "NAME_NOT_FOUND": grpc.StatusCode.NOT_FOUND,
    "REMOTE_ERROR": grpc.StatusCode.UNKNOWN,
    "CONVERSION": grpc.StatusCode.INVALID_ARGUMENT,
    "ENVIRONMENT_CRASHED": grpc.StatusCode.ABORTED,
    "CALL_TIMEOUT": grpc.StatusCode.DEADLINE_EXCEEDED,
    "CALL_CANCELLED": grpc.StatusCode.CANCELLED,
    "CONNECTION_LOST": grpc.StatusCode.UNAVAILABLE,
    "AUTHENTICATION_FAILED": grpc.StatusCode.UNAUTHENTICATED,
    "PERMISSION_DENIED": grpc.StatusCode.PERMISSION_DENIED,
    "RATE_LIMITED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "LIMIT_EXCEEDED": grpc.StatusCode.RESOURCE_EXHAUSTED,
    "SESSION_CLOSED": grpc.StatusCode.FAILED_PRECONDITION,
    "STALE_HANDLE": grpc.StatusCode.FAILED_PRECONDITION,
    "UNAVAILABLE": grpc.StatusCode.UNAVAILABLE,
    "UNSUPPORTED": grpc.StatusCode.UNIMPLEMENTED,
    "PROTOCOL_ERROR": grpc.StatusCode.INVALID_ARGUMENT,
    "INTERNAL": grpc.StatusCode.INTERNAL,
}
"""The status code of each code of Arcuate; ``error.proto`` has the same table."""
_MESSAGE = 1024
"""Characters of an error's message in the status; gRPC allows 8 KiB for all trailing metadata."""
_DETAIL_BYTES = 4096


def fill_error(target: Error, fields: Mapping[str, Any]) -> Error:
    """Writes the fields of an ``error`` message of the bus into a message of ``error.proto``."""
    code = f"ERROR_CODE_{fields.get('code')}"
    target.code = _number(ErrorCode, code) or _number(ErrorCode, "ERROR_CODE_INTERNAL")
    target.message = str(fields.get("message", ""))
    target.executed = _number(Executed, f"EXECUTED_{str(fields.get('executed', '')).upper()}")
    workspace = fields.get("workspace")
    if workspace is not None:
        target.workspace = _number(Workspace, "WORKSPACE_KEPT" if workspace else "WORKSPACE_LOST")
    target.classes.extend(str(one) for one in fields.get("class") or ())
    target.stack.extend(str(one) for one in fields.get("stack") or ())
    for key in ("language", "identifier", "path", "setting", "output"):
        setattr(target, key, str(fields.get(key) or ""))
    returncode = fields.get("returncode")
    if isinstance(returncode, int):
        target.returncode = returncode
    return target


def _number(kind: Any, name: str) -> Any:
    """The number of a name of an enum; 0 where there is none."""
    return dict(kind.items()).get(name, 0)


def status_of(fields: Mapping[str, Any]) -> tuple[grpc.StatusCode, str, bytes]:
    """Status code, message and serialised ``google.rpc.Status`` of an ``error`` message of the bus."""
    code = CODES.get(str(fields.get("code")), grpc.StatusCode.INTERNAL)
    message = str(fields.get("message", ""))
    if len(message) > _MESSAGE:
        message = f"{message[: _MESSAGE - 4]} ..."
    error = fill_error(Error(), {**fields, "message": message})
    _shorten(error)
    info = ErrorInfo(reason=str(fields.get("code", "INTERNAL")), domain="arcuate")
    for key in ("setting", "path", "executed", "language"):
        if fields.get(key):
            info.metadata[key] = str(fields[key])[:256]
    status = Status(code=code.value[0], message=message)
    for detail in (error, info):
        packed = Packed()
        packed.Pack(detail)
        status.details.append(packed)
    return code, message, status.SerializeToString()


def _shorten(error: Error) -> None:
    """Cuts what is long: the innermost frames of a stack and the last lines of output say most."""
    if error.ByteSize() > _DETAIL_BYTES:
        error.output = error.output[-1000:]
        for at, line in enumerate(error.stack):
            error.stack[at] = line[:200]
        for at, line in enumerate(error.classes):
            error.classes[at] = line[:200]
        del error.classes[20:]
        error.path, error.identifier = error.path[:500], error.identifier[:200]
    while error.stack and error.ByteSize() > _DETAIL_BYTES:
        del error.stack[0]


async def refuse(context: Any, error: BaseException | Mapping[str, Any]) -> None:
    """Ends a call with an error.

    Args:
        context: the call's context.
        error: an exception, or the fields of an ``error`` message.
    """
    if isinstance(error, BaseException):
        if not isinstance(error, ArcuateError):
            error = InternalError(f"{type(error).__name__}: {error}", executed="maybe")
        tell = refused.get()
        if tell is not None:
            tell(error)
        error = to_mapping(error)
    code, message, details = status_of(error)
    await context.abort(code, message, trailing_metadata=((DETAILS, details),))
