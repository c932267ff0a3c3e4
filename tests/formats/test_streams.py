"""Files piece by piece, and from one format to another."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xarray as xr
from tests.cli.support import arcuate

from arcuate.connector import DataError
from arcuate.errors import ConversionError, InvalidArgument, Unsupported
from arcuate.formats import convert, open_batches, open_data, save_batches, save_data
from arcuate.integrations import open_data as gathered

ROWS = 20_000
FRAME = pd.DataFrame(
    {
        "n": np.arange(ROWS, dtype="i4"),
        "x": pd.array(np.where(np.arange(ROWS) % 7, np.sqrt(np.arange(ROWS)), np.nan), dtype="float64"),
        "s": pd.array([None if n % 11 == 0 else f"text {n} é" for n in range(ROWS)], dtype="string"),
        "w": pd.date_range("2020-01-01", periods=ROWS, freq="37min", tz="Europe/Prague").as_unit("ms"),
        "g": pd.Categorical.from_codes(np.arange(ROWS) % 3, ["lo", "mid", "hi"], ordered=True),
    }
)
FRAME.attrs = {"source": "made", "n": 3}
ARRAY = xr.DataArray(
    np.sqrt(np.arange(3_000_000.0)).reshape(30_000, 100),
    {"t": np.arange(30_000) * 0.5, "name": ("c", [f"ch{n}" for n in range(100)])},
    ("t", "c"),
    "eeg",
    {"units": "uV", "rate": 2.0},
)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow", "arrows"])
def test_a_table_in_pieces(suffix: str, tmp_path: Path) -> None:
    save_data(FRAME, tmp_path / f"x.{suffix}")
    pieces = list(open_batches(tmp_path / f"x.{suffix}", **({"block": 1 << 18} if suffix == "csv" else {})))
    assert len(pieces) > 1
    assert sum(piece.num_rows for piece in pieces) == ROWS
    assert max(piece.nbytes for piece in pieces) < 8 << 20
    save_batches(iter(pieces), tmp_path / f"y.{suffix}")
    pd.testing.assert_frame_equal(open_data(tmp_path / f"y.{suffix}"), FRAME)
    one = next(open_batches(tmp_path / f"x.{suffix}", variable="s"))
    assert one.schema.names == ["s"]


def test_a_table_through_every_format(tmp_path: Path) -> None:
    """Piece by piece from each to the next, and at the end it is what it was."""
    chain = ["a.parquet", "b.csv", "c.arrow", "d.jsonl", "e.csv.gz", "f.arrows", "g.parquet"]
    save_data(FRAME, tmp_path / chain[0])
    seen: list[int] = []
    for source, target in pairwise(chain):
        kept = convert(tmp_path / source, tmp_path / target, progress=lambda done, total: seen.append(done))
        assert kept.lost == ()
        assert seen[-1] == ROWS
        assert len(seen) > 2
        seen.clear()
    found = open_data(tmp_path / chain[-1])
    pd.testing.assert_frame_equal(found, FRAME)
    assert found.attrs == FRAME.attrs


def test_an_array_in_pieces(tmp_path: Path) -> None:
    save_data(ARRAY, tmp_path / "x.zarr")
    pieces = list(open_batches(tmp_path / "x.zarr"))
    assert len(pieces) > 1
    assert pieces[1].attrs == ARRAY.attrs
    xr.testing.assert_identical(xr.concat(pieces, "t"), ARRAY)
    assert convert(tmp_path / "x.zarr", tmp_path / "y.zarr.zip").lost == ()
    xr.testing.assert_identical(open_data(tmp_path / "y.zarr.zip"), ARRAY)
    save_data(ARRAY, tmp_path / "x.nc")
    assert next(open_batches(tmp_path / "x.nc")).shape[1] == 100
    assert convert(tmp_path / "x.nc", tmp_path / "z.zarr").lost == ()
    xr.testing.assert_identical(open_data(tmp_path / "z.zarr"), ARRAY)
    with pytest.raises(Unsupported, match="only a labelled array"):
        save_data({"a": 1}, tmp_path / "m.zarr")
        next(open_batches(tmp_path / "m.zarr"))


def test_an_array_with_other_fill_values_in_each_piece(tmp_path: Path) -> None:
    """What stands for missing differs from piece to piece: such an array goes as a whole."""
    data = pd.array([None, -9223372036854775806, 5] * 1_000_000, dtype="Int64")
    data[4_000_000 // 2 :] = 1
    array = xr.DataArray(data, dims="x", name="v")
    save_data(array, tmp_path / "x.zarr")
    convert(tmp_path / "x.zarr", tmp_path / "y.zarr")
    assert open_data(tmp_path / "y.zarr").variable.data.equals(data)


def test_between_arrays_and_tables(tmp_path: Path) -> None:
    small = ARRAY[:50, :3]
    save_data(small, tmp_path / "x.nc")
    for target in ("x.parquet", "x.csv", "x.json", "x.h5", "x.zarr.zip", "y.nc"):
        convert(tmp_path / "x.nc", tmp_path / target)
        xr.testing.assert_identical(open_data(tmp_path / target), small)
    convert(tmp_path / "x.nc", tmp_path / "n.json", variable="name")
    assert open_data(tmp_path / "n.json").values.tolist() == ["ch0", "ch1", "ch2"]
    with pytest.raises(ConversionError, match=r"is no table.*\.json"):
        save_data({"a": 1}, tmp_path / "m.json")
        convert(tmp_path / "m.json", tmp_path / "m.csv")


def test_damage_in_a_later_piece(tmp_path: Path) -> None:
    save_data(FRAME, tmp_path / "x.jsonl")
    text = (tmp_path / "x.jsonl").read_bytes()
    (tmp_path / "x.jsonl").write_bytes(text[: len(text) // 2])
    with pytest.raises(DataError, match=r"x\.jsonl"):
        convert(tmp_path / "x.jsonl", tmp_path / "y.parquet")
    assert not (tmp_path / "y.parquet").exists()


def test_filesystems(tmp_path: Path) -> None:
    memory = fsspec.filesystem("memory")
    small = FRAME.head(5)
    save_data(small, "box/x.csv", filesystem=memory)
    save_data(ARRAY[:4], "memory://box/x.zarr")
    assert sorted(one.rpartition("/")[2] for one in memory.ls("box", detail=False)) == [
        "x.csv", "x.csv-metadata.json", "x.zarr",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(open_data("memory://box/x.csv"), small)
    xr.testing.assert_identical(gathered("box/x.zarr", filesystem=memory), ARRAY[:4])
    convert("memory://box/x.zarr", tmp_path / "x.nc")
    xr.testing.assert_identical(open_data(f"file://{tmp_path}/x.nc"), ARRAY[:4])
    with pytest.raises(InvalidArgument, match=r"nowhere:// needs a filesystem"):
        open_data("nowhere://box/x.csv")


def test_what_was_there_is_replaced_elsewhere_too(tmp_path: Path) -> None:
    """No description of another table stays beside a new one, no part of another array in its folder."""
    memory = fsspec.filesystem("memory")
    save_data(FRAME.head(3), "memory://old/x.csv")
    plain = pd.DataFrame({"a": [1, 2, 3]})
    save_data(plain, "memory://old/x.csv")
    pd.testing.assert_frame_equal(open_data("memory://old/x.csv"), plain)
    both = xr.Dataset({"a": ("x", [1, 2]), "b": ("x", [1.5, 2.5])})
    save_data(both, "memory://old/x.zarr")
    save_data(both[["a"]], "memory://old/x.zarr")
    assert not [one for one in memory.find("old") if "/b/" in one or "metadata" in one]
    memory.pipe("old/notes/mine", b"mine")
    with pytest.raises(InvalidArgument, match=r"old/notes is a folder that holds something else"):
        save_data(both, "memory://old/notes", format="zarr")
    assert memory.cat("old/notes/mine") == b"mine"


@pytest.mark.parametrize("suffix", ["parquet", "csv", "nc", "zarr"])
@pytest.mark.parametrize(
    "error", [FileNotFoundError(2, "no", "theirs.txt"), KeyError("k"), OSError(28, "full")]
)
def test_what_the_caller_raises_is_no_fault_of_the_file(
    suffix: str, error: Exception, tmp_path: Path
) -> None:
    """It would say of the target that it is not there, or that the source is damaged."""

    def pieces() -> Any:
        yield pa.RecordBatch.from_pydict({"a": [1]}) if suffix in ("parquet", "csv") else ARRAY[:2]
        raise error

    def stop(done: int, total: int | None) -> None:
        if done:
            raise error

    with pytest.raises(type(error)) as raised:
        save_batches(pieces(), tmp_path / f"x.{suffix}")
    assert raised.value is error
    save_data(FRAME.head(3) if suffix in ("parquet", "csv") else ARRAY[:2], tmp_path / f"a.{suffix}")
    with pytest.raises(type(error)) as raised:
        convert(
            tmp_path / f"a.{suffix}",
            tmp_path / ("y.arrow" if suffix in ("parquet", "csv") else "y.h5"),
            progress=stop,
        )
    assert raised.value is error
    assert {one.name for one in tmp_path.iterdir()} <= {f"a.{suffix}", f"a.{suffix}-metadata.json"}


ENDS = """
import sys
from arcuate.formats import open_batches
found = open_batches(sys.argv[1])
print(next(found).num_rows, next(found).num_rows > 0)
"""


def test_a_program_that_ends_amid_a_file(tmp_path: Path) -> None:
    """A thread of Arrow's reads ahead; Python must not be what it reads with."""
    rows = b"".join(b"%d,some text\n" % number for number in range(400_000))
    (tmp_path / "x.csv").write_bytes(b"a,b\n" + rows)
    done: Any = subprocess.run(
        [sys.executable, "-c", ENDS, str(tmp_path / "x.csv")], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "0 True\n"), done.stderr


