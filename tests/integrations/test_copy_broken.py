"""Copies that are interrupted, killed, or break: what is there afterwards, and what going on brings."""

from __future__ import annotations

import datetime as dt
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr
from tests.cli.support import CLEAN
from tests.nosql import servers as nosql

from arcuate.errors import ConversionError, InvalidArgument
from arcuate.formats import open_data
from arcuate.integrations.copying import Ask, copy
from arcuate.integrations.copying.files import FileEnd
from arcuate.nosql import DocumentStore

COUNT = 160_000


def rows(path: Path) -> tuple[int, int, int]:
    """Rows, different keys, and their sum."""
    with sqlite3.connect(path, timeout=30) as db:
        found = db.execute("SELECT COUNT(*), COUNT(DISTINCT id), COALESCE(SUM(id), 0) FROM t").fetchone()
    db.close()
    return (int(found[0]), int(found[1]), int(found[2]))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "s.parquet"
    ids = np.arange(COUNT)
    pq.write_table(pa.table({"id": ids, "x": np.sqrt(ids)}), path, row_group_size=20_000)
    return path


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_what_was_killed_goes_on(how: signal.Signals, source: Path, tmp_path: Path) -> None:
    """No row is lost, none is there twice."""
    there = tmp_path / "t.db"
    code = "import sys; from arcuate.cli.app import app; app(sys.argv[1:], prog_name='arcuate')"
    words = ["copy", str(source), f"sqlite:///{there}#t", "--key", "id"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words], env={**os.environ, **CLEAN}, stderr=subprocess.PIPE, text=True
    ) as process:
        ended = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < ended:
            try:
                if rows(there)[0] > 10_000:
                    break
            except sqlite3.OperationalError:
                time.sleep(0.02)  # no table yet
        process.send_signal(how)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == (-9 if how == signal.SIGKILL else 130), said
    count, different, _ = rows(there)
    assert 0 < count == different < COUNT
    done = copy(str(source), f"sqlite:///{there}#t", key="id", resume=True)
    assert done.rows == COUNT - count
    assert rows(there) == (COUNT, COUNT, COUNT * (COUNT - 1) // 2)


def test_what_was_killed_without_a_key_left_nothing(source: Path, tmp_path: Path) -> None:
    copy(str(source), f"sqlite:///{tmp_path}/t.db#t", key="id")
    code = (
        "import os, sys; from arcuate.integrations.copying import copy\n"
        "copy(sys.argv[1], sys.argv[2], exists='replace', "
        "progress=lambda done, total: done > 60_000 and os.kill(os.getpid(), 9))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(source), f"sqlite:///{tmp_path}/t.db#t"], check=False
    )
    assert done.returncode == -9
    assert rows(tmp_path / "t.db") == (COUNT, COUNT, COUNT * (COUNT - 1) // 2)


@pytest.mark.parametrize(
    "column",
    [
        pa.array([dt.datetime(2020, 1, 1, 0, 0, 0, n * 1000 + 1) for n in range(9)], pa.timestamp("us")),
        pa.array([dt.datetime(2020, 1, 1, 1, n) for n in range(9)], pa.timestamp("us", "UTC")),
        pa.array([dt.date(2020, 1, 1 + n) for n in range(9)]),
        pa.array(["a", "b", "é", "ž", "猫"]),
        pa.array([False, True]),
        pa.array([-1.5, 0.0, 2.5]),
    ],
    ids=lambda one: str(one.type),
)  # fmt: skip
def test_keys_of_every_type(column: Any, tmp_path: Path) -> None:
    """SQLite keeps times as texts, and bools as numbers."""
    table = pa.table({"k": column, "n": range(len(column))})
    for name in ("sqlite", "duckdb"):
        target = f"{name}:///{tmp_path}/{name}.db#t"
        pq.write_table(table.slice(0, len(column) - 1), tmp_path / "s.parquet")
        assert copy(str(tmp_path / "s.parquet"), target, key="k").rows == len(column) - 1
        pq.write_table(table, tmp_path / "s.parquet")
        assert copy(str(tmp_path / "s.parquet"), target, key="k", resume=True).rows == 1
        assert copy(str(tmp_path / "s.parquet"), target, key="k", resume=True).rows == 0


def test_a_key_of_another_type_or_without_a_value_is_an_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": ["a", "b"]}), tmp_path / "s.parquet")
    copy(str(tmp_path / "s.parquet"), f"sqlite:///{tmp_path}/t.db#t", key="k")
    pq.write_table(pa.table({"k": [1, 2]}), tmp_path / "n.parquet")
    with pytest.raises(InvalidArgument, match=r"the largest 'k' of the target is 'b', which is no int64"):
        copy(str(tmp_path / "n.parquet"), f"sqlite:///{tmp_path}/t.db#t", key="k", resume=True)
    with sqlite3.connect(tmp_path / "s.db") as db:
        db.execute("CREATE TABLE s (k TEXT)")
        db.executemany("INSERT INTO s VALUES (?)", [("a",), ("b",), (None,), ("c",)])
    db.close()
    with pytest.raises(InvalidArgument, match="missing values and cannot be the key"):
        copy(f"sqlite:///{tmp_path}/s.db#s", f"sqlite:///{tmp_path}/t.db#t", key="k", resume=True)


def test_a_resumed_copy_of_a_file_does_not_write_over_another(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"new" * 1000)
    (tmp_path / "b.bin").write_bytes(b"old")
    with pytest.raises(InvalidArgument, match=r"b\.bin is there already and holds something else"):
        copy(str(tmp_path / "a.bin"), str(tmp_path / "b.bin"), resume=True)
    assert (tmp_path / "b.bin").read_bytes() == b"old"
    assert copy(str(tmp_path / "a.bin"), str(tmp_path / "c.bin"), resume=True).bytes == 3000
    assert copy(str(tmp_path / "a.bin"), str(tmp_path / "c.bin"), resume=True).bytes == 3000


# ------------------------------------------------------------------ documents


@pytest.fixture(scope="module")
def mongo() -> Iterator[str]:
    with nosql.mongo() as server:
        yield f"mongodb://127.0.0.1:{server.port}/lab"


def test_documents_are_replaced_at_once_or_not_at_all(mongo: str, tmp_path: Path) -> None:
    def table(*ids: int) -> str:
        pq.write_table(pa.table({"id": ids}), tmp_path / "t.parquet", row_group_size=2)
        return str(tmp_path / "t.parquet")

    def there(*, alone: bool = True) -> list[int]:
        with DocumentStore(url=mongo) as store:
            assert not alone or store.collections() == ["seen"]
            return sorted(one["id"] for one in store.find("seen"))

    copy(table(1, 2, 3), f"{mongo}#seen")
    assert copy(table(4, 5, 6, 7), f"{mongo}#seen", exists="replace").rows == 4
    assert there() == [4, 5, 6, 7]

    def break_off(done: int, total: int | None) -> None:
        assert there(alone=False) == [4, 5, 6, 7]
        raise ConversionError("the source broke")

    with pytest.raises(ConversionError, match="the source broke"):
        copy(table(8, 9, 10), f"{mongo}#seen", exists="replace", progress=break_off)
    assert there() == [4, 5, 6, 7]
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), tmp_path / "none.parquet")
    copy(str(tmp_path / "none.parquet"), f"{mongo}#seen", exists="replace")
    with DocumentStore(url=mongo) as store:
        assert store.count("seen") == 0


