"""Arrays block by block: between files, from others' files, and part by part as they come."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import h5netcdf
import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import xarray as xr
from tests.formats.golden import cases, same_as

from arcuate.connector import DataError
from arcuate.errors import ConversionError, InvalidArgument, LimitExceeded
from arcuate.formats import blocks, convert, open_batches, open_data, save_batches, save_data, tabular
from arcuate.formats.hdf5 import HDF5
from arcuate.values import decode, frames

GROUPED = ("nc", "h5", "zarr")
PAIRS = [(a, b) for a in GROUPED for b in GROUPED if a != b]
RNG = np.random.default_rng(3)


def eeg(start: int = 0, stop: int = 40, **attrs: Any) -> xr.DataArray:
    return xr.DataArray(
        np.sqrt(np.arange(3.0 * start, 3.0 * stop)).reshape(-1, 3),
        {"time": np.arange(start, stop) / 10, "channel": ["Fz", "Cz", "Pz"], "run": 7},
        ("time", "channel"),
        "eeg",
        {"units": "uV", **attrs},
    )


def converted(source: Path, target: Path, *, by_block: bool = True) -> Any:
    """What a conversion gives; by the block it knows beforehand how much there is."""
    seen: list[tuple[int, int | None]] = []
    kept = convert(source, target, progress=lambda *told: seen.append(told))
    assert kept.lost == ()
    assert (seen[-1][1] is not None) == by_block, seen
    return open_data(target)


@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_the_golden_vectors_from_one_to_the_other(a: str, b: str, tmp_path: Path) -> None:
    turn, count = PAIRS.index((a, b)), 0
    labels = ("table", "labelled", "dataset", "categorical")
    for at, case in enumerate(cases()):
        if at % 90 != turn and not (case.kind in labels and at % 18 == turn):
            continue
        assert case.frame is not None
        folder = tmp_path / str(at)
        folder.mkdir()
        try:
            save_data(decode(frames.load(case.frame)), folder / f"x.{a}")
        except ConversionError:
            continue  # more dimensions than HDF5 has
        convert(folder / f"x.{a}", folder / f"y.{b}")
        assert not same_as(case, open_data(folder / f"y.{b}")), case.name
        count += 1
    assert count > 5


def foreign() -> xr.Dataset:
    return xr.Dataset(
        {
            "packed": (("t", "c"), np.array([[1.5, np.nan], [2.0, 2.5], [-3.0, 0.5]])),
            "n": ("t", np.array([1, 2, 3], "i2")),
            "name": ("c", np.array(["é", "b"], object)),
            "yes": ("t", np.array([True, False, True])),
            "none": ("z", np.zeros(0)),
            "one": ((), 2.5),
        },
        {"t": pd.date_range("2020-01-01", periods=3, freq="37min"), "c": [4, 5]},
        {"title": "made", "number": 3},
    )


def written(value: Any, path: Path) -> None:
    encoding = {"packed": {"dtype": "i2", "scale_factor": 0.5, "_FillValue": -9}}
    if path.suffix == ".zarr":
        value.to_zarr(path, encoding=encoding, consolidated=False)
    else:
        value.to_netcdf(path, engine="h5netcdf", encoding=encoding)


@pytest.mark.filterwarnings("ignore:.*string")
@pytest.mark.parametrize(("a", "b"), [("nc", "zarr"), ("nc", "h5"), ("zarr", "nc")])
def test_what_xarray_wrote(a: str, b: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block by block the same comes as in one piece; a block is two elements."""
    monkeypatch.setattr(blocks, "BLOCK", 16)
    written(foreign(), tmp_path / f"x.{a}")
    xr.testing.assert_identical(
        converted(tmp_path / f"x.{a}", tmp_path / f"y.{b}"), open_data(tmp_path / f"x.{a}")
    )
    one = foreign()[["packed"]].drop_attrs(deep=False)
    written(one, tmp_path / f"one.{a}")
    found = converted(tmp_path / f"one.{a}", tmp_path / f"one.{b}")
    assert isinstance(found, xr.DataArray)
    xr.testing.assert_identical(found, open_data(tmp_path / f"one.{a}"))
    parts = list(open_batches(tmp_path / f"one.{a}"))
    assert len(parts) == (3 if a == "nc" else 1)  # Zarr's chunk is the whole
    xr.testing.assert_identical(xr.concat(parts, "t"), found)


