"""Databases as ends of a copy: rows, piece by piece."""

from __future__ import annotations

import itertools
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from arcuate.connector import IntegrationError, NotFoundError
from arcuate.errors import InvalidArgument
from arcuate.integrations.copying.ask import Ask
from arcuate.integrations.copying.ends import End
from arcuate.integrations.copying.pieces import after, tables
from arcuate.integrations.kinds import connector
from arcuate.worker.folders import passing

__all__ = ["DocumentsEnd", "SQLEnd"]

_ROWS = 65_536


class SQLEnd(End):
    """A table of a database, or with ``query`` what a query gives."""

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        super().__init__(where, part, settings)
        self.db: Any = connector(where, **settings)
        self._aside = False

    def close(self) -> None:
        self.db.close()

    # --- Reading

    def meets(self, other: End) -> None:
        """A file of SQLite cannot be written while it is read: what is read is put aside first."""
        mine = self._file("sqlite")
        its = other._file("sqlite") if isinstance(other, SQLEnd) else None
        if mine is not None and its is not None and mine.exists() and its.exists():
            self._aside = mine.samefile(its)

    def pieces(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        found = self._rows(ask)
        return _put_aside(found, self.name) if self._aside else found

    def _rows(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        ask.only("reading a database", "query", "key", "tidy")
        if bool(ask.query) == bool(self.part):
            raise InvalidArgument(
                f"{self.name}: give one of a table ({self.name.partition('#')[0]}#TABLE) and a query"
            )
        self._need_file()
        query = ask.query or f"SELECT * FROM {self.db.quoted(self.part)}"  # noqa: S608
        if ask.key is None:
            return iter(self.db.stream_arrow(query, rows=_ROWS))
        key, query = self.db.quoted(ask.key), query.rstrip().rstrip(";")
        if ask.after is None:
            ordered = f"SELECT * FROM ({query}) AS copied ORDER BY {key}"  # noqa: S608
            return iter(self.db.stream_arrow(ordered, rows=_ROWS))
        query = query.replace("%", "%%")
        later = f"{key} > %s OR {key} IS NULL"  # a row without a key is an error, not left out
        ordered = f"SELECT * FROM ({query}) AS copied WHERE {later} ORDER BY {key}"  # noqa: S608
        return iter(self.db.stream_arrow(ordered, (ask.after,), rows=_ROWS))

    def _need_file(self) -> None:
        """What is read is there: a database in a file would be made when it is opened."""
        path = self._file("sqlite", "duckdb")
        if path is not None and not path.exists():
            raise NotFoundError(
                f"{self.name}: there is no file {str(path)!r} in {str(Path.cwd())!r}", service="copy"
            )

    def _file(self, *kinds: str) -> Path | None:
        """The file of a database that is one."""
        kind, _, path = str(self.db.config.url).partition(":///")
        kind, path = kind.partition("+")[0], path.partition("?")[0]
        return Path(path) if kind in kinds and path not in ("", ":memory:") else None

    # --- Writing

    def _table(self) -> str:
        if not self.part:
            raise InvalidArgument(f"{self.name}: into which table? Write {self.name}#TABLE")
        return self.part

    def last(self, ask: Ask) -> Any:
        table = self._table()
        if not self.db.has_table(table):
            return None
        key = self.db.quoted(ask.key)
        rows = self.db.execute_query(f"SELECT MAX({key}) AS last FROM {self.db.quoted(table)}")  # noqa: S608
        return rows[0]["last"]

    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        table = self._table()
        lost: list[str] = []
        found = tables(pieces, self.name, tidy=ask.tidy, lost=lost)
        self.written = 0
        first = next(found, None)
        if first is None:
            return ()
        made = self._prepare(table, first.schema, ask)
        rest = itertools.chain([first], found)
        try:
            if ask.key is not None:
                before = None
                for one in rest:
                    new = after(one, ask.key, ask.after, before)
                    if one.num_rows:
                        before = one.column(ask.key)[-1].as_py()
                    if new.num_rows:
                        self.written += self.db.insert(table, new)
            else:
                with self.db.transaction():
                    if ask.exists == "replace" and not made:
                        self.db.execute_query(f"DELETE FROM {self.db.quoted(table)}")  # noqa: S608
                    for one in rest:
                        self.written += self.db.insert(table, one)
        except BaseException:
            if made and ask.key is None:  # nothing came into it
                self.db.execute_query(f"DROP TABLE {self.db.quoted(table)}")
            raise
        return tuple(lost)

    def _prepare(self, table: str, schema: pa.Schema, ask: Ask) -> bool:
        """Makes the table if there is none; whether it was made."""
        if not self.db.has_table(table):
            self.db.create_table(table, schema)
            return True
        if ask.exists == "error" and not ask.resume:
            raise InvalidArgument(
                f"{self.name} is there already; say exists='append' or 'replace', or resume with a key"
            )
        return False


def _put_aside(found: Iterator[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    """The same batches, from a file in the folder for temporary ones that has all of them."""
    with passing() as folder:
        path = str(Path(folder, "rows"))
        try:
            first = next(found)
            with pa.OSFile(path, "wb") as file, pa.ipc.new_stream(file, first.schema) as writer:
                for one in itertools.chain([first], found):
                    writer.write_batch(one)
        except OSError as error:
            raise IntegrationError(
                f"{name} is read and written at once, which SQLite cannot do, so its rows are put aside in "
                f"{tempfile.gettempdir()!r} first, and that failed: {error}. Set TMPDIR to a folder with "
                "more room",
                service="copy",
            ) from error
        with pa.OSFile(path) as file, pa.ipc.open_stream(file) as reader:
            yield from reader


class DocumentsEnd(End):
    """A collection of documents, as rows of a table."""

    takes = "collection"

    def __init__(self, where: str, part: str, settings: dict[str, Any]) -> None:
        super().__init__(where, part, settings)
        self.store: Any = connector(where, **settings)

    def close(self) -> None:
        self.store.close()

    def pieces(self, ask: Ask) -> Iterator[pa.RecordBatch]:
        ask.only("reading documents", "tidy")
        return iter(self.store.stream_arrow(self.part))

    def put(self, pieces: Iterator[Any], ask: Ask) -> tuple[Any, ...]:
        if ask.key is not None:
            raise InvalidArgument(f"'key' means nothing for writing {self.name}: documents have no order")
        there = self.store.count(self.part)
        if there and ask.exists == "error":
            raise InvalidArgument(f"{self.name} has {there} documents; say exists='append' or 'replace'")
        self.written = 0
        lost: list[str] = []
        found = tables(pieces, self.name, tidy=ask.tidy, lost=lost)
        if there and ask.exists == "replace":
            self._replace(found)
            return tuple(lost)
        for table in found:
            self.written += len(self.store.insert(self.part, table))
        return tuple(lost)

    def _replace(self, found: Iterator[pa.Table]) -> None:
        """Writes beside the collection and lets the server put that into its place, all at once."""
        beside = f"{self.part}.arcuate-{uuid.uuid4().hex[:12]}"
        try:
            for table in found:
                self.written = (self.written or 0) + len(self.store.insert(beside, table))
            if self.written:
                self.store.aggregate(beside, [{"$out": self.part}])
            else:
                self.store.delete(self.part, {}, many=True)
        finally:
            self.store.drop(beside)
