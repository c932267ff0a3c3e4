"""Copies between systems: what arrives is read by the system's own program or by another library."""

from __future__ import annotations

import csv
import functools
import hashlib
import json
import random
import resource
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
import xarray as xr
from tests.cli.support import arcuate, shell
from tests.sql import servers
from tests.sql.conftest import address

from arcuate.connector import ConnectionError as NoConnection
from arcuate.connector import DataError, IntegrationError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.formats import convert, open_data, save_data
from arcuate.integrations.copying import copy
from arcuate.sql import DatabaseConnector

ROWS = [(number, number / 7, f"text {number}" if number % 3 else None) for number in range(1, 2001)]


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.Server]:
    with servers.postgresql() as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path) -> str:
    """A database of SQLite that sqlite3 made, with a table."""
    with sqlite3.connect(tmp_path / "lab.db") as db:
        db.execute("CREATE TABLE seen (id INTEGER PRIMARY KEY, x REAL, note TEXT)")
        db.executemany("INSERT INTO seen VALUES (?, ?, ?)", ROWS)
    db.close()
    return f"sqlite:///{tmp_path}/lab.db"


def of_sqlite(path: Path, query: str) -> list[Any]:
    db = sqlite3.connect(path)
    try:
        return db.execute(query).fetchall()
    finally:
        db.close()


def test_database_to_parquet_and_into_another_database(
    lab: str, tmp_path: Path, postgres: servers.Server
) -> None:
    there = tmp_path / "seen.parquet"
    done = copy(f"{lab}#seen", str(there))
    assert (done.rows, done.lost) == (2000, ())
    found = duckdb.sql(f"SELECT id, x, note FROM '{there}' ORDER BY id").fetchall()
    assert found == ROWS
    url = address("postgresql", postgres)
    assert copy(str(there), f"{url}#seen_copy").rows == 2000
    with DatabaseConnector(url=url) as db:
        rows = db.execute_query("SELECT id, x, note FROM seen_copy ORDER BY id")
        assert [tuple(row.values()) for row in rows] == ROWS
        db.execute_query("DROP TABLE seen_copy")
    assert servers.PASSWORD not in done.target + done.source


def test_identifiers_go_to_parquet_and_back_into_postgresql(tmp_path: Path, postgres: servers.Server) -> None:
    url, file = address("postgresql", postgres), str(tmp_path / "u.parquet")
    with DatabaseConnector(url=url) as db:
        db.execute_query("CREATE TABLE made (u uuid)")
        db.execute_query("INSERT INTO made VALUES (gen_random_uuid()), (NULL)")
        if not hasattr(pa, "uuid"):
            pytest.skip("pyarrow: has no type for identifiers")
        copy(f"{url}#made", file)
        copy(file, f"{url}#back")
        same = db.execute_query("SELECT count(*) AS n, count(b.u) AS u FROM made a JOIN back b ON a.u = b.u")
        assert same == [{"n": 1, "u": 1}]
        kinds = "SELECT pg_typeof(u)::text AS t, count(*) AS n FROM back GROUP BY 1"
        assert db.execute_query(kinds) == [{"t": "uuid", "n": 2}]


def test_a_query_to_csv_that_python_reads(lab: str, tmp_path: Path) -> None:
    there = tmp_path / "few.csv"
    done = copy(lab, str(there), query="SELECT id, note FROM seen WHERE id <= 3 ORDER BY id")
    assert done.rows == 3
    with there.open(newline="") as file:
        rows = list(csv.reader(file))
    assert [row[0] for row in rows[-3:]] == ["1", "2", "3"]
    assert rows[-3][1] == "text 1"