def test_trees_and_plain_files_of_hdf5(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "BLOCK", 64)
    tree = xr.DataTree.from_dict(
        {"/": foreign()[["n", "one"]], "/a b": foreign()[["yes"]], "/a b/c": foreign()[["name"]]}
    )
    tree.to_netcdf(tmp_path / "t.nc", engine="h5netcdf")
    xr.testing.assert_identical(
        converted(tmp_path / "t.nc", tmp_path / "t.zarr"), open_data(tmp_path / "t.nc")
    )
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["raw"] = np.arange(300, dtype="i2").reshape(100, 3)
        file["raw"].attrs["gain"] = 0.5
        file["sub/names"] = ["a", "ž"]
        file["sub/table"] = np.array([(1, 2.5)], [("n", "i4"), ("x", "f8")])
        file["sub/deep/flag"] = np.array([True, False])
        file["sub/deep/z"] = np.array([1 + 2j])
    xr.testing.assert_identical(
        converted(tmp_path / "x.h5", tmp_path / "x.zarr"), open_data(tmp_path / "x.h5")
    )
    with h5py.File(tmp_path / "y.h5", "w") as file:
        file.create_dataset(
            "eeg", data=np.arange(3000.0).reshape(1000, 3), chunks=(10, 3), compression="gzip"
        )
    xr.testing.assert_identical(converted(tmp_path / "y.h5", tmp_path / "y.nc"), open_data(tmp_path / "y.h5"))
    assert len(list(open_batches(tmp_path / "y.h5"))) == 100


def test_what_blocks_cannot_describe_goes_as_a_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A time that is missing in a later block, in another's file."""
    monkeypatch.setattr(blocks, "BLOCK", 64)
    times = xr.DataArray(np.array(["2020-01-01"] * 50 + ["NaT"], "M8[ns]"), dims="x", name="when")
    times.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    seen: list[int | None] = []
    convert(tmp_path / "x.nc", tmp_path / "y.zarr", progress=lambda done, total: seen.append(total))
    xr.testing.assert_identical(open_data(tmp_path / "y.zarr"), open_data(tmp_path / "x.nc"))
    assert bool(open_data(tmp_path / "y.zarr").isnull()[-1])
    parts = list(open_batches(tmp_path / "x.nc"))
    assert len(parts) > 1
    xr.testing.assert_identical(xr.concat(parts, "x"), open_data(tmp_path / "x.nc"))


