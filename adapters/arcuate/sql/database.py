"""The connector of SQL databases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from typing import Any, ClassVar, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.ipc
import sqlalchemy as sa
from typing_extensions import Self

from arcuate.connector import Connector, IntegrationError, redacted
from arcuate.connector.scope import Scope
from arcuate.connector.tables import batch_of, columns_of, names_of, rows_of, to_pandas
from arcuate.errors import ConversionError, InvalidArgument, SessionClosed, Unsupported
from arcuate.sql.errors import given_up, is_late, translated, translating
from arcuate.sql.kept import Column, catalogue, look
from arcuate.sql.limits import Running, interruptible, limited
from arcuate.sql.settings import DatabaseConfig, Killing, arguments_of, engine_of, kind_of
from arcuate.sql.statements import Parameters, bound, execute, in_style, in_transaction, is_aborted
from arcuate.sql.tables import as_bytes, columns_for, described

__all__ = ["DatabaseConnector"]

T = TypeVar("T")
Row = dict[str, Any]
_FLOAT = 4  # of MySQL's protocol
_NO_ROWS = "the statement is not one that reads; execute_query is for such"


@dataclass
class _Transaction:
    """One that goes on.

    Attributes:
        connection: its connection.
        failed: the last error in it.
        ended: the error at which the database ended it.
        streams: what is read in it and is not at its end.
    """

    connection: sa.Connection
    failed: IntegrationError | None = None
    ended: IntegrationError | None = None
    streams: list[Any] = field(default_factory=list)


class DatabaseConnector(Connector):
    """A database.

    A statement outside of :meth:`transaction` is a transaction of its own. Inside, it belongs to that one: in
    this thread or task, and what ``asyncio.to_thread`` does for it, one statement after the other. What only
    reads (``read_*``) is repeated when the connection is lost; what may write is not.

    Args:
        config: a configuration, or a mapping with a ``url``.
        **arguments: settings of :class:`DatabaseConfig`.
    """

    Config = DatabaseConfig
    default_name: ClassVar[str] = "database"

    def __init__(self, config: DatabaseConfig | Mapping[str, Any] | None = None, /, **arguments: Any) -> None:
        super().__init__(config, **arguments)
        self.kind, self._url = kind_of(self.config.url)
        self._engine: sa.Engine | None = None
        self._mine: Scope[_Transaction] = Scope()
        self._running = Running()

    # --- Life

    def _open(self) -> None:
        engine = engine_of(self.kind, self._url, self.config)

        @sa.event.listens_for(engine, "checkin")
        def _(_connection: Any, record: Any) -> None:
            if self._closed:  # it was in use while close() ended the others
                record.invalidate()

        self._engine = engine

    def _close(self) -> None:
        if self._engine is not None:
            self._running.end(self.config.timeouts.connect)
            self._engine.dispose()

    def _check(self) -> Mapping[str, Any]:
        with self._translating(), self._connect() as connection:
            asked = "SELECT sqlite_version()" if self.kind == "sqlite" else "SELECT version()"
            return {"version": str(connection.exec_driver_sql(asked).scalar()), "kind": self.kind}

    def _translating(self) -> Any:
        others: tuple[type[Exception], ...] = ()
        if self.kind == "postgresql":
            import psycopg

            from arcuate.sql.postgres import ADBC_ERRORS

            others = (psycopg.Error, *ADBC_ERRORS)
        elif self.kind == "duckdb":
            import duckdb

            others = (duckdb.Error,)
        return translating(self.name, self.conceal, others)

    # --- Connections and transactions

    def _connect(self) -> sa.Connection:
        self.open()
        assert self._engine is not None
        with self._translating():
            connection = self._engine.connect()
        if self._closed:
            connection.close()
            self._still_open()
        return connection

    @property
    def _current(self) -> sa.Connection | None:
        """The connection of the transaction that is carried out here."""
        found = self._mine.get()
        return None if found is None else found.connection

    @contextmanager
    def _using(self, connect: Callable[[], sa.Connection], *, reads: bool = False) -> Iterator[sa.Connection]:
        """A connection: that of the transaction, or a new one whose work is committed at the end.

        PostgreSQL itself sees to it that what ``reads`` changes nothing.
        """
        if self._current is not None:
            with self._inside(self._current) as connection:
                yield connection
            return
        with connect() as connection:
            with self._translating():
                if reads and self.kind == "postgresql":
                    connection.execution_options(postgresql_readonly=True)
                connection.begin()
                yield connection
            self._commit(connection)

    @contextmanager
    def _inside(self, connection: sa.Connection) -> Iterator[sa.Connection]:
        """For one statement of a transaction.

        Its error may end the transaction in the database: what was before is lost, what comes after kept.
        """
        self._goes_on()
        mine = self._mine.get()
        assert mine is not None
        self._at_its_end(mine)
        before = in_transaction(connection, self.kind)
        try:
            with self._translating():
                yield connection
        except IntegrationError as error:
            mine.failed = error
            if before and not in_transaction(connection, self.kind, asking=True):
                mine.ended = error
            raise

    def _at_its_end(self, mine: _Transaction | None) -> None:
        """MySQL and DuckDB would throw the rest of a stream away, as if it were not there."""
        if mine is not None and mine.streams and self.kind in ("mysql", "duckdb"):
            raise InvalidArgument(
                f"{self.name}: a stream in this transaction is not at its end, and until then the database "
                "does nothing else: read it to its end, close() it, or begin it outside of the transaction"
            )

    @contextmanager
    def _streaming(self, stream: Any) -> Iterator[Callable[[], None]]:
        """For a stream; what is given looks whether its transaction still goes on."""
        mine = self._mine.get()
        if mine is None:
            yield lambda: None
            return

        def look() -> None:
            if stream not in mine.streams:
                raise InvalidArgument(
                    f"{self.name}: the transaction in which this stream began has ended; read it inside"
                )

        mine.streams.append(stream)
        try:
            yield look
        finally:
            if stream in mine.streams:
                mine.streams.remove(stream)

    def _left(self, mine: _Transaction, but: Sequence[Any] = (), *, keeping: bool = True) -> None:
        """Ends streams that are not at their end: closed later they would disturb what comes then."""
        streams = [one for one in mine.streams if one not in but]
        mine.streams[:] = [one for one in mine.streams if one in but]
        for one in streams:
            if mine.connection.invalidated:
                return
            if self.kind == "mysql" and not keeping:  # it would read all of the rest
                raw: Any = mine.connection.connection.driver_connection
                raw._result.unbuffered_active = False
                mine.connection.invalidate()
            else:
                one.close()

    def _goes_on(self) -> None:
        mine = self._mine.get()
        if mine is not None and mine.ended is not None:
            raise given_up(self.name, f"the database ended the transaction at an error ({mine.ended})")

    def _keeps(self) -> None:
        """After an error PostgreSQL and DuckDB say yes to a commit and keep nothing of the transaction."""
        mine = self._mine.get()
        if mine is None or not is_aborted(mine.connection, self.kind):
            return
        why = f" ({mine.failed})" if mine.failed is not None else ""
        raise given_up(
            self.name,
            f"an error was passed over, after which the database keeps nothing of a transaction{why}",
            recoverable=mine.failed is not None and mine.failed.recoverable,
        )

    def _commit(self, connection: sa.Connection) -> None:
        try:
            connection.commit()
        except sa.exc.SQLAlchemyError as error:
            found = translated(error, self.name, self.conceal, committing=True)
            raise found from (getattr(error, "orig", None) or error)

    def _run(self, name: str, work: Callable[[sa.Connection], T]) -> T:
        """Carries work out that may write: only that a connection is made is repeated."""
        if self._current is not None:
            with self._using(self._connect) as connection:
                return work(connection)
        sent: list[IntegrationError] = []

        def attempt() -> T:
            connection = self._connect()
            try:
                with self._using(lambda: connection):
                    return work(connection)
            except IntegrationError as error:
                if error.recoverable:
                    sent.append(error)
                    error.recoverable = False  # for now: neither repeated nor replaced by a fallback
                raise

        try:
            return self.resilience.run(attempt, name=name, repeatable=True, fallback=False).value
        except IntegrationError as error:
            error.recoverable = error.recoverable or error in sent
            raise

    def _reach(self) -> sa.Connection:
        """A connection, asked for again when there is none; what is then done with it is not repeated."""
        return self.resilience.run(self._connect, name="connect", repeatable=True, fallback=False).value

    @contextmanager
    def transaction(self) -> Iterator[Self]:
        """All statements inside are kept together, or none. Inside another, a savepoint (DuckDB has none).

        Other threads and tasks are no part of it.

        Raises:
            TransactionError: the database gave it up, after a deadlock or an error that was passed over;
                nothing was kept, carry it out again.
            ConnectionError: the connection was lost; ``executed`` is "maybe" when that was while committing.
        """
        with self._bound(self._reach):
            yield self

    @contextmanager
    def _bound(self, connect: Callable[[], sa.Connection]) -> Iterator[None]:
        outer = self._current
        if outer is not None:
            with self._savepoint(outer):
                yield
            return
        with connect() as connection:
            mine = _Transaction(connection)
            with self._mine.holding(mine):
                with self._translating():
                    connection.begin()
                try:
                    yield
                except BaseException:
                    self._left(mine, keeping=False)
                    raise
                with self._translating():
                    self._left(mine)
                self._goes_on()
                self._keeps()
            self._commit(connection)

    @contextmanager
    def _savepoint(self, outer: sa.Connection) -> Iterator[None]:
        self._goes_on()
        mine = self._mine.get()
        assert mine is not None
        self._at_its_end(mine)
        before = [*mine.streams]
        if self.kind == "duckdb":
            raise Unsupported(f"{self.name}: DuckDB has no transactions within others")
        with self._translating():
            point = outer.begin_nested()
            try:
                yield
                self._goes_on()
                self._at_its_end(mine)
                point.commit()
            except BaseException:
                self._left(mine, before)
                if mine.ended is None and point.is_active:
                    point.rollback()
                raise

    def in_transaction(self, work: Callable[[Self], T]) -> T:
        """Carries work out as one transaction, again from its start when the database gave it up.

        Inside another transaction it is carried out once: that one is what would have to be repeated.

        Args:
            work: is called with this connector; what it does outside of the database is repeated too.
        """

        def attempt() -> T:
            with self._bound(self._connect):
                return work(self)

        if self._current is not None:
            return attempt()
        return self.resilience.run(attempt, name="transaction", repeatable=True, fallback=False).value

    # --- Statements

    def execute_query(self, query: str, params: Parameters = None) -> list[Row]:
        """Carries one statement out.

        Args:
            query: its text.
            params: a sequence for ``%s``, a mapping for ``:name``; dicts become JSON.

        Returns:
            The rows, as mappings; an empty list for a statement without.
        """

        def work(connection: sa.Connection) -> list[Row]:
            with self._limited(connection):
                result = execute(connection, self.kind, query, params)
                if not result.returns_rows:
                    return []
                named = self._named(result)
                return [named(row) for row in result.fetchall()]

        return self._run("execute", work)

    def execute_many(self, query: str, rows: Iterable[Sequence[Any]]) -> int:
        """Carries one statement out for each row of values, in one transaction; how many rows there were.

        Inside of another transaction an error undoes what was done for the rows before.
        """
        return self._many(query, rows)

    def _many(
        self,
        query: str,
        rows: Iterable[Sequence[Any]],
        asked: Callable[[sa.Connection], list[Column]] = lambda _: [],
    ) -> int:
        """As :meth:`execute_many`, for ``asked`` columns, which may lose something."""

        def work(connection: sa.Connection) -> int:
            count, iterator, columns, mine = 0, iter(rows), None, self._mine.get()
            try:
                while chunk := list(islice(iterator, 1000)):
                    width = len(chunk[0])
                    if any(len(row) != width for row in chunk):
                        raise InvalidArgument("rows of values have different lengths")
                    values = [tuple(bound(value, self.kind) for value in row) for row in chunk]
                    with self._limited(connection):
                        if columns is None:  # not before: SQLite's lock for writing begins with it
                            columns = asked(connection)
                        look(columns, values)
                        connection.exec_driver_sql(in_style(query, self.kind, width), values)
                    count += len(chunk)
            except Exception as error:
                if count and mine is not None and self.kind == "duckdb":  # it has no savepoints
                    mine.ended = IntegrationError(str(error), service=self.name)
                raise
            return count

        outer = self._current
        with self._savepoint(outer) if outer is not None and self.kind != "duckdb" else nullcontext():
            return self._run("execute_many", work)

    def insert(self, table: str, data: Any) -> int:
        """Writes many rows, in one transaction; into PostgreSQL by COPY.

        Args:
            table: its name, or ``schema.table``.
            data: a table of Arrow or pandas, or mappings with the same keys.

        Returns:
            How many rows were written.

        Raises:
            ConversionError: a column would round or cut a value; nothing is stored.
        """
        names, rows = rows_of(data)
        if not names:
            return 0
        parts = table.split(".")
        if self.kind == "postgresql":
            from arcuate.sql.postgres import copy_in

            def copy(connection: sa.Connection) -> int:
                with self._limited(connection):
                    return copy_in(connection, parts, names, rows)

            return self._run("insert", copy)
        target, quoted = self.quoted(table), [self._quote(name) for name in names]
        whole = columns_of(data)
        if self.kind == "duckdb" and whole is not None:
            from arcuate.sql import duck

            def work(connection: sa.Connection) -> int:
                raw: Any = connection.connection.driver_connection
                steps = (duck.append(raw, target, quoted, whole) for _ in range(1))
                with self._limited(connection):
                    return sum(interruptible(steps, raw.interrupt))

            return self._run("insert", work)
        marks = ", ".join(["%s"] * len(names))
        into = f"{target} ({', '.join(quoted)})"
        return self._many(
            f"INSERT INTO {into.replace('%', '%%')} VALUES ({marks})",  # noqa: S608
            rows,
            lambda connection: catalogue(connection, self.kind, table, target, into, names),
        )

    # --- Tables

    def has_table(self, table: str) -> bool:
        """Whether there is a table or view of this name, or ``schema.table``."""
        schema, name = described(table)

        def work(connection: sa.Connection) -> bool:
            with self._limited(connection):
                return sa.inspect(connection).has_table(name, schema=schema)

        return self._run("has_table", work)

    def quoted(self, name: str) -> str:
        """A name of a table (also ``schema.table``) or column as it stands in a statement.

        In one with parameters for ``%s``, a percent sign of it is doubled as any other.
        """
        return ".".join(map(self._quote, name.split(".")))

    def _quote(self, name: str) -> str:
        self.open()
        assert self._engine is not None
        preparer: Any = self._engine.dialect.identifier_preparer
        found = str(preparer.quote_identifier(name))
        # SQLAlchemy doubles percent signs, for drivers that halve them where there are parameters
        return found.replace("%%", "%") if preparer._double_percents else found

    def create_table(self, table: str, schema: pa.Schema) -> None:
        """Makes a table that holds exactly what an Arrow schema says.

        Args:
            table: its name, or ``schema.table``.
            schema: of the data that comes into it.

        Raises:
            ConversionError: the database has no type for a column.
            IntegrationError: there is such a table already.
        """
        space, name = described(table)
        made = sa.Table(name, sa.MetaData(), *columns_for(schema, self.kind), schema=space)

        def work(connection: sa.Connection) -> None:
            with self._limited(connection):
                connection.execute(sa.schema.CreateTable(made))

        self._run("create_table", work)

    # --- Reading

    def read_arrow(self, query: str, params: Parameters = None) -> pa.Table:
        """A result as an Arrow table. It is repeated when the connection is lost, so it may only read.

        With the setting ``fallback`` another database, or the last good result of the same query, stands for
        it when the database does not answer.
        """

        def attempt() -> pa.Table:
            return pa.Table.from_batches(list(self._batches(query, params, None, self._connect)))

        if self._current is not None:
            return attempt()
        policy, others = self.config.fallback, self._elsewhere(lambda other: other.read_arrow(query, params))
        if policy is None or policy.kind != "cache":
            return self.resilience.run(
                attempt, name="read", repeatable=True, others=others, fallback=True
            ).value
        kept = self.resilience.run(
            lambda: as_bytes(attempt()),
            name="read",
            repeatable=True,
            key=f"{redacted(self.config.url)} read {query} {params!r}",
            others=self._elsewhere(lambda other: as_bytes(other.read_arrow(query, params))),
        ).value
        return pa.ipc.open_stream(kept).read_all()

    def read_table(self, query: str, params: Parameters = None) -> pd.DataFrame:
        """As :meth:`read_arrow`, as a pandas table whose columns keep NULL apart from NaN."""
        return to_pandas(self.read_arrow(query, params))

    def stream_arrow(
        self, query: str, params: Parameters = None, *, rows: int = 65_536
    ) -> Iterator[pa.RecordBatch]:
        """The batches of a large result, in bounded memory. Nothing is repeated once it has begun."""
        _several(rows)
        return self._batches(query, params, rows, self._reach)

    def stream_rows(self, query: str, params: Parameters = None, *, rows: int = 1000) -> Iterator[Row]:
        """The rows of a large result as mappings, in bounded memory."""
        _several(rows)
        return self._rows(query, params, rows)

    def _rows(self, query: str, params: Parameters, rows: int) -> Iterator[Row]:
        with (
            self._using(self._reach, reads=True) as connection,
            self._result(connection, query, params, {"yield_per": rows}) as result,
        ):
            named = self._named(result)
            for chunk in self._each(connection, result.partitions(rows), result):
                for row in chunk:
                    yield named(row)

    def _batches(
        self, query: str, params: Parameters, rows: int | None, connect: Callable[[], sa.Connection]
    ) -> Iterator[pa.RecordBatch]:
        """Batches of so many rows, at least one; ``None``: as large as the result, or as ADBC makes them."""
        with self._using(connect, reads=True) as connection:
            found = self._direct(connection, query, params, rows)
            if found is not None:
                yield from self._each(connection, found, found)
                return
            options = {} if rows is None else {"yield_per": rows}
            with self._result(connection, query, params, options, arrow=True) as result:
                names = self._names(result)
                types: list[Any] = [None] * len(names)
                if self.kind == "postgresql":
                    from arcuate.sql.postgres import types_of

                    types = types_of(result.cursor.description)
                chunks = result.partitions(rows) if rows is not None else (r.fetchall() for r in [result])
                first = True
                for chunk in self._each(connection, chunks, result):
                    batch = batch_of(names, types, chunk)
                    types, first = [field.type for field in batch.schema], False
                    yield batch
                if first:
                    yield batch_of(names, types, [])

    def _as_text(self, connection: sa.Connection) -> Any:
        if self.kind != "postgresql":
            return nullcontext()
        from arcuate.sql.postgres import json_as_text

        return json_as_text(connection)

    @contextmanager
    def _limited(self, connection: sa.Connection) -> Iterator[None]:
        """For a statement: it has its time, and does not go on in the database when nobody waits for it."""
        raw: Any = connection.connection.driver_connection
        kill = Killing(connection, self._url, self.config) if self.kind == "mysql" else None
        wait = {"timeout": self.config.timeouts.connect} if self.kind == "postgresql" else {}
        end = kill.query if kill else raw.cancel_safe if wait else raw.interrupt
        with self._running.one(partial(end, **wait)):
            self._still_open()
            try:
                with limited(connection, self.kind, self.config.timeouts.call, lambda: self._closed):
                    yield
            except BaseException as error:
                if kill is not None and (not isinstance(error, Exception) or is_late(error)):
                    kill.connection()
                if self._closed and isinstance(error, Exception):
                    raise SessionClosed(f"{self.name} was closed in the midst of a statement") from error
                raise

    def _each(self, connection: sa.Connection, chunks: Any, stream: Any) -> Iterator[Any]:
        """Each chunk has the time of a statement; between them it is the caller's."""
        with closing(chunks), self._streaming(stream) as look:
            while True:
                look()
                with self._limited(connection):
                    chunk = next(chunks, None)
                if chunk is None:
                    return
                yield chunk

    @contextmanager
    def _result(
        self,
        connection: sa.Connection,
        query: str,
        params: Parameters,
        options: dict[str, Any],
        *,
        arrow: bool = False,
    ) -> Iterator[sa.CursorResult[Any]]:
        alone = self._current is None
        with self._limited(connection), self._as_text(connection) if arrow else nullcontext():
            found = execute(connection, self.kind, query, params, **options)
        with found as result:
            try:
                yield result
            except BaseException:
                if self.kind == "mysql" and options and alone:
                    # MySQL would have to send all of the rest, and PyMySQL reads it before it ends.
                    rest: Any = getattr(result.cursor, "_result", None)
                    if rest is not None:
                        rest.unbuffered_active = False
                        connection.invalidate()
                raise

    def _names(self, result: sa.CursorResult[Any]) -> list[str]:
        """The names of a result's columns.

        Raises:
            InvalidArgument: there are none, or a name is there twice.
            ConversionError: the values of a column come changed from the database.
        """
        if not result.returns_rows:
            raise InvalidArgument(_NO_ROWS)
        if self.kind == "mysql":
            for name, kind, *_ in result.cursor.description:
                if kind == _FLOAT:
                    raise ConversionError(
                        f"column {name!r} is a FLOAT, of which MySQL and MariaDB send six digits; select "
                        f"CAST({name} AS DOUBLE) AS {name}"
                    )
        return names_of(result.keys())

    def _named(self, result: sa.CursorResult[Any]) -> Callable[[Sequence[Any]], Row]:
        """What makes a mapping of each row."""
        names, check = self._names(result), None
        if self.kind == "duckdb":
            from arcuate.sql import duck

            check = duck.row_check(result.cursor.description)

        def named(row: Sequence[Any]) -> Row:
            if check is not None:
                check(row)
            return dict(zip(names, row, strict=True))

        return named

    def _direct(
        self, connection: sa.Connection, query: str, params: Parameters, rows: int | None
    ) -> Iterator[pa.RecordBatch] | None:
        """Batches from a library that makes Arrow itself, where that is exact and sees what we see."""
        if self.kind == "duckdb" and not isinstance(params, Mapping):
            raw: Any = connection.connection.driver_connection
            values = [bound(value, "duckdb") for value in params or ()]
            text = in_style(query, "duckdb", len(values)) if values else query
            if [one.type.name for one in raw.extract_statements(text)] not in (["SELECT"], ["EXPLAIN"]):
                raise InvalidArgument(_NO_ROWS)
            found = raw.sql(text, params=values or None)
            names_of(found.columns)
            from arcuate.sql import duck

            return interruptible(duck.batches(found, rows or 1_000_000), raw.interrupt)
        if self.kind != "postgresql" or params or self._current is not None:
            return None
        from arcuate.sql import postgres

        schema = postgres.schema_of(connection, query) if postgres.has_adbc() else None
        if schema is None or not postgres.is_as_new(connection):
            return None
        names_of(schema.names)
        assert self._engine is not None
        address = postgres.address_of(self._engine.url, arguments_of(self.kind, self.config))
        return postgres.read_adbc(address, query, schema, self._running)


def _several(rows: int) -> None:
    if rows < 1:
        raise InvalidArgument(f"rows is 1 or more; got {rows}")