def test_what_is_there_is_not_touched_unless_told(lab: str, tmp_path: Path) -> None:
    there = tmp_path / "other.db"
    target = f"sqlite:///{there}#seen"
    copy(f"{lab}#seen", target)
    with pytest.raises(InvalidArgument, match="is there already; say exists='append' or 'replace'"):
        copy(f"{lab}#seen", target)
    copy(f"{lab}#seen", target, exists="replace")
    assert of_sqlite(there, "SELECT count(*), sum(id) FROM seen") == [(2000, 2001000)]
    copy(f"{lab}#seen", target, exists="append")
    assert of_sqlite(there, "SELECT count(*) FROM seen") == [(4000,)]


@pytest.mark.parametrize("how", [{}, {"key": "id"}, {"exists": "append"}], ids=["", "key", "append"])
def test_within_one_file_of_sqlite(lab: str, tmp_path: Path, how: dict[str, Any]) -> None:
    """Which cannot be written while it is read; the same file by another name is the same file."""
    (tmp_path / "other.db").symlink_to(tmp_path / "lab.db")
    assert copy(f"{lab}#seen", f"sqlite:///{tmp_path}/other.db#again", **how).rows == 2000
    assert of_sqlite(tmp_path / "lab.db", "SELECT * FROM again ORDER BY id") == ROWS
    if "key" in how:
        db = sqlite3.connect(tmp_path / "lab.db")
        with db:
            db.execute("INSERT INTO seen VALUES (3000, 1.5, NULL)")
        db.close()
        assert copy(f"{lab}#seen", f"{lab}#again", resume=True, **how).rows == 1
    else:
        copy(f"{lab}#again", f"{lab}#again", exists="append")
        assert of_sqlite(tmp_path / "lab.db", "SELECT count(*) FROM again") == [(4000,)]


def test_rows_that_are_put_aside_need_room(lab: str, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    kept = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(IntegrationError, match=r"put aside in .*TMPDIR"):
            copy(f"{lab}#seen", f"{lab}#again")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, kept)
    assert of_sqlite(tmp_path / "lab.db", "SELECT name FROM sqlite_master") == [("seen",)]


def test_all_or_nothing(tmp_path: Path) -> None:
    """The last row cannot be held: neither a row nor the new table stays."""
    source = tmp_path / "big.parquet"
    values = [1, 2, float("nan")]
    pa.parquet.write_table(pa.table({"x": pa.array(values, pa.float64())}), source)
    there = tmp_path / "t.db"
    with pytest.raises(ConversionError, match="nan"):
        copy(str(source), f"sqlite:///{there}#t")
    assert of_sqlite(there, "SELECT count(*) FROM sqlite_master WHERE name = 't'") == [(0,)]
    pa.parquet.write_table(pa.table({"x": pa.array([1.5])}), source)
    copy(str(source), f"sqlite:///{there}#t")
    pa.parquet.write_table(pa.table({"x": pa.array(values, pa.float64())}), source)
    with pytest.raises(ConversionError):
        copy(str(source), f"sqlite:///{there}#t", exists="replace")
    assert of_sqlite(there, "SELECT x FROM t") == [(1.5,)]


