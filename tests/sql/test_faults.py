"""What a database connector makes of full disks, wrong bytes, certificates and values that look like SQL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trustme
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import (
    ConnectionError,  # noqa: A004
    DataError,
    IntegrationError,
)
from arcuate.errors import ConversionError
from arcuate.sql import DatabaseConnector

INJECTIONS = [
    "x'); DROP TABLE kept; --",
    "' OR '1'='1",
    "\\'; DROP TABLE kept; #",
    "%s :id ? $1 {id} %(id)s",
    "/* */ ; -- \n",
    "é\U0001f600 \x01 %",
]


@pytest.fixture(params=["postgresql", "mysql", "sqlite", "duckdb"])
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    kind = request.param
    if kind in ("sqlite", "duckdb"):
        url = f"{kind}:///{tmp_path}/a.db"
    else:
        url = address(kind, request.getfixturevalue("postgres" if kind == "postgresql" else "maria"))
    with DatabaseConnector(url=url) as found:
        found.execute_query("CREATE TABLE kept (id BIGINT PRIMARY KEY, s TEXT)")
        yield found
        found.execute_query("DROP TABLE kept")


def test_sql_in_a_value(db: DatabaseConnector) -> None:
    """A value is a value by each way in, and finds itself again by each way out."""
    for i, text in enumerate(INJECTIONS):
        db.execute_query("INSERT INTO kept VALUES (%s, %s)", (i, text))
        db.execute_query("INSERT INTO kept VALUES (:id, :s)", {"id": i + 10, "s": text})
        db.execute_many("INSERT INTO kept VALUES (%s, %s)", [(i + 20, text)])
        db.insert("kept", [{"id": i + 30, "s": text}])
        wanted = [{"id": i + ten, "s": text} for ten in (0, 10, 20, 30)]
        assert db.execute_query("SELECT * FROM kept WHERE s = %s ORDER BY id", (text,)) == wanted
        assert db.read_arrow("SELECT * FROM kept WHERE s = :s ORDER BY id", {"s": text}).to_pylist() == wanted
    assert db.execute_query("SELECT count(*) AS n FROM kept") == [{"n": 4 * len(INJECTIONS)}]


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("duckdb", "SELECT CAST(%s AS DECIMAL(5, 2))"),
        ("duckdb", "SELECT CAST(%s AS TINYINT)"),
        ("duckdb", "SELECT CAST(CAST(%s AS DOUBLE) AS TINYINT)"),
        ("duckdb", "SELECT CAST(CAST(%s AS DECIMAL(9, 1)) AS TINYINT)"),
        ("duckdb", "SELECT CAST(%s AS JSON)"),
        ("duckdb", "SELECT CAST(%s AS INTEGER[])"),
        ("duckdb", "SELECT strptime(%s, '%%Y')"),
        ("postgresql", "SELECT %s::text::int[]"),
        ("postgresql", "SELECT %s::text::int4range"),
    ],
)
def test_a_parameter_is_in_no_error(request: pytest.FixtureRequest, kind: str, query: str) -> None:
    url = "duckdb://" if kind == "duckdb" else address(kind, request.getfixturevalue("postgres"))
    with DatabaseConnector(url=url) as db:
        for value in ("hidden", "{hidden' \" to", 77345678, "77345678 "):
            try:
                db.execute_query(query, (value,))
            except IntegrationError as error:
                assert "hidden" not in str(error)
                assert "7734" not in str(error)
            else:
                assert "7734" in str(value)  # some of them take a number


def test_an_own_error_holds_no_parameter() -> None:
    for url, value in (("sqlite://", 77345678 << 64), ("duckdb://", 77345678 << 128)):
        with DatabaseConnector(url=url) as db, pytest.raises(ConversionError, match="does not fit") as caught:
            db.execute_query("SELECT %s AS x", (value,))
        assert str(value) not in str(caught.value)


def test_a_value_is_in_no_error(db: DatabaseConnector) -> None:
    """Databases cite what they refuse, which may be a patient's name."""
    key = "VARCHAR(100)" if db.kind == "mysql" else "TEXT"
    db.execute_query(f"CREATE TABLE twice (s {key} PRIMARY KEY, n INTEGER, d DATE)")
    try:
        for value in ("hidden words", "hidden 'words' \n for key \"a\" to", "hidden"):
            db.execute_query("INSERT INTO twice (s) VALUES (%s)", (value,))
            for row in ({"s": value, "n": 1}, {"s": "a", "n": value}, {"s": "b", "d": value}):
                if db.kind == "sqlite" and row["s"] != value:
                    continue  # it has no types that would refuse it
                for write in (
                    lambda row=row: db.insert("twice", [row]),
                    lambda row=row: db.execute_query(
                        f"INSERT INTO twice ({', '.join(row)}) VALUES (%s, %s)", tuple(row.values())
                    ),
                ):
                    with pytest.raises(IntegrationError) as caught:
                        write()
                    assert "hidden" not in str(caught.value)
                    assert "words" not in str(caught.value)
    finally:
        db.execute_query("DROP TABLE twice")


