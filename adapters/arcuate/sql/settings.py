"""The settings of a database, and the library that the scheme of its address chooses."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Generator
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from typing import Any, ClassVar

import sqlalchemy as sa
from pydantic import Field
from sqlalchemy.engine import URL, make_url

from arcuate.connector import ConnectorConfig, DataError, Secret, redacted, reveal
from arcuate.errors import InvalidArgument, Unsupported
from arcuate.sql.limits import heeding, watched

__all__ = ["DatabaseConfig", "Killing", "arguments_of", "engine_of", "kind_of"]

LIBRARIES = {
    "postgresql": ("postgresql+psycopg", "psycopg", "psycopg[binary]"),
    "mysql": ("mysql+pymysql", "pymysql", "pymysql"),
    "mariadb": ("mariadb+pymysql", "pymysql", "pymysql"),
    "sqlite": ("sqlite+pysqlite", "sqlite3", "sqlalchemy"),
    "duckdb": ("duckdb", "duckdb_engine", "duckdb-engine"),
}
"""Scheme: (what SQLAlchemy calls it, the module, what to install)."""


class DatabaseConfig(ConnectorConfig):
    """Where a database is, and how it is used."""

    elsewhere: ClassVar[bool] = True

    url: str = Field(
        default="sqlite://",
        description="its scheme is that of a database; by default SQLite in memory",
    )
    password: Secret | None = Field(default=None, description="instead of one in the address")
    pool: int = Field(default=5, ge=1, le=1000, description="connections at the same time, at most")


def kind_of(address: str) -> tuple[str, URL]:
    """The kind of database ("postgresql", ...) and SQLAlchemy's address of it.

    Raises:
        InvalidArgument: the address is none, or its scheme is not one of those that are known.
        Unsupported: the library for it is not installed.
    """
    try:
        url = make_url(address)
    except (sa.exc.ArgumentError, ValueError):
        raise InvalidArgument(
            f"{redacted(address)!r} is no address of a database, such as postgresql://user@host/name"
        ) from None
    kind = url.drivername.partition("+")[0]
    if kind not in LIBRARIES or "+" in url.drivername:
        allowed = ", ".join(f"{one}://" for one in LIBRARIES)
        raise InvalidArgument(f"the scheme {url.drivername}:// is not known; there are {allowed}")
    if kind in ("sqlite", "duckdb") and (url.host or url.username or url.password):
        raise InvalidArgument(
            f"{redacted(address)!r}: a file has no host, no user and no password; after {kind}: are three "
            f"slashes and its path, {kind}:///here.db or {kind}:////srv/there.db"
        )
    driver, module, package = LIBRARIES[kind]
    if importlib.util.find_spec(module) is None:
        raise Unsupported(f"{kind}:// needs a library; type: pip install '{package}'")
    return ("mysql" if kind == "mariadb" else kind), url.set(drivername=driver)


_STRICT = "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO')"
"""Otherwise, by the settings of a server, what does not fit into a column is cut until it does, and a 0
becomes the next number of a column that counts."""
_EXACT = ("-cextra_float_digits=1", "-cIntervalStyle=postgres", "-cDateStyle=ISO")
"""Otherwise, by the settings of a role or a database, floats lose digits and times cannot be read."""


def arguments_of(kind: str, config: DatabaseConfig) -> dict[str, Any]:
    """What the driver is told: every wait is bounded, and a peer that fell silent is noticed."""
    times = config.timeouts
    if kind == "postgresql":
        own = make_url(config.url).query.get("options", ())
        options = [*_EXACT, f"-cstatement_timeout={round(times.call * 1000)}"]
        return {
            "client_encoding": "utf8",
            "connect_timeout": max(1, round(times.connect)),
            "keepalives_idle": 15,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": round(times.read * 1000),
            "options": " ".join([*options, *([own] if isinstance(own, str) else own)]),
        }
    if kind == "mysql":
        return {
            "connect_timeout": max(1, round(times.connect)),
            "read_timeout": times.call,
            "write_timeout": times.call,
            "charset": "utf8mb4",
            "init_command": _STRICT,
        }
    if kind == "sqlite":
        return {"timeout": times.connect, "check_same_thread": False}
    # Without this a table that does not exist would be looked for among Python's variables.
    return {"config": {"python_enable_replacements": False}}


def engine_of(kind: str, url: URL, config: DatabaseConfig) -> sa.Engine:
    """SQLAlchemy's engine; it connects when it is first used."""
    password = reveal(config.password, "the password of the database")
    if password is not None and kind in ("sqlite", "duckdb"):
        raise InvalidArgument(f"{redacted(config.url)!r} is a file, and has no password; is 'url' right?")
    if password is not None:
        url = url.set(password=password)
    arguments = arguments_of(kind, config)
    if kind == "mysql" and url.password:
        arguments["password"] = str(url.password).encode()  # PyMySQL would encode it as Latin-1
    # A database in memory is that of one connection, which is therefore handed from one user to the next.
    memory = kind in ("sqlite", "duckdb") and url.database in (None, "", ":memory:")
    engine = sa.create_engine(
        url,
        connect_args=arguments,
        poolclass=sa.QueuePool,
        pool_size=1 if memory else config.pool,
        max_overflow=0,
        pool_timeout=config.timeouts.connect,
        pool_pre_ping=True,
        hide_parameters=True,
        **({"json_deserializer": _loads_of_duckdb} if kind == "duckdb" else {}),
    )
    if kind == "mysql":
        _noted_server(engine)
    if kind == "duckdb":
        heeding(engine)
    if kind == "sqlite":
        _sqlite_transactions(engine)
        watched(engine)
    if kind == "postgresql":
        _bounded_waits(engine, config.timeouts.call + config.timeouts.connect)
        _exact_intervals(engine)
        _exact_json(engine)
        from arcuate.sql.postgres import noted

        noted(engine)
    return engine


