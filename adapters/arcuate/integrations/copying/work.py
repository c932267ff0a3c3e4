"""The copy itself."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator
from typing import Any

from arcuate.errors import InvalidArgument
from arcuate.integrations.copying.ask import Ask, Copied
from arcuate.integrations.copying.ends import End, end_of
from arcuate.integrations.copying.files import FileEnd, between
from arcuate.integrations.copying.flows import StreamEnd, contents
from arcuate.integrations.copying.pieces import is_table, rows_in

__all__ = ["copy"]


def copy(source: str, target: str, ask: Ask | None = None, /, **asked: Any) -> Copied:
    """Copies from one system to another.

    Args:
        source: a path; an address with what is meant after ``#`` (``postgresql://me@db/lab#table``,
            ``redis://host#key``, ``nats://host#topic``); or ``NAME#PART`` of a configured connector.
        target: the same.
        ask: how (:class:`Ask`).
        **asked: attributes of :class:`Ask`, instead.

    Raises:
        ConversionError: the target cannot hold it exactly; nothing was written, unless ``key`` was given.
        InvalidArgument: an end is not known, is there already, or takes nothing of this kind.
        IntegrationError: a system failed or refused.
    """
    if ask is not None and asked:
        raise InvalidArgument("give an Ask or its attributes, not both")
    if wrong := asked.keys() - Ask.__dataclass_fields__.keys():
        known = ", ".join(Ask.__dataclass_fields__)
        raise InvalidArgument(f"copy has no option {min(wrong)!r}; it has {known}")
    how = ask if ask is not None else Ask(**asked)
    begun = time.perf_counter()
    with contextlib.ExitStack() as stack:
        one = stack.enter_context(contextlib.closing(end_of(source, how.source_settings)))
        other = stack.enter_context(contextlib.closing(end_of(target, how.target_settings)))
        if isinstance(one, FileEnd) and isinstance(other, FileEnd):
            done = between(one, other, how)
        else:
            done = _pieces(one, other, how)
    return dataclasses.replace(done, seconds=time.perf_counter() - begun)


def _pieces(one: End, other: End, ask: Ask) -> Copied:
    if ask.resume:
        if ask.key is None:
            raise InvalidArgument("resume needs a key, a column that grows, unless both ends are files")
        ask = dataclasses.replace(ask, after=other.last(ask))
    one.whole = other.one_value
    one.meets(other)
    count = _Count(ask)
    pieces = one.pieces(ask)
    plain = pieces if not isinstance(one, StreamEnd) or isinstance(other, StreamEnd) else contents(pieces)
    try:
        lost = other.put(count.of(plain), ask)
    finally:
        if hasattr(pieces, "close"):
            pieces.close()
    one.done()
    rows = count.rows if other.written is None else other.written
    return Copied(one.name, other.name, pieces=count.pieces, rows=rows, lost=lost)


class _Count:
    """Counts what goes by, and tells it."""

    def __init__(self, ask: Ask) -> None:
        self.pieces = 0
        self.rows: int | None = None
        self._progress = ask.progress

    def of(self, pieces: Iterator[Any]) -> Iterator[Any]:
        for piece in pieces:
            yield piece
            self.pieces += 1
            found = rows_in(piece)
            if is_table(piece) or self.rows is not None:
                self.rows = (self.rows or 0) + found
            if self._progress is not None:
                self._progress(self.rows if self.rows is not None else self.pieces, None)
