"""How long a statement of SQLite or DuckDB may take: they have no limit of their own, servers have."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

__all__ = ["limited", "watched"]

_UNTIL = "arcuate_until"
_STEPS = 50_000  # of SQLite's machine: about a millisecond


def watched(engine: sa.Engine) -> None:
    """SQLite asks from time to time whether it shall go on."""

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        def late() -> bool:
            return bool(time.monotonic() > record.info.get(_UNTIL, float("inf")))

        connection.set_progress_handler(late, _STEPS)


@contextmanager
def limited(connection: sa.Connection, kind: str, seconds: float) -> Iterator[None]:
    """What is done inside is interrupted after so many seconds, in SQLite and DuckDB."""
    if kind == "sqlite":
        connection.info[_UNTIL] = end = time.monotonic() + seconds
        try:
            yield
        except (sa.exc.OperationalError, sqlite3.OperationalError) as error:
            # sqlite3 makes this of a Ctrl-C that comes while it asks; only the main thread takes one.
            told = str(getattr(error, "orig", None) or error) == "interrupted"
            if told and time.monotonic() < end and threading.current_thread() is threading.main_thread():
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
        finally:
            timer.cancel()
    else:
        yield