@pytest.mark.parametrize(
    ("suffix", "labels"),
    [("parquet", True), ("parquet", False), ("arrow", True), ("csv", True), ("jsonl", True)],
)
def test_an_array_becomes_a_table_by_the_block(
    suffix: str, labels: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same table as of the whole, which is never in memory."""
    monkeypatch.setattr(blocks, "BLOCK", 500)
    monkeypatch.setattr(tabular, "_ROWS", 40)
    array = eeg(0, 60) if labels else eeg(0, 60).drop_vars(["time", "channel"])
    marked = array.assign_coords(mark=("time", pd.array(["a", None, "b"] * 20, dtype="string")))
    for at, value in enumerate((array, array[:0], array[:, 0], array[0, 0], marked)):
        save_data(value, tmp_path / f"{at}.h5")
        save_data(value, tmp_path / f"whole{at}.{suffix}")
        with monkeypatch.context() as patched:
            patched.setattr(HDF5, "read", None)
            convert(tmp_path / f"{at}.h5", tmp_path / f"{at}.{suffix}")
        wanted, found = (open_data(tmp_path / f"{name}{at}.{suffix}") for name in ("whole", ""))
        xr.testing.assert_identical(found, wanted)
        if value is not marked:  # missing texts come back as objects
            xr.testing.assert_identical(found, value)
    if suffix == "parquet":
        assert pq.read_table(tmp_path / "4.parquet").equals(pq.read_table(tmp_path / "whole4.parquet"))


def test_labelled_vectors_become_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that are none of xarray's."""
    monkeypatch.setattr(blocks, "BLOCK", 20)
    monkeypatch.setattr(tabular, "_ROWS", 3)
    labelled = [case for case in cases() if case.kind == "labelled"][::5]
    for at, case in enumerate(labelled):
        assert case.frame is not None
        save_data(decode(frames.load(case.frame)), tmp_path / f"{at}.h5")
        target = tmp_path / f"{at}.{('parquet', 'csv', 'arrow')[at % 3]}"
        convert(tmp_path / f"{at}.h5", target)
        assert not same_as(case, open_data(target)), case.name
        assert next(open_batches(tmp_path / f"{at}.h5")) is not None
    assert len(labelled) > 3


# ------------------------------------------------------------------ part by part


@pytest.mark.parametrize("suffix", GROUPED)
def test_parts_along_a_dimension(suffix: str, tmp_path: Path) -> None:
    parts = [eeg(0, 7), eeg(7, 8), eeg(8, 40)]
    save_batches(iter(parts), tmp_path / f"x.{suffix}")
    xr.testing.assert_identical(open_data(tmp_path / f"x.{suffix}"), eeg())
    turned = [part.transpose() for part in parts]
    save_batches(iter(turned), tmp_path / f"y.{suffix}", along="time")
    xr.testing.assert_identical(open_data(tmp_path / f"y.{suffix}"), eeg().transpose())
    whole = [part.astype("c16").expand_dims("trial", 1) for part in parts]
    save_batches(iter(whole), tmp_path / f"z.{suffix}")
    xr.testing.assert_identical(
        open_data(tmp_path / f"z.{suffix}"), eeg().astype("c16").expand_dims("trial", 1)
    )
    with pytest.raises(
        InvalidArgument, match=r"no dimension 'tiem' to grow along; they have \['time', 'channel'\]"
    ):
        save_batches(iter(parts), tmp_path / f"w.{suffix}", along="tiem")
    with pytest.raises(InvalidArgument, match=r"nothing to be written"):
        save_batches(iter(()), tmp_path / f"w.{suffix}")


@pytest.mark.parametrize("suffix", GROUPED)
def test_parts_that_differ_are_not_joined_in_silence(suffix: str, tmp_path: Path) -> None:
    other = eeg(40, 42)
    for part, told in (
        (other.assign_coords(channel=["Cz", "Fz", "Pz"]), "'channel'"),
        (other.assign_coords(run=8), "'run'"),
        (other.assign_attrs(units="mV"), "the attribute 'units'"),
        (other.assign_attrs(more=1), "the attribute 'more'"),
        (other.astype("f4"), "'eeg': float32"),
        (other.rename("emg"), "dims, coordinates or name"),
        (other[:, :2], "'eeg'|'channel'"),
        (other.drop_vars("run"), "dims, coordinates or name"),
        (other.transpose(), "dims, coordinates or name|'eeg'"),
    ):
        with pytest.raises(ConversionError, match=told):
            save_batches(iter([eeg(), part]), tmp_path / f"x.{suffix}")
        assert not (tmp_path / f"x.{suffix}").exists()


def test_others_read_what_grew(tmp_path: Path) -> None:
    save_batches((eeg(at, at + 5) for at in range(0, 40, 5)), tmp_path / "x.nc", compression=4)
    with xr.open_dataarray(tmp_path / "x.nc", engine="h5netcdf") as found:
        xr.testing.assert_equal(found.load(), eeg())
        assert found.attrs["units"] == "uV"
    with h5netcdf.File(tmp_path / "x.nc", "r") as file:
        assert file.dimensions["time"].isunlimited()
        assert file["eeg"].shape == (40, 3)


# ------------------------------------------------------------------ damage and size


@pytest.mark.parametrize(("a", "b"), [("h5", "zarr"), ("nc", "h5"), ("zarr", "nc")])
def test_damage_in_a_block(a: str, b: str, tmp_path: Path) -> None:
    array = xr.DataArray(RNG.normal(size=(5000, 20)), dims=("t", "c"))
    save_data(array, tmp_path / f"x.{a}")
    path = tmp_path / f"x.{a}"
    if path.is_dir():
        path = max((one for one in path.rglob("*") if one.is_file()), key=lambda one: one.stat().st_size)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=rf"x\.{a}"):
        convert(tmp_path / f"x.{a}", tmp_path / f"y.{b}")
    assert not (tmp_path / f"y.{b}").exists()