def test_pieces_of_another_kind_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Unsupported, match="json files are not written piece by piece"):
        save_batches([pa.RecordBatch.from_pydict({"a": [1]})], tmp_path / "x.json")
    with pytest.raises(Unsupported, match="json files are not read piece by piece"):
        save_data([1], tmp_path / "y.json")
        next(open_batches(tmp_path / "y.json"))


def test_the_command(tmp_path: Path) -> None:
    save_data(FRAME.head(3), tmp_path / "x.csv")
    done = arcuate("convert", str(tmp_path / "x.csv"), str(tmp_path / "y.parquet"))
    assert done.returncode == 0, done.stderr
    assert "(parquet): 3 rows or elements, " in done.stdout
    pd.testing.assert_frame_equal(open_data(tmp_path / "y.parquet"), FRAME.head(3))
    done = arcuate(
        "convert",
        str(tmp_path / "x.csv"),
        str(tmp_path / "s.json"),
        "--variable",
        "s",
        "--limit",
        "1",
        "--json",
    )
    assert json.loads(done.stdout) | {"seconds": 0} == {
        "source": str(tmp_path / "x.csv"),
        "target": str(tmp_path / "s.json"),
        "format": "json",
        "count": None,
        "seconds": 0,
        "lost": [],
    }
    done = arcuate("convert", str(tmp_path / "none.csv"), str(tmp_path / "z.nc"))
    assert done.returncode == 1
    assert done.stderr.startswith("error: NotFoundError: there is no file")
    done = arcuate("convert", str(tmp_path / "x.csv"), str(tmp_path / "z"), "--to", "xls")
    assert "there is no format 'xls'; there are csv" in done.stderr
    done = arcuate("convert", str(tmp_path / "x.csv"), str(tmp_path / "z.json"), "--limit", "inf")
    assert "--limit is a number of GiB, not inf" in done.stderr
    assert not list(tmp_path.glob("z*"))


MEMORY = """
import resource, sys
import numpy as np, pyarrow as pa
from arcuate.formats import convert, save_batches
import arcuate.formats.parquet, arcuate.formats.arrow, arcuate.formats.delimited, arcuate.formats.jsonlines
folder, rows, most = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
def batches():
    for start in range(0, rows, 50_000):
        n = np.arange(start, start + 50_000)
        yield pa.record_batch({"n": n, "x": np.sqrt(n), "s": [f"a text of some length {i}" for i in n]})
def grown():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
save_batches(batches(), folder + "/a.arrow")
begin = grown()
chain = ["a.arrow", "b.parquet", "c.csv", "d.jsonl", "e.arrow"]
for source, target in zip(chain[:-1], chain[1:]):
    convert(f"{folder}/{source}", f"{folder}/{target}")
    print(target, grown() - begin, "MB more", file=sys.stderr)
assert grown() - begin < most, grown() - begin
"""


@pytest.mark.soak
def test_memory_is_bounded(tmp_path: Path) -> None:
    """6 million rows, 300 MB and more in every format."""
    command = [sys.executable, "-c", MEMORY, str(tmp_path), "6000000", "180"]
    done: Any = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
