"""What a copy is asked for, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from arcuate.errors import InvalidArgument

__all__ = ["Ask", "Copied", "Exists", "Progress"]

Progress = Callable[[int, "int | None"], object]
"""Told what is done so far, and what there is in all where that is known."""
Exists = Literal["error", "append", "replace"]


@dataclass(frozen=True)
class Ask:
    """How a copy is made.

    Attributes:
        query: what is read of a database instead of a whole table.
        key: a column whose values grow and are unique: rows go in its order, piece by piece, each kept as
            soon as it is written.
        resume: goes on where a copy ended before: at the next byte of a file, after the largest ``key``.
        exists: what happens to rows, keys and files that are there already.
        limit: so many pieces of a stream, at most.
        timeout: seconds without a block after which a stream has ended.
        start: where a stream begins: "new", "all", or a number or identifier of the system's.
        tidy: a labelled array becomes a table with a row for each element.
        lossy: what the target cannot keep is left out and listed.
        variable: one of several things in a file.
        from_format: the source's format, where its name does not say it.
        to_format: the target's.
        source_settings: settings of the source's connector.
        target_settings: settings of the target's.
        progress: told the rows, blocks or bytes that are done.
        after: the largest ``key`` that the target has; found out by the copy itself.
    """

    query: str | None = None
    key: str | None = None
    resume: bool = False
    exists: Exists = "error"
    limit: int | None = None
    timeout: float | None = None
    start: int | str | None = None
    tidy: bool = False
    lossy: bool = False
    variable: str | None = None
    from_format: str | None = None
    to_format: str | None = None
    source_settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    target_settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    progress: Progress | None = field(default=None, repr=False)
    after: Any = None

    def __post_init__(self) -> None:
        if self.exists not in ("error", "append", "replace"):
            raise InvalidArgument(f"exists is 'error', 'append' or 'replace'; got {self.exists!r}")
        if self.limit is not None and self.limit < 1:
            raise InvalidArgument(f"limit is 1 or more; got {self.limit}")
        if self.key is not None and self.exists == "replace":
            raise InvalidArgument("exists='replace' is all or nothing: leave 'key' out")
        if self.timeout is not None and not self.timeout > 0:
            raise InvalidArgument(f"timeout is a number of seconds above 0; got {self.timeout}")

    def only(self, kind: str, *allowed: str) -> None:
        """Refuses what is asked for and means nothing for this end of the copy."""
        for name in ("query", "key", "limit", "timeout", "start", "tidy", "variable"):
            if getattr(self, name) not in (None, False) and name not in allowed:
                raise InvalidArgument(f"{name!r} means nothing for {kind}")


@dataclass(frozen=True)
class Copied:
    """What a copy brought.

    Attributes:
        source: from where, without passwords.
        target: to where.
        pieces: how many were written: batches of rows, arrays, blocks; 0 where bytes were copied.
        rows: of tables; ``None`` where there were none.
        bytes: of files that were copied as they are.
        resumed: bytes of a file that were there already; rows are not counted.
        seconds: how long it took.
        lost: what the target could not keep.
    """

    source: str
    target: str
    pieces: int = 0
    rows: int | None = None
    bytes: int | None = None
    resumed: int = 0
    seconds: float = 0.0
    lost: tuple[Any, ...] = ()
