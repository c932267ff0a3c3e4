"""Python functions that the other side may call back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["MAX_NESTED", "Callbacks", "describe_exception"]

MAX_NESTED = 50
"""How deep calls and callbacks may nest."""


class Callbacks:
    """The functions that a session has handed out, by id.

    They are kept until the session closes, since the other side may have stored them.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: dict[str, Callable[..., Any]] = {}
        self._ids: dict[int, str] = {}
        self.failed: BaseException | None = None

    def register(self, function: Callable[..., Any]) -> tuple[str, Mapping[str, Any] | None]:
        """The id of a function, the same each time for the same object, and what is known of it."""
        with self._lock:
            number = self._ids.get(id(function))
            if number is None:
                number = f"f{len(self._functions) + 1}"
                self._ids[id(function)] = number
                self._functions[number] = function
        return number, {"name": getattr(function, "__name__", type(function).__name__)}

    def find(self, number: str) -> Callable[..., Any] | None:
        """The function of an id."""
        return self._functions.get(number)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._functions.clear()
            self._ids.clear()
            self.failed = None


def describe_exception(error: BaseException) -> dict[str, Any]:
    """The ``raise`` message's fields for an exception in a callback."""
    import traceback

    stack = [
        f"{frame.name} ({frame.filename}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if "arcuate" not in frame.filename.replace("\\", "/").split("/")
    ]
    names = [cls.__name__ for cls in type(error).__mro__ if issubclass(cls, BaseException)][:-1]
    return {
        "code": "REMOTE_ERROR",
        "message": str(error) or type(error).__name__,
        "class": names or [type(error).__name__],
        "stack": stack,
        "language": "Python",
    }