# ------------------------------------------------------------------ blocks of a stream into a file


def block(start: int, **attrs: Any) -> xr.DataArray:
    return xr.DataArray(
        np.arange(2.0 * start, 2 * start + 6).reshape(3, 2).T,
        {"channel": ["Fz", "Cz"], "time": np.arange(start, start + 3) / 10},
        ("channel", "time"),
        "eeg",
        {"rate": 10.0, **attrs},
    )


@pytest.mark.parametrize("suffix", ["nc", "h5", "zarr"])
def test_blocks_are_one_array_along_time(suffix: str, tmp_path: Path) -> None:
    """Also where time is no first dimension; labels that differ are no matter of place."""
    there = str(tmp_path / f"x.{suffix}")
    blocks = [block(0), block(3), block(6)]
    assert FileEnd(there, "", {}).put(iter(blocks), Ask()) == ()
    xr.testing.assert_identical(open_data(there), xr.concat(blocks, "time"))
    other = block(9).assign_coords(channel=["Cz", "Fz"])
    for last, told in (
        (other, "'channel'"),
        (block(9, rate=20.0), "different values of the attribute 'rate'.*lossy=True"),
    ):
        with pytest.raises(ConversionError, match=told):
            FileEnd(there, "", {}).put(iter([*blocks, last]), Ask(exists="replace"))
    xr.testing.assert_identical(open_data(there), xr.concat(blocks, "time"))
    lost = FileEnd(there, "", {}).put(iter([*blocks, block(9, rate=20.0)]), Ask(exists="replace", lossy=True))
    assert lost == ("the attribute 'rate', which differs from block to block",)
    assert open_data(there).shape == (2, 12)
