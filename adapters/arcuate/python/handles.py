"""Objects that stay in this interpreter, by number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from arcuate.errors import StaleHandle

__all__ = ["Handles"]


class Handles:
    """Objects that the host holds a reference to; counted, one number per object."""

    def __init__(self, generation: int) -> None:
        self._generation = generation
        self._next = 0
        self._objects: dict[str, list[Any]] = {}  # id -> [object, count]
        self._ids: dict[int, str] = {}

    def keep(self, value: Any) -> tuple[str, Mapping[str, Any]]:
        """The id of an object and what is told about it."""
        number = self._ids.get(id(value))
        if number is None:
            self._next += 1
            number = f"{self._generation}:{self._next}"
            self._ids[id(value)] = number
            self._objects[number] = [value, 0]
        self._objects[number][1] += 1
        names = [
            f"{cls.__module__}.{cls.__qualname__}".removeprefix("builtins.")
            for cls in type(value).__mro__[:-1]
        ]
        info = {
            "class": names or ["object"],
            "summary": _short(value),
            "callable": callable(value),
            "language": "Python",
        }
        return number, info

    def find(self, number: str) -> Any:
        """The object of an id."""
        try:
            return self._objects[number][0]
        except KeyError:
            raise StaleHandle(
                f"no object {number!r} in this interpreter; it was released, or made before a restart"
            ) from None

    def release(self, number: str) -> None:
        """Takes one count back."""
        entry = self._objects.get(number)
        if entry is None:
            return
        entry[1] -= 1
        if entry[1] <= 0:
            del self._objects[number]
            del self._ids[id(entry[0])]


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception as error:
        text = f"<{type(value).__name__}: {type(error).__name__} in repr>"
    # NUL and lone surrogates cannot travel as text
    text = text.replace("\0", "\\0").encode("utf-8", "replace").decode()
    return text if len(text) <= 200 else text[:199] + "…"
