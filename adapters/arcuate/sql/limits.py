"""How long a statement may take: SQLite and DuckDB have no limit of their own, and close() ends what runs."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy as sa

__all__ = ["Running", "heeding", "interruptible", "limited", "watched"]

T = TypeVar("T")
_NO_MORE: Any = object()
_UNTIL = "arcuate_until"
_INTERRUPTED = "Query interrupted"  # what DuckDB's library makes of a Ctrl-C
_STEPS = 50_000  # of SQLite's machine: about a millisecond


class Running:
    """What is carried out at the moment, with what ends it: it may be called by another thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: dict[object, tuple[int | None, Callable[[], object]]] = {}

    @contextmanager
    def one(self, end: Callable[[], object], *, statement: bool = True) -> Iterator[None]:
        """For a statement; or for what is left open until the next, for which nobody waits."""
        with self._changed:
            self._ends[mark := object()] = (threading.get_ident() if statement else None, end)
        try:
            yield
        finally:
            with self._changed:
                del self._ends[mark]
                self._changed.notify_all()

    def end(self, seconds: float) -> None:
        """Ends what runs, and waits for it: so long at most, and not for the thread that calls this.

        It is done again and again: a statement may not have begun when it is ended for the first time.
        """
        until, pause = time.monotonic() + seconds, 0.02
        with self._changed:
            while self._ends:
                for _, end in list(self._ends.values()):
                    with suppress(Exception):
                        if time.monotonic() < until:
                            end()
                self._changed.wait_for(lambda: not self._others(), pause)
                if not self._others() or time.monotonic() > until:
                    return
                pause *= 2

    def _others(self) -> bool:
        return any(thread not in (None, threading.get_ident()) for thread, _ in self._ends.values())


def _is_main() -> bool:
    """Whether this is the thread that takes a Ctrl-C."""
    return threading.current_thread() is threading.main_thread()


def interruptible(steps: Generator[T, None, None], end: Callable[[], object]) -> Generator[T, None, None]:
    """The same steps; a Ctrl-C ends the one that is carried out, by a library that would not take it."""
    if not _is_main():
        yield from steps
        return
    with closing(steps), ThreadPoolExecutor(1) as other:
        while True:
            step = other.submit(next, steps, _NO_MORE)
            try:
                found = step.result()
            except BaseException:
                while not step.done():
                    with suppress(Exception):
                        end()
                    wait([step], 0.1)
                raise
            if found is _NO_MORE:
                return
            yield found


def heeding(engine: sa.Engine) -> None:
    """DuckDB looks for a Ctrl-C between the parts of a statement, one of which may be all of it."""

    def carried_out(name: str) -> None:
        @sa.event.listens_for(engine, name)
        def _(cursor: Any, *given: Any) -> bool:
            raw: Any = given[-1].root_connection.connection.driver_connection
            steps = (getattr(engine.dialect, name)(cursor, *given) for _ in range(1))
            try:
                for _ in interruptible(steps, raw.interrupt):
                    pass
            except KeyboardInterrupt:  # SQLAlchemy would throw the connection away, and what is in memory
                raise RuntimeError(_INTERRUPTED) from None
            return True

    for name in ("do_execute", "do_execute_no_params", "do_executemany"):
        carried_out(name)


def watched(engine: sa.Engine) -> None:
    """SQLite asks from time to time whether it shall go on."""

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        def late() -> bool:
            return bool(time.monotonic() > record.info.get(_UNTIL, float("inf")))

        connection.set_progress_handler(late, _STEPS)


@contextmanager
def limited(
    connection: sa.Connection, kind: str, seconds: float, ended: Callable[[], bool]
) -> Iterator[None]:
    """What is done inside is interrupted after so many seconds, in SQLite and DuckDB.

    Args:
        connection: that of the statement.
        kind: the database.
        seconds: for it.
        ended: whether another thread has ended it.
    """
    if kind == "sqlite":
        connection.info[_UNTIL] = end = time.monotonic() + seconds
        try:
            yield
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            # sqlite3 makes this of a Ctrl-C that comes while it asks; only the main thread takes one.
            told = str(getattr(error, "orig", None) or error) == "interrupted"
            if told and _is_main() and time.monotonic() < end and not ended():
                raise KeyboardInterrupt from None
            raise
        finally:
            connection.info.pop(_UNTIL, None)
    elif kind == "duckdb":
        raw: Any = connection.connection.driver_connection
        timer = threading.Timer(seconds, raw.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        except RuntimeError as error:
            if str(error) == _INTERRUPTED:
                raise KeyboardInterrupt from None
            raise
        finally:
            timer.cancel()
    else:
        yield
