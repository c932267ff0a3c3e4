"""The exceptions of ``matlab.engine``, as members of Arcuate's own error tree.

A parse error in the m-code is Python's own ``SyntaxError``, a value that cannot travel a ``TypeError``.
"""

from __future__ import annotations

import concurrent.futures

from arcuate.errors import (
    ArcuateError,
    CallCancelled,
    CallTimeout,
    ConnectionLost,
    EnvironmentCrashed,
    InternalError,
    NameNotFound,
    ProtocolError,
    RemoteError,
    SessionClosed,
    Unavailable,
)

__all__ = [
    "CancelledError",
    "EngineError",
    "InterruptedError",
    "MatlabExecutionError",
    "RejectedExecutionError",
    "TimeoutError",
    "translated",
]

_PARSE_ERROR = "Octave:parse-error"


class EngineError(Unavailable):
    """The engine cannot be started, found, reached or shared, or it ended during the call."""


class MatlabExecutionError(RemoteError):
    """The m-code raised an error. ``identifier`` and ``stack`` tell more than MathWorks' class does."""

    def __str__(self) -> str:
        return self.message


class RejectedExecutionError(SessionClosed):
    """The engine has ended, so that it takes no further calls."""


class TimeoutError(CallTimeout):  # noqa: A001  (the names are MathWorks')
    """No result within the time given."""


class CancelledError(CallCancelled, concurrent.futures.CancelledError):
    """The call was cancelled by :meth:`FutureResult.cancel`."""


class InterruptedError(CallCancelled):  # noqa: A001
    """The call was interrupted from elsewhere."""


def translated(error: ArcuateError) -> Exception:
    """What a user of ``matlab.engine`` expects in place of an error of a session."""
    if isinstance(error, RemoteError):
        if error.identifier == _PARSE_ERROR or error.message.startswith("parse error"):
            return SyntaxError(error.message)
        return MatlabExecutionError(
            error.message,
            classes=error.classes,
            stack=error.stack,
            language=error.language,
            identifier=error.identifier,
            workspace=error.workspace,
        )
    if isinstance(error, NameNotFound):
        return MatlabExecutionError(error.message, identifier="Octave:undefined-function", language="Octave")
    if isinstance(error, CallTimeout):
        return TimeoutError(error.message, executed=error.executed, workspace=error.workspace)
    if isinstance(error, CallCancelled):
        return InterruptedError(error.message, executed=error.executed, workspace=error.workspace)
    if isinstance(error, SessionClosed):
        return RejectedExecutionError(error.message)
    if isinstance(error, (EnvironmentCrashed, ConnectionLost, ProtocolError, InternalError)):
        return EngineError(str(error), executed=error.executed, workspace=error.workspace)
    return error  # a value that cannot travel, an argument that is none: TypeError and ValueError already