def test_sql_in_a_name(db: DatabaseConnector) -> None:
    for table, column in (
        ('kept"; DROP TABLE kept; --', "id"),
        ("kept", 'id") VALUES (1); DROP TABLE kept; --'),
    ):
        with pytest.raises(IntegrationError):
            db.insert(table, [{column: 1}])
    assert db.execute_query("SELECT * FROM kept") == []


def test_names_with_quotes_are_names(db: DatabaseConnector) -> None:
    table, names = 'odd "table" `%s` %', ['a"b', "a`b", "a'b", "per%cent %s", "q?m", "co:lon", "[x] é"]
    data = pa.table({name: pa.array([i, None]) for i, name in enumerate(names)})
    db.create_table(table, data.schema)
    try:
        assert db.has_table(table)
        assert db.insert(table, data) == 2
        assert db.insert(table, data.to_pylist()) == 2
        columns = ", ".join(map(db.quoted, names))
        query = f"SELECT {columns} FROM {db.quoted(table)}"
        assert db.execute_query(query) == data.to_pylist() * 2
        assert db.read_arrow(query).to_pylist() == data.to_pylist() * 2
    finally:
        db.execute_query(f"DROP TABLE {db.quoted(table)}")


def test_sqlite_disk_full(tmp_path: Path) -> None:
    with DatabaseConnector(url=f"sqlite:///{tmp_path}/a.db", pool=1) as db:
        db.execute_query("CREATE TABLE kept (b BLOB)")
        db.execute_query("INSERT INTO kept VALUES (%s)", (b"x",))
        db.execute_query("PRAGMA max_page_count = 10")
        with pytest.raises(IntegrationError, match="full; make room") as caught:
            db.execute_many("INSERT INTO kept VALUES (%s)", [(bytes(20_000),)] * 5)
        assert not caught.value.recoverable
        assert db.execute_query("SELECT * FROM kept") == [{"b": b"x"}]


def test_mariadb_table_full(maria: servers.Server) -> None:
    with DatabaseConnector(url=address("mysql", maria), pool=1) as db:
        db.execute_query("SET SESSION max_heap_table_size = 16384")
        db.execute_query("CREATE TABLE small (s CHAR(200)) ENGINE=MEMORY")
        try:
            with pytest.raises(IntegrationError, match="full; make room") as caught:
                db.execute_many("INSERT INTO small VALUES (%s)", [("x" * 200,)] * 5000)
            assert (caught.value.recoverable, caught.value.status) == (False, "53100")
        finally:
            db.execute_query("DROP TABLE small")


def test_postgresql_disk_full(postgres: servers.Server) -> None:
    """The system tells the server that its disk is full: nothing of the transaction is kept."""
    with DatabaseConnector(url=address("postgresql", postgres)) as db:
        db.execute_query("CREATE TABLE full_disk (a INT)")
        try:
            with pytest.raises(IntegrationError, match="make room") as caught, db.transaction():
                db.execute_query("INSERT INTO full_disk VALUES (1)")
                db.execute_query(
                    "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100)) TO '/dev/full'"
                )
            assert (caught.value.recoverable, caught.value.status) == (False, "53100")
            assert db.execute_query("SELECT * FROM full_disk") == []
        finally:
            db.execute_query("DROP TABLE full_disk")


