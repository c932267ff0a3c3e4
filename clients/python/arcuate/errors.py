"""The error tree of Arcuate: one closed code and one class each, the same on every wire and in every client.

::

    ArcuateError
    ├── InvalidArgument (ValueError)          the call itself is wrong: a keyword, a limit, an option
    ├── EnvironmentNotFound (LookupError)     no such environment here; says how to install it
    ├── NameNotFound (NameError)              no such function, variable or attribute there
    ├── RemoteError                           the foreign code raised; carries class, message and stack
    ├── ConversionError (TypeError)           a value cannot travel; ends with its path
    ├── EnvironmentCrashed                    the interpreter died; carries its last output
    ├── CallTimeout (TimeoutError)            the call's time ran out; the session is usable afterwards
    ├── CallCancelled                         the call was cancelled or interrupted
    ├── ConnectionLost (ConnectionError)      the channel broke
    ├── AuthenticationFailed (PermissionError)
    ├── PermissionDenied (PermissionError)
    ├── RateLimited
    ├── LimitExceeded                         a configured limit; names the setting
    ├── SessionClosed                         the session was closed
    ├── StaleHandle                           the object lived in an interpreter that is gone
    ├── Unavailable                           draining or overloaded
    ├── Unsupported                           this side cannot do that
    ├── ProtocolError                         the other side sent something malformed
    └── InternalError                         a defect of Arcuate
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

__all__ = [
    "ArcuateError",
    "AuthenticationFailed",
    "CallCancelled",
    "CallTimeout",
    "ConnectionLost",
    "ConversionError",
    "EnvironmentCrashed",
    "EnvironmentNotFound",
    "InternalError",
    "InvalidArgument",
    "LimitExceeded",
    "NameNotFound",
    "PermissionDenied",
    "ProtocolError",
    "RateLimited",
    "RemoteError",
    "SessionClosed",
    "StaleHandle",
    "Unavailable",
    "Unsupported",
    "error_class",
    "from_mapping",
    "to_mapping",
]


class ArcuateError(Exception):
    """Base of every error that Arcuate raises.

    Attributes:
        code: the closed code, in capitals, that travels on every wire.
        message: what was found, what was allowed, and what to do.
        executed: ``"no"``, ``"maybe"`` or ``"yes"``: whether the call that failed was carried out there.
        workspace: ``False`` when the interpreter's workspace was lost with the call, ``True`` when it
            survived, ``None`` when it was not touched.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str = "", *, executed: str = "no", workspace: bool | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.executed = executed
        self.workspace = workspace

    def __str__(self) -> str:
        return self.message


class InvalidArgument(ArcuateError, ValueError):
    """The call itself is wrong: an unknown keyword, an impossible option."""

    code = "INVALID_ARGUMENT"


class EnvironmentNotFound(ArcuateError, LookupError):
    """No such environment on this machine. The message says how to install it."""

    code = "ENVIRONMENT_NOT_FOUND"


class NameNotFound(ArcuateError, NameError):
    """No function, variable, package or attribute of that name in the environment."""

    code = "NAME_NOT_FOUND"


class RemoteError(ArcuateError):
    """The foreign code raised an error.

    Attributes:
        classes: the condition's classes there, most specific first: R's condition classes, Octave's
            identifier, Python's class names.
        remote_message: the message as a user of that language would see it.
        stack: the call stack there, outermost first, one text per frame.
        language: the language it happened in.
        identifier: Octave's or MATLAB's error identifier, or ``""``.
    """

    code = "REMOTE_ERROR"

    def __init__(
        self,
        message: str = "",
        *,
        classes: Sequence[str] = (),
        stack: Sequence[str] = (),
        language: str = "",
        identifier: str = "",
        executed: str = "yes",
        workspace: bool | None = None,
    ) -> None:
        super().__init__(message, executed=executed, workspace=workspace)
        self.remote_message = message
        self.classes = tuple(classes)
        self.stack = tuple(stack)
        self.language = language
        self.identifier = identifier

    def __str__(self) -> str:
        head = f"{self.classes[0]}: {self.message}" if self.classes else self.message
        if not self.stack:
            return head
        where = self.language or "there"
        return (
            head
            + f"\n  stack in {where}, outermost first:\n"
            + "\n".join(f"    {frame}" for frame in self.stack)
        )


class ConversionError(ArcuateError, TypeError):
    """A value cannot travel without a change that is not permitted.

    Attributes:
        path: where it stands in the value, such as ``$.args[1].weights[3]``.
    """

    code = "CONVERSION"

    def __init__(
        self, message: str = "", *, path: str = "", executed: str = "no", workspace: bool | None = None
    ) -> None:
        super().__init__(message, executed=executed, workspace=workspace)
        self._path = path

    @property
    def path(self) -> str:
        """The path from the root of the message, beginning with ``$``."""
        return self._path if self._path.startswith("$") else "$" + self._path

    def prepend(self, step: str) -> ConversionError:
        """Puts one step, such as ``[3]`` or ``.weights``, before the path; returns the error itself."""
        if not self._path.startswith("$"):
            self._path = step + self._path
        return self

    def __str__(self) -> str:
        return f"{self.message} - at {self.path}"