def test_resumed_by_a_key(tmp_path: Path) -> None:
    """A copy that breaks in the middle keeps its pieces; the next one brings the rest, nothing twice."""
    source, there = tmp_path / "s.parquet", tmp_path / "t.db"
    count = 150_000
    pa.parquet.write_table(pa.table({"id": range(count), "x": np.arange(float(count))}), source)
    with sqlite3.connect(there) as db:
        db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x REAL)")
        db.execute(
            "CREATE TRIGGER stop BEFORE INSERT ON t WHEN NEW.id > 140000 "
            "BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    db.close()
    with pytest.raises(IntegrationError, match="full"):
        copy(str(source), f"sqlite:///{there}#t", key="id", exists="append")
    kept = of_sqlite(there, "SELECT count(*), max(id) FROM t")[0]
    assert 0 < kept[0] < 140_000
    assert kept[1] == kept[0] - 1
    of_sqlite(there, "DROP TRIGGER stop")
    done = copy(str(source), f"sqlite:///{there}#t", key="id", resume=True)
    assert done.rows == count - kept[0]
    assert of_sqlite(there, "SELECT count(*), count(DISTINCT id), sum(x) FROM t") == [
        (count, count, float(sum(range(count))))
    ]
    other = f"sqlite:///{tmp_path}/u.db#t"
    few = "SELECT * FROM t WHERE id < 300"
    assert copy(f"sqlite:///{there}", other, query=few, key="id").rows == 300
    assert (
        copy(f"sqlite:///{there}", other, query="SELECT * FROM t WHERE id < 500", key="id", resume=True).rows
        == 200
    )
    assert copy(f"sqlite:///{there}", other, query=few, key="id", resume=True).rows == 0


def test_a_key_must_grow(tmp_path: Path) -> None:
    source = tmp_path / "s.parquet"
    pa.parquet.write_table(pa.table({"id": [1, 3, 2]}), source)
    with pytest.raises(InvalidArgument, match="does not grow"):
        copy(str(source), f"sqlite:///{tmp_path}/t.db#t", key="id")
    with pytest.raises(InvalidArgument, match="there is no column 'nr'; there are id"):
        copy(str(source), f"sqlite:///{tmp_path}/t.db#u", key="nr")


def test_a_key_that_falls_between_two_pieces_is_an_error_and_loses_no_row(tmp_path: Path) -> None:
    source, count = tmp_path / "s.parquet", 140_000
    ids = [*range(count // 2, count), *range(count // 2)]  # grows in each half alone
    pa.parquet.write_table(pa.table({"id": ids}), source, row_group_size=count // 2)
    with pytest.raises(InvalidArgument, match="does not grow"):
        copy(str(source), f"sqlite:///{tmp_path}/t.db#t", key="id")


def test_files_of_one_format_are_copied_byte_by_byte(tmp_path: Path) -> None:
    content = random.Random(5).randbytes(3_000_001)
    (tmp_path / "a.bin").write_bytes(content)
    told: list[tuple[int, int | None]] = []
    done = copy(str(tmp_path / "a.bin"), str(tmp_path / "b.bin"), progress=lambda *now: told.append(now))
    assert done.bytes == len(content)
    assert told[-1] == (len(content), len(content))
    assert hashlib.sha256((tmp_path / "b.bin").read_bytes()).digest() == hashlib.sha256(content).digest()
    with pytest.raises(InvalidArgument, match="is there already"):
        copy(str(tmp_path / "a.bin"), str(tmp_path / "b.bin"))
    with pytest.raises(NotFoundError, match=r"nothing\.bin"):
        copy(str(tmp_path / "nothing.bin"), str(tmp_path / "c.bin"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.bin", "b.bin"]


def test_what_describes_a_table_of_texts_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a file of its own; without it types, units and zones would be lost, with another's be wrong."""
    (tmp_path / "store").mkdir()
    (tmp_path / "c.toml").write_text(f'[connector.box]\nurl = "file://{tmp_path}/store"\n')
    monkeypatch.setenv("ARCUATE_CONNECTORS", str(tmp_path / "c.toml"))
    frame = pd.DataFrame(
        {"a": np.array([1, 2], "i2"), "t": pd.to_datetime(["2020-01-01", None]).as_unit("s")}
    )
    save_data(frame, tmp_path / "x.csv")
    hops = [str(tmp_path / "x.csv"), str(tmp_path / "y.csv"), "box#y.csv", "box#z.jsonl", "box#z.csv"]
    hops += [str(tmp_path / "z.csv"), "box#a.parquet", "box#b.csv", str(tmp_path / "b.arrow")]
    for one, other in pairwise(hops):
        copy(one, other)
        if "#" not in other:
            pd.testing.assert_frame_equal(open_data(other), frame)
    assert json.loads((tmp_path / "y.csv-metadata.json").read_text())["url"] == "y.csv"
    plain = pd.DataFrame({"a": [1, 2], "t": ["u", "v"]})
    save_data(plain, tmp_path / "p.csv")
    save_data(plain, tmp_path / "p.parquet")
    for name in ("p.csv", "p.parquet"):
        for target in (str(tmp_path / "z.csv"), "box#y.csv"):
            copy(str(tmp_path / "x.csv"), target, exists="replace")
            copy(str(tmp_path / name), target, exists="replace")
            local = target.replace("box#", f"{tmp_path}/store/")
            pd.testing.assert_frame_equal(open_data(local), plain)
            assert not Path(f"{local}-metadata.json").exists()


def test_a_folder_in_a_store_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.toml").write_text(f'[connector.box]\nurl = "file://{tmp_path}"\n')
    monkeypatch.setenv("ARCUATE_CONNECTORS", str(tmp_path / "c.toml"))
    (tmp_path / "x.zarr").mkdir()
    save_data(xr.DataArray([1.5], dims="t"), tmp_path / "x.zarr")
    for one, other in (("box#x.zarr", str(tmp_path / "x.nc")), (str(tmp_path / "x.zarr"), "box#y.zarr")):
        with pytest.raises(InvalidArgument, match=r"box#.\.zarr is a folder.*use \.zarr\.zip"):
            copy(one, other)
    copy(str(tmp_path / "x.zarr"), "box#y.zarr.zip")
    assert open_data(tmp_path / "y.zarr.zip").to_numpy().tolist() == [1.5]


def test_a_file_of_the_web_whose_address_is_quoted(tmp_path: Path) -> None:
    """As a browser shows it; what does not come is no damaged file, and a password is not shown."""
    (tmp_path / "ein é.csv").write_text("a\n1\n")
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/ein%20%C3%A9.csv"
            copy(url, str(tmp_path / "b.csv"))
            assert convert(f"{url}?download=1", tmp_path / "c.json").format == "json"
            with pytest.raises(InvalidArgument, match="no place for a query"):
                copy(f"{url}?download=1", str(tmp_path / "c.csv"))
            with pytest.raises(NotFoundError, match="there is no file http://127"):
                convert(url.replace("ein", "kein"), tmp_path / "c.json")
        finally:
            server.shutdown()
            thread.join()
    assert (tmp_path / "b.csv").read_text() == "a\n1\n"
    with pytest.raises(IntegrationError, match="could not be reached") as caught:
        convert(url.replace("127", "me:geheim-9@127"), tmp_path / "d.json")
    assert not isinstance(caught.value, DataError)
    assert "geheim-9" not in str(caught.value)


def test_an_array_as_a_table(tmp_path: Path) -> None:
    """A row for each element, the labels as columns."""
    array = xr.DataArray(
        [[1.5, 2.5], [3.5, 4.5]],
        dims=("time", "channel"),
        coords={"time": [10, 20], "channel": ["Cz", "Pz"]},
        name="v",
    )  # fmt: skip
    source, there = tmp_path / "a.nc", tmp_path / "t.db"
    array.to_netcdf(source, engine="h5netcdf")
    with pytest.raises(ConversionError, match="tidy=True"):
        copy(str(source), f"sqlite:///{there}#v")
    assert copy(str(source), f"sqlite:///{there}#v", tidy=True).rows == 4
    assert of_sqlite(there, "SELECT time, channel, v FROM v ORDER BY time, channel") == [
        (10, "Cz", 1.5), (10, "Pz", 2.5), (20, "Cz", 3.5), (20, "Pz", 4.5),
    ]  # fmt: skip


def test_what_a_tidy_table_does_not_say_is_listed(tmp_path: Path) -> None:
    array = xr.DataArray([1.5, 2.5], dims="time", attrs={"sampling_rate": 256.0, "start": "2025"})
    array.to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    url = f"sqlite:///{tmp_path}/t.db#v"
    done = arcuate("copy", tmp_path / "a.nc", url, "--tidy")
    assert "not kept: the attributes sampling_rate, start are in no column" in done.stdout
    assert copy(str(tmp_path / "a.nc"), url, tidy=True, exists="append").lost


def test_a_tidy_table_does_not_repeat_what_has_other_dimensions(tmp_path: Path) -> None:
    """Recordings with channels of two rates."""
    rates = {"fast": ("time_256Hz", np.arange(256.0)), "slow": ("time_1Hz", [1.0, 2.0])}
    xr.Dataset(rates).to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with pytest.raises(ConversionError, match="'fast', 'slow' have no dimensions in common"):
        copy(str(tmp_path / "a.nc"), f"sqlite:///{tmp_path}/t.db#v", tidy=True)
    assert copy(str(tmp_path / "a.nc"), f"sqlite:///{tmp_path}/t.db#v", tidy=True, variable="slow").rows == 2
    (tmp_path / "b.csv").write_text("a,b\n")
    assert copy(str(tmp_path / "b.csv"), f"sqlite:///{tmp_path}/t.db#b").rows == 0


@pytest.mark.parametrize("url", ["postgresql://me@127.0.0.1:{}/lab", "mysql://me@127.0.0.1:{}/lab"])
def test_a_server_that_is_not_there_has_nothing_to_undo(url: str, tmp_path: Path) -> None:
    (tmp_path / "b.csv").write_text("a\n1\n")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(NoConnection, match="is the server running, and is 'url' right") as caught:
        settings = {"retry": {"attempts": 1}}
        copy(str(tmp_path / "b.csv"), f"{url.format(port)}#t", target_settings=settings)
    assert "undoes" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "target", "options", "says"),
    [
        ("nowhere#x", "a.csv", {}, "no connector 'nowhere' is configured"),
        ("sqlite://", "a.csv", {}, "give one of a table"),
        ("sqlite://#t", "a.csv", {"limit": 3}, "'limit' means nothing for reading a database"),
        ("sqlite://#t", "a.csv", {"replace": True}, "no option 'replace'; it has query, .*exists"),
        ("gopher://h#t", "a.csv", {}, "has no type"),
        ("sqlite://#t", "b.csv", {"resume": True}, "resume needs a key"),
        ("sqlite://#t", "sqlite://#u", {"key": "a", "exists": "replace"}, "all or nothing"),
        ("sqlite://#t", "sqlite://", {"query": "SELECT 1 AS a"}, "give one of a table"),
    ],
)
def test_refused(source: str, target: str, options: dict[str, Any], says: str) -> None:
    with pytest.raises(InvalidArgument, match=says):
        copy(source, target, **options)


def test_from_the_command_line(lab: str, tmp_path: Path) -> None:
    toml = tmp_path / "c.toml"
    toml.write_text(f'[connector.lab]\nurl = "{lab}"\n')
    done = shell("copy", "lab#seen", "seen.arrow", "--json", "--config", toml, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["source"], said["rows"]) == ("lab#seen", 2000)
    with pa.memory_map(str(tmp_path / "seen.arrow")) as file:
        assert pa.ipc.open_file(file).read_all().column("id").to_pylist() == [row[0] for row in ROWS]
    (tmp_path / "d.toml").write_text(f'[connector.disk]\nurl = "file://{tmp_path}"\n')
    whole = arcuate("copy", "disk", "x.csv", cwd=tmp_path, ARCUATE_CONNECTORS=str(tmp_path / "d.toml"))
    assert "disk is a connector; say what of it: disk#PATH" in whole.stderr
    again = arcuate("copy", "lab#seen", "seen.arrow", cwd=tmp_path, ARCUATE_CONNECTORS=str(toml))
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert (
        "2,000 rows"
        in arcuate(
            "copy", "lab#seen", "seen.arrow", "--replace", cwd=tmp_path, ARCUATE_CONNECTORS=str(toml)
        ).stdout
    )
