"""Python functions that the other side may call back."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["MAX_NESTED", "Callbacks", "describe_exception"]

MAX_NESTED = 50
"""How deep calls and callbacks may nest."""


class Callbacks:
    """The functions that a session has handed out, by id.

    They are kept until the session closes, since the other side may have stored them. Objects of other
    sessions are counted, and go when the other side says so.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._functions: dict[str, Callable[..., Any]] = {}
        self._ids: dict[int, str] = {}
        self._counts: Counter[str] = Counter()
        self._next = 0
        self.dropped: list[str] = []
        self.failed: BaseException | None = None

    def register(
        self, function: Callable[..., Any], foreign: bool = False
    ) -> tuple[str, Mapping[str, Any] | None]:
        """The id of a function, the same each time for the same object, and what is known of it.

        Args:
            function: the function.
            foreign: whether it stands for an object of another session.
        """
        with self._lock:
            number = self._ids.get(id(function))
            if number is None:
                self._next += 1
                number = f"session/f{self._next}" if foreign else f"f{self._next}"
                self._ids[id(function)] = number
                self._functions[number] = function
            if foreign:
                self._counts[number] += 1
        return number, {"name": getattr(function, "__name__", type(function).__name__)}

    def find(self, number: str) -> Callable[..., Any] | None:
        """The function of an id."""
        return self._functions.get(number)

    def release(self, numbers: Iterable[str]) -> None:
        """The other side lets go of these: each mention takes one count back, at :meth:`settle`."""
        self.dropped += numbers

    def settle(self) -> None:
        """Takes off what the other side let go of before its answer, which could still name it."""
        names, self.dropped = self.dropped, []
        with self._lock:
            for number in names:
                if number in self._counts:
                    self._counts[number] -= 1
                    if not self._counts[number]:
                        self._forget(number)

    def renew(self) -> None:
        """The other side is gone, and the objects of other sessions that it had."""
        with self._lock:
            for number in list(self._counts):
                self._forget(number)

    def _forget(self, number: str) -> None:
        del self._counts[number]
        self._ids.pop(id(self._functions.pop(number, None)), None)

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._functions.clear()
            self._ids.clear()
            self._counts.clear()
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