class EnvironmentCrashed(ArcuateError):
    """The interpreter ended while it was needed. ``output`` holds the last that it printed."""

    code = "ENVIRONMENT_CRASHED"

    def __init__(
        self,
        message: str = "",
        *,
        output: str = "",
        returncode: int | None = None,
        executed: str = "maybe",
        workspace: bool | None = False,
    ) -> None:
        super().__init__(message, executed=executed, workspace=workspace)
        self.output = output
        self.returncode = returncode

    def __str__(self) -> str:
        tail = self.output.strip()
        return f"{self.message}\n  last output:\n{tail}" if tail else self.message


class CallTimeout(ArcuateError, TimeoutError):
    """The call's time ran out and it was interrupted."""

    code = "CALL_TIMEOUT"


class CallCancelled(ArcuateError):
    """The call was cancelled or interrupted."""

    code = "CALL_CANCELLED"


class ConnectionLost(ArcuateError, ConnectionError):
    """The channel to the other side broke."""

    code = "CONNECTION_LOST"


class AuthenticationFailed(ArcuateError, PermissionError):
    """Who the caller is could not be established."""

    code = "AUTHENTICATION_FAILED"


class PermissionDenied(ArcuateError, PermissionError):
    """The caller may not do that."""

    code = "PERMISSION_DENIED"


class RateLimited(ArcuateError):
    """Too many calls in too short a time."""

    code = "RATE_LIMITED"


class LimitExceeded(ArcuateError):
    """A configured limit was met. ``setting`` names it."""

    code = "LIMIT_EXCEEDED"

    def __init__(
        self, message: str = "", *, setting: str = "", executed: str = "no", workspace: bool | None = None
    ) -> None:
        super().__init__(message, executed=executed, workspace=workspace)
        self.setting = setting


class SessionClosed(ArcuateError):
    """The session was closed, or belongs to another process."""

    code = "SESSION_CLOSED"


class StaleHandle(ArcuateError):
    """The object lived in an interpreter that has been restarted or closed."""

    code = "STALE_HANDLE"


class Unavailable(ArcuateError):
    """The other side is draining or overloaded."""

    code = "UNAVAILABLE"


class Unsupported(ArcuateError):
    """The environment or the transport cannot do that."""

    code = "UNSUPPORTED"


class ProtocolError(ArcuateError):
    """The other side sent something malformed."""

    code = "PROTOCOL_ERROR"


class InternalError(ArcuateError):
    """A defect of Arcuate itself."""

    code = "INTERNAL"


_CLASSES: dict[str, type[ArcuateError]] = {
    cls.code: cls
    for cls in (
        InvalidArgument,
        EnvironmentNotFound,
        NameNotFound,
        RemoteError,
        ConversionError,
        EnvironmentCrashed,
        CallTimeout,
        CallCancelled,
        ConnectionLost,
        AuthenticationFailed,
        PermissionDenied,
        RateLimited,
        LimitExceeded,
        SessionClosed,
        StaleHandle,
        Unavailable,
        Unsupported,
        ProtocolError,
        InternalError,
    )
}


def error_class(code: str) -> type[ArcuateError]:
    """The class of a closed code; an unknown code is an :class:`InternalError`."""
    return _CLASSES.get(code, InternalError)


def from_mapping(data: Mapping[str, Any]) -> ArcuateError:
    """Builds the error that an ``error`` message describes.

    Args:
        data: the message: ``code``, ``message``, and where they apply ``class``, ``stack``, ``language``,
            ``identifier``,
            ``path``, ``setting``, ``output``, ``returncode``, ``executed``, ``workspace``.
    """
    cls = error_class(str(data.get("code", "")))
    message = str(data.get("message", ""))
    common: dict[str, Any] = {
        "executed": str(data.get("executed", "no" if cls is ConversionError else "maybe")),
        "workspace": data.get("workspace"),
    }
    if cls is RemoteError:
        common["executed"] = str(data.get("executed", "yes"))
        return RemoteError(
            message,
            classes=[str(item) for item in _texts(data.get("class"))],
            stack=[str(item) for item in _texts(data.get("stack"))],
            language=str(data.get("language", "")),
            identifier=str(data.get("identifier", "")),
            **common,
        )
    if cls is ConversionError:
        return ConversionError(message, path=str(data.get("path", "$")), **common)
    if cls is EnvironmentCrashed:
        status = data.get("returncode")
        return EnvironmentCrashed(
            message,
            output=str(data.get("output", "")),
            returncode=status if isinstance(status, int) else None,
            **common,
        )
    if cls is LimitExceeded:
        return LimitExceeded(message, setting=str(data.get("setting", "")), **common)
    return cls(message, **common)


def to_mapping(error: ArcuateError) -> dict[str, Any]:
    """The ``error`` message of an error: the inverse of :func:`from_mapping`."""
    data: dict[str, Any] = {"code": error.code, "message": error.message, "executed": error.executed}
    if error.workspace is not None:
        data["workspace"] = error.workspace
    if isinstance(error, RemoteError):
        data["class"] = list(error.classes)
        data["stack"] = list(error.stack)
        data["language"] = error.language
        data["identifier"] = error.identifier
    elif isinstance(error, ConversionError):
        data["path"] = error.path
    elif isinstance(error, EnvironmentCrashed):
        data["output"] = error.output
        if error.returncode is not None:
            data["returncode"] = error.returncode
    elif isinstance(error, LimitExceeded):
        data["setting"] = error.setting
    return data


def _texts(value: Any) -> Sequence[Any]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