def test_duckdb_disk_full() -> None:
    with DatabaseConnector(url="duckdb://") as db:
        with pytest.raises(IntegrationError, match="make room") as caught:
            db.execute_query(
                "COPY (SELECT repeat('x', 1000) AS s FROM range(100000)) TO '/dev/full' (FORMAT csv)"
            )
        assert (caught.value.recoverable, caught.value.status) == (False, "53100")
        assert db.execute_query("SELECT 1 AS a") == [{"a": 1}]


def test_too_much_for_a_query(postgres: servers.Server) -> None:
    with DatabaseConnector(url=address("postgresql", postgres), pool=1) as db:
        db.execute_query("SET temp_file_limit = '1MB'")
        db.execute_query("SET work_mem = '64kB'")
        with pytest.raises(IntegrationError, match="raise the limit") as caught:
            db.execute_query("SELECT i FROM generate_series(1, 200000) AS i ORDER BY md5(i::text)")
        assert (caught.value.recoverable, caught.value.status) == (False, "53400")


def test_bytes_that_are_no_text(db: DatabaseConnector) -> None:
    if db.kind == "sqlite":
        for read in (db.execute_query, db.read_arrow):
            with pytest.raises(DataError, match="cast it to a BLOB"):
                read("SELECT CAST(x'e4' AS TEXT) AS s")
    else:
        with pytest.raises(IntegrationError) as caught:
            query = {
                "postgresql": "SELECT convert_from('\\xe4'::bytea, 'UTF8') AS s",
                "mysql": "INSERT INTO kept VALUES (1, x'e4')",
                "duckdb": "SELECT decode('\\xE4'::BLOB) AS s",
            }[db.kind]
            db.execute_query(query)
        assert not caught.value.recoverable
    assert db.execute_query("SELECT 'ä' AS s") == [{"s": "ä"}]


def test_certificates(postgres: servers.Server) -> None:
    """A server without TLS, and one whose certificate is of an authority that is not trusted."""
    usual = address("postgresql", postgres)
    with DatabaseConnector(url=usual + "?sslmode=require") as db:
        with pytest.raises(ConnectionError, match="look at sslmode") as caught:
            db.execute_query("SELECT 1 AS a")
        assert not caught.value.recoverable
    authority, other = trustme.CA(), trustme.CA()
    certificate = authority.issue_cert("localhost")
    folder = postgres.folder
    (folder / "data/server.crt").write_bytes(certificate.cert_chain_pems[0].bytes())
    (folder / "data/server.key").write_bytes(certificate.private_key_pem.bytes())
    (folder / "data/server.key").chmod(0o600)
    for name in ("server.crt", "server.key"):
        os.chown(folder / "data" / name, folder.stat().st_uid, folder.stat().st_gid)
    authority.cert_pem.write_to_path(folder / "right.pem")
    other.cert_pem.write_to_path(folder / "wrong.pem")
    with DatabaseConnector(url=usual) as db:
        db.execute_query("SELECT 1 AS a")
        try:
            _set_tls(db, "on")
            secure = usual.replace("127.0.0.1", "localhost") + f"?sslmode=verify-full&sslrootcert={folder}"
            with DatabaseConnector(url=f"{secure}/right.pem") as trusting:
                assert trusting.execute_query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [
                    {"ssl": True}
                ]
            for wrong in (f"{secure}/wrong.pem", f"{secure}/none.pem"):
                with DatabaseConnector(url=wrong) as refusing:
                    with pytest.raises(ConnectionError, match="look at sslmode") as caught:
                        refusing.execute_query("SELECT 1 AS a")
                    assert not caught.value.recoverable
                    assert servers.PASSWORD not in str(caught.value)
        finally:
            _set_tls(db, "off")


def _set_tls(db: DatabaseConnector, state: str) -> None:
    """ALTER SYSTEM is refused within a transaction, and pg_reload_conf() returns before it is done."""
    import psycopg

    assert db._engine is not None
    url = db._engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as bare:
        bare.execute(f"ALTER SYSTEM SET ssl = {state}")
        bare.execute("SELECT pg_reload_conf()")
    for _ in range(500):
        with psycopg.connect(url) as bare:
            if bare.execute("SHOW ssl").fetchone() == (state,):
                return
    raise AssertionError("PostgreSQL did not take the setting")
