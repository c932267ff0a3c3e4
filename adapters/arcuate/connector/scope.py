"""What belongs to one piece of work, such as a transaction: its thread or task, and what it awaits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

__all__ = ["Scope"]

T = TypeVar("T")
_HELD: ContextVar[Mapping[Any, list[Any]]] = ContextVar("arcuate_scope")


class Scope(Generic[T]):
    """Holds a value for the work that is done inside :meth:`holding`.

    Other threads and other tasks do not see it; ``asyncio.to_thread`` carries it along, which a value of the
    thread alone would not be. Once it is no longer held, nobody sees it, whatever was started inside.
    """

    def get(self) -> T | None:
        """The value; ``None``: none is held here."""
        held = _HELD.get({}).get(self)
        return held[0] if held else None

    @contextmanager
    def holding(self, value: T) -> Iterator[T]:
        """Inside, :meth:`get` gives this value."""
        held = [value]
        _HELD.set({**_HELD.get({}), self: held})
        try:
            yield value
        finally:
            held.clear()
            _HELD.set({one: kept for one, kept in _HELD.get({}).items() if kept})