def test_files_that_would_fill_the_disk(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.create_dataset("big", (1 << 40,), "f8", chunks=(1 << 16,))
    with pytest.raises(LimitExceeded, match=r"x\.h5: what it says to hold, 2,000 times its own size"):
        convert(tmp_path / "x.h5", tmp_path / "y.zarr")
    with h5py.File(tmp_path / "z.h5", "w") as file:
        file.create_dataset("big", (1 << 24,), "f8", chunks=(1 << 24,))
    with pytest.raises(LimitExceeded, match=r"z\.h5: one chunk of /big takes 134,217,728"):
        convert(tmp_path / "z.h5", tmp_path / "y.zarr", limit=1 << 20)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["x.h5", "z.h5"]


def test_blocks_are_the_whole_array() -> None:
    for shape, unit in (((7, 5, 3), (2, 5, 1)), ((4, 10), None), ((), None), ((0, 3), None), ((9,), (4,))):
        seen = np.zeros(shape, int)
        for place in blocks.blocks(shape, 8, unit):
            seen[place] += 1
        assert (seen == 1).all()


MEMORY = """
import resource, sys
import numpy as np, xarray as xr
from arcuate.formats import blocks, convert, open_batches, save_batches, save_data
import arcuate.formats.netcdf, arcuate.formats.zarr, arcuate.formats.edf
folder, rows, block, most = sys.argv[1], *map(int, sys.argv[2:5])
blocks.BLOCK = block
def parts():
    for start in range(0, rows, 4096):
        data = np.arange(start * 64, (start + 4096) * 64, dtype="i4").reshape(-1, 64)
        yield xr.DataArray(data, {"t": np.arange(start, start + 4096) / 4}, ("t", "c"), "v", {"units": "uV"})
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
for name in ("w.nc", "w.zarr"):  # libraries take what they need once
    save_data(next(parts()), f"{folder}/{name}")
convert(f"{folder}/w.nc", f"{folder}/w2.zarr")
convert(f"{folder}/w.zarr", f"{folder}/w2.h5")
begin = peak()
save_batches(parts(), folder + "/a.nc")
for source, target in (("a.nc", "b.zarr"), ("b.zarr", "c.h5"), ("c.h5", "d.nc")):
    convert(f"{folder}/{source}", f"{folder}/{target}")
    print(target, peak() - begin, "MB more", file=sys.stderr)
total = sum(int(part.sum()) for part in open_batches(folder + "/d.nc"))
assert total == (rows * 64) * (rows * 64 - 1) // 2 % (1 << 64) or rows > 1 << 24
assert peak() - begin < most, peak() - begin
"""


def child(folder: Path, rows: int, block: int, most: int) -> None:
    command = [sys.executable, "-c", MEMORY, str(folder), str(rows), str(block), str(most)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr


def test_memory_is_bounded_by_the_block(tmp_path: Path) -> None:
    """32 MB of numbers with blocks of 1 MB."""
    child(tmp_path, 1 << 17, 1 << 20, 20)


@pytest.mark.soak
def test_memory_of_large_arrays_is_bounded(tmp_path: Path) -> None:
    """1 GB of numbers with the blocks that there are."""
    child(tmp_path, 1 << 22, blocks.BLOCK, 220)