class Killing:
    """Ends what a connection of MySQL carries out, by another connection: its own has no way to say so.

    Otherwise it would go on, with its locks, when nobody waits for it any more.
    """

    def __init__(self, connection: sa.Connection, url: URL, config: DatabaseConfig) -> None:
        raw: Any = connection.connection.driver_connection
        self._number, self._server = int(raw.thread_id()), connection.info[_SERVER]
        self._url, self._config = url, config

    def query(self) -> None:
        """Ends the statement."""
        self._kill("KILL QUERY")

    def connection(self) -> None:
        """Ends the connection, if it still is one."""
        with suppress(sa.exc.SQLAlchemyError):
            self._kill("KILL")

    def _kill(self, word: str) -> None:
        if self._server is None:
            return
        times = self._config.timeouts.model_copy(update={"call": self._config.timeouts.connect})
        engine = engine_of("mysql", self._url, self._config.model_copy(update={"timeouts": times}))
        try:
            with engine.connect() as other:
                if other.info[_SERVER] == self._server:  # behind one address there may be several
                    other.exec_driver_sql(f"{word} {self._number}")
        finally:
            engine.dispose()


_SERVER = "arcuate_server"


def _noted_server(engine: sa.Engine) -> None:
    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, record: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT CONNECTION_ID(), @@hostname, @@port")
            number, *server = cursor.fetchone()
        # where something between gives connections numbers of its own, the same number may be another's
        record.info[_SERVER] = server if number == connection.thread_id() else None


def _sqlite_transactions(engine: sa.Engine) -> None:
    """Python's module begins a transaction late and not before every statement; SQLAlchemy begins it here."""

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")


def _bounded_waits(engine: sa.Engine, seconds: float) -> None:
    """The server ends what takes too long; a peer that fell silent is noticed here, a little later."""
    import psycopg

    class Bounded(psycopg.Connection[Any]):
        def wait(self, gen: Any, *options: Any, **named: Any) -> Any:
            return super().wait(self._until(gen, time.monotonic() + seconds), *options, **named)

        def _until(self, gen: Any, end: float) -> Generator[Any, Any, Any]:
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and time.monotonic() > end:
                        self.close()
                        raise psycopg.OperationalError(f"timed out: nothing came in {seconds:g} s")
                    wanted = gen.send(ready)
            except StopIteration as ended:
                return ended.value

    @sa.event.listens_for(engine, "do_connect")
    def _(_dialect: Any, _record: Any, positional: Any, named: Any) -> Any:
        return Bounded.connect(*positional, **named)


def _exact_intervals(engine: sa.Engine) -> None:
    """Psycopg takes a month as 30 days; an interval with months is refused instead of changed."""
    import psycopg
    from psycopg.types.datetime import IntervalLoader

    class Exact(IntervalLoader):
        def load(self, data: Any) -> Any:
            text = bytes(data)
            if b"mon" in text or b"year" in text:
                raise psycopg.DataError(
                    "an interval with months has no exact length in days; select it as text: "
                    f"column::text gives {text.decode()!r}"
                )
            return super().load(data)

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        connection.adapters.register_loader("interval", Exact)


def _exact_json(engine: sa.Engine) -> None:
    """A number with more digits than a float has becomes a Decimal; a key that is there twice is refused."""
    from psycopg.types.json import set_json_loads

    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _record: Any) -> None:
        set_json_loads(_loads, connection)


def _loads(data: str | bytes) -> Any:
    import psycopg

    try:
        return _JSON.decode(data.decode() if isinstance(data, bytes) else data)
    except _Inexact as error:
        raise psycopg.DataError(str(error)) from None


def _loads_of_duckdb(data: str) -> Any:
    try:
        return _JSON.decode(data)
    except _Inexact as error:
        raise DataError(f"duckdb: {error}", service="duckdb") from None


class _Inexact(ValueError):
    """Python has not what JSON says."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Inexact("a key is there twice in one object of JSON; select it as text: column::text")
    return found


def _exact(text: str) -> float | Decimal:
    number = float(text)
    try:
        return number if Decimal(repr(number)) == Decimal(text) else Decimal(text)
    except InvalidOperation:
        raise _long() from None


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:  # Python's limit, which sys.set_int_max_str_digits() sets
        raise _long() from None


def _long() -> _Inexact:
    return _Inexact("a number of JSON is too long for Python; select it as text: column::text")


_JSON = json.JSONDecoder(object_pairs_hook=_once, parse_float=_exact, parse_int=_whole)
