"""The log of the demo: each hop between two languages with its time and size, and each check."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from arcuate.errors import InternalError

__all__ = ["Hop", "Journey", "size_of"]

_THRESHOLD = 64 * 1024
_PLAIN = (bool, int, float, str, bytes, type(None))


@dataclass
class Hop:
    """One crossing from one language into another and back.

    Attributes:
        way: the languages, such as ``"Python → R → Python"``.
        what: what was done.
        seconds: how long it took, the work there included.
        there: bytes of data that went there.
        back: bytes that came back.
        shared: whether a part of it was large enough for shared memory.
    """

    way: str
    what: str
    seconds: float = 0.0
    there: int = 0
    back: int = 0
    shared: bool = False

    def sends(self, *values: Any) -> None:
        """Counts what goes there."""
        self.there += sum(map(size_of, values))
        self.shared |= any(_largest(value) >= _THRESHOLD for value in values)

    def receives(self, *values: Any) -> None:
        """Counts what comes back."""
        self.back += sum(map(size_of, values))
        self.shared |= any(_largest(value) >= _THRESHOLD for value in values)


class Journey:
    """All hops and the number of checks that held.

    Attributes:
        hops: in order.
        checks: how many checks held.
    """

    def __init__(self) -> None:
        self.hops: list[Hop] = []
        self.checks = 0

    @contextlib.contextmanager
    def hop(self, way: str, what: str) -> Iterator[Hop]:
        """Times one hop."""
        hop = Hop(way, what)
        started = time.perf_counter()
        yield hop
        hop.seconds = time.perf_counter() - started
        self.hops.append(hop)

    def check(self, holds: object, what: str) -> None:
        """Counts a check; raises InternalError where it does not hold."""
        if not holds:
            raise InternalError(f"the demo found a wrong result: {what} does not hold; please report this")
        self.checks += 1

    def rows(self) -> list[dict[str, Any]]:
        """The hops for JSON."""
        return [dict(vars(hop)) for hop in self.hops]


def size_of(value: Any) -> int:
    """Bytes of data in a value, labels included."""
    return sum(_sizes(value))


def _largest(value: Any) -> int:
    return max(_sizes(value), default=0)


def _sizes(value: Any) -> Iterator[int]:
    if isinstance(value, _PLAIN):
        yield len(value) if isinstance(value, (str, bytes)) else 8
    elif hasattr(value, "memory_usage"):
        yield from map(int, value.memory_usage(index=False, deep=True))
    elif hasattr(value, "coords"):
        yield int(value.nbytes)
        yield from (int(one.nbytes) for one in value.coords.values())
    elif hasattr(value, "nbytes"):
        yield int(value.nbytes)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _sizes(item)
    else:
        yield 0
