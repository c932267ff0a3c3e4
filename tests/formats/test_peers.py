"""Files that other programs wrote are read, and other programs read what is written here."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import duckdb
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import xarray as xr
import zarr
from tests.values.judge import assert_equal

from arcuate.formats import open_data, save_data

FRAME = pd.DataFrame(
    {
        "i": pd.array([1, None, 1 << 60], dtype="Int64"),
        "f": pd.array([0.1, float("nan"), -0.0], dtype="float64"),
        "s": pd.array(["NA", None, 'a "b",\nc é'], dtype="string"),
        "b": [True, False, True],
        "w": pd.to_datetime(["2020-01-01T00:00:00.123", "1969-12-31T00:00:00.000", None]),
        "g": pd.Categorical(["lo", None, "hi"], ["hi", "lo", "never"], ordered=True),
    }
)
ARRAY = xr.DataArray(
    [[1.0, np.nan, -0.0], [0.1, 1e300, 5e-324]],
    {
        "t": np.array(["2020-01-01T12", "2021-02-03"], "M8[ns]"),
        "c": ["a", "é", "c c"],
        "z": ("t", [True, False]),
    },
    ("t", "c"),
    "v",
    {"units": "ppm", "count": 3, "range": [0.5, 1.5]},
)


def run(*command: str, text: str | None = None) -> str:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]}: not installed")
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


# ------------------------------------------------------------------ CSV


def test_r_writes_csv(tmp_path: Path) -> None:
    code = f"""
    d <- data.frame(n = c(1.5, NA, NaN, Inf, -Inf), i = c(1L, NA, 3L, 4L, 5L),
                    l = c(TRUE, NA, FALSE, TRUE, TRUE),
                    s = c("NA", NA, "a \\"q\\", b", "", "007"), row.names = c("a", "b", "c", "d", "e"))
    write.csv(d, "{tmp_path}/x.csv"); write.csv(d[1, 1:2], "{tmp_path}/plain.csv", row.names = FALSE)
    write.csv2(d[1:3, 1:2], "{tmp_path}/two.csv", row.names = FALSE)
    """
    run("Rscript", "-e", code)
    found = open_data(tmp_path / "x.csv")
    assert found.index.tolist() == ["a", "b", "c", "d", "e"]
    assert found["i"].tolist() == [1, pd.NA, 3, 4, 5]
    assert found["l"].isna().tolist() == [False, True, False, False, False]
    assert found["s"].tolist()[0] == "NA"
    assert pd.isna(found["s"].iloc[1])
    assert found["s"].tolist()[2:] == ['a "q", b', "", "007"]
    numbers = found["n"].array
    assert numbers._mask.tolist() == [False, True, True, False, False]  # R itself writes NA for NaN
    assert numbers._data[3:].tolist() == [np.inf, -np.inf]
    assert open_data(tmp_path / "plain.csv").to_dict("list") == {"n": [1.5], "i": [1]}
    assert open_data(tmp_path / "two.csv", decimal=",")["n"].iloc[0] == 1.5
    assert open_data(tmp_path / "two.csv")["n"].iloc[0] == "1,5"  # nothing is guessed


def test_r_reads_csv(tmp_path: Path) -> None:
    save_data(FRAME, tmp_path / "x.csv")
    code = f"""
    d <- read.csv("{tmp_path}/x.csv", na.strings = "", colClasses = c(i = "character"))
    stopifnot(identical(d$f[1], 0.1), is.nan(d$f[2]), identical(1 / d$f[3], -Inf))
    stopifnot(identical(d$i[3], "1152921504606846976"))
    stopifnot(identical(as.character(d$s), c("NA", NA, 'a "b",\\nc é')), is.na(d$g[2]), !is.na(d$g[3]))
    """
    run("Rscript", "-e", code)


def test_pandas_and_duckdb_with_csv(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": [0.1, 1 / 3], "c": ["x", "y z"]}, index=["p", "q"])
    frame.to_csv(tmp_path / "x.csv")
    assert_equal(open_data(tmp_path / "x.csv"), frame)
    save_data(FRAME, tmp_path / "y.csv")
    rows = duckdb.sql(f"SELECT i, f, b FROM read_csv('{tmp_path}/y.csv', header = true)").fetchall()
    assert rows[0] == (1, 0.1, True)
    assert rows[1][0] is None
    duckdb.sql("SELECT 1 AS a, 'x' AS b, NULL AS c UNION ALL SELECT 2, NULL, 5").write_csv(
        f"{tmp_path}/z.csv"
    )
    found = open_data(tmp_path / "z.csv")
    assert found["a"].tolist() == [1, 2]
    assert found["c"].tolist() == [pd.NA, 5]


# ------------------------------------------------------------------ Parquet and Arrow


def test_duckdb_with_parquet(tmp_path: Path) -> None:
    save_data(FRAME, tmp_path / "x.parquet")
    rows = duckdb.sql(f"SELECT i, f, s, b, w, g FROM '{tmp_path}/x.parquet'").fetchall()
    assert [row[0] for row in rows] == [1, None, 1 << 60]
    assert np.isnan(rows[1][1])  # NaN, and no NULL
    assert [row[2] for row in rows] == ["NA", None, 'a "b",\nc é']
    assert rows[0][4].isoformat() == "2020-01-01T00:00:00.123000"
    assert [row[5] for row in rows] == ["lo", None, "hi"]
    duckdb.sql(
        "COPY (SELECT 1::SMALLINT a, 'nan'::DOUBLE b, NULL::INTEGER c, DATE '2020-02-29' d, "
        f"1.5::DECIMAL(9, 2) e, [1, 2] f, TIMESTAMPTZ '2020-01-01 00:00+00' g) TO '{tmp_path}/y.parquet'"
    )
    found = open_data(tmp_path / "y.parquet")
    assert found["a"].dtype == "int16"
    assert np.isnan(found["b"].iloc[0])
    assert found["c"].isna().all()
    assert str(found["d"].iloc[0]) == "2020-02-29"
    assert str(found["e"].iloc[0]) == "1.50"  # a decimal stays one
    assert list(found["f"].iloc[0]) == [1, 2]
    save_data(found[["a", "e"]], tmp_path / "z.parquet")
    assert str(duckdb.sql(f"SELECT e FROM '{tmp_path}/z.parquet'").fetchall()[0][0]) == "1.50"
    assert str(open_data(tmp_path / "z.parquet")["e"].iloc[0]) == "1.50"


def test_pandas_with_parquet_and_feather(tmp_path: Path) -> None:
    frame = FRAME.set_index("b", append=True)
    frame.to_parquet(tmp_path / "x.parquet")
    pd.testing.assert_frame_equal(open_data(tmp_path / "x.parquet"), pd.read_parquet(tmp_path / "x.parquet"))
    FRAME.to_feather(tmp_path / "x.feather")
    pd.testing.assert_frame_equal(open_data(tmp_path / "x.feather"), pd.read_feather(tmp_path / "x.feather"))
    save_data(FRAME, tmp_path / "y.parquet")
    found = pd.read_parquet(tmp_path / "y.parquet")
    assert found["i"].tolist()[0] == 1
    assert found["g"].cat.ordered


def test_bare_pyarrow(tmp_path: Path) -> None:
    table = pa.table({"a": [1, None], "b": ["x", "y"]}, metadata={"who": "me"})
    pq.write_table(table, tmp_path / "x.parquet")
    pa.feather.write_feather(table, tmp_path / "x.feather", compression="lz4")
    for name in ("x.parquet", "x.feather"):
        found = open_data(tmp_path / name)
        assert found["a"].tolist() == [1, pd.NA]
        assert found.attrs == {"who": "me"}
        assert open_data(tmp_path / name, arrow=True).equals(table)
    save_data(ARRAY, tmp_path / "y.arrow")
    read = pa.ipc.open_file(tmp_path / "y.arrow").read_all()
    assert read.column("c").to_pylist() == ["a", "é", "c c"] * 2
    assert read.column("v").to_pylist()[3] == 0.1
    assert read.schema.metadata[b"units"] == b"ppm"


# ------------------------------------------------------------------ NetCDF, HDF5, Zarr


def xarray_sees(found: xr.Dataset) -> None:
    """Xarray alone finds the values, labels and attributes; of the description it knows nothing."""
    found = found.load()
    np.testing.assert_array_equal(found["v"], ARRAY)
    np.testing.assert_array_equal(found["t"], ARRAY["t"])
    assert found["c"].values.tolist() == ["a", "é", "c c"]
    assert found["z"].dtype == bool
    assert found["v"].attrs["units"] == "ppm"
    assert found["v"].attrs["count"] == 3
    assert list(found["v"].attrs["range"]) == [0.5, 1.5]


def test_xarray_reads(tmp_path: Path) -> None:
    for name in ("x.nc", "x.zarr"):
        save_data(ARRAY, tmp_path / name)
    save_data(ARRAY, tmp_path / "two.zarr", version=2)
    with xr.open_dataset(tmp_path / "x.nc", engine="h5netcdf") as found:
        xarray_sees(found)
    for name in ("x.zarr", "two.zarr"):
        with xr.open_zarr(tmp_path / name, consolidated=False) as found:
            xarray_sees(found)
    save_data(FRAME[["i", "w"]], tmp_path / "t.nc")
    with xr.open_dataset(tmp_path / "t.nc", engine="h5netcdf") as found:
        assert np.isnan(found["i"].values[1])  # what is missing, by the conventions of CF
        assert np.isnat(found["w"].values[2])


def test_xarray_writes(tmp_path: Path) -> None:
    plain = ARRAY.drop_attrs().assign_attrs(units="ppm", count=3)
    dataset = xr.Dataset({"v": plain, "w": ("t", [1, 2])}, attrs={"k": "v"})
    dataset.to_netcdf(tmp_path / "x.nc", engine="h5netcdf")
    dataset[["w"]].drop_vars(["z", "c"], errors="ignore").to_netcdf(tmp_path / "three.nc", engine="scipy")
    dataset.drop_vars("c").to_zarr(tmp_path / "x.zarr", zarr_format=3, consolidated=False)
    xr.testing.assert_identical(open_data(tmp_path / "x.nc"), dataset)
    xr.testing.assert_equal(open_data(tmp_path / "three.nc")["w"].variable, dataset["w"].variable)
    xr.testing.assert_identical(open_data(tmp_path / "x.zarr"), dataset.drop_vars("c"))
    tree = xr.DataTree.from_dict({"/": xr.Dataset(attrs={"top": "x"}), "/a/b": dataset[["w"]].drop_vars("z")})
    tree.to_netcdf(tmp_path / "tree.nc", engine="h5netcdf")
    xr.testing.assert_identical(open_data(tmp_path / "tree.nc"), tree)


def test_netcdf_tools(tmp_path: Path) -> None:
    text = """netcdf x {
    dimensions: time = UNLIMITED; c = 2;
    variables:
      int time(time); time:units = "hours since 2000-01-01"; short v(time, c); v:_FillValue = -1s;
      v:scale_factor = 0.5; v:long_name = "é"; string s(c); :title = "made by ncgen";
    data: time = 1, 25; v = 2, _, 6, 8; s = "one", "";
    }"""
    run("ncgen", "-4", "-o", str(tmp_path / "x.nc"), "-", text=text)
    found = open_data(tmp_path / "x.nc")
    assert found.attrs == {"title": "made by ncgen"}
    np.testing.assert_array_equal(found["v"], [[1.0, np.nan], [3.0, 4.0]])
    assert found["v"].attrs == {"long_name": "é"}
    assert found["time"].values.astype("M8[h]").astype(str).tolist() == ["2000-01-01T01", "2000-01-02T01"]
    assert found["s"].values.tolist() == ["one", ""]
    assert open_data(tmp_path / "x.nc", decode=False)["v"].dtype == "int16"
    save_data(FRAME, tmp_path / "y.nc")
    shown = run("ncdump", str(tmp_path / "y.nc"))
    assert "i = 1, _, 1152921504606846976 ;" in shown
    assert "f = 0.1, NaN, -0 ;" in shown
    assert 'g:flag_meanings = "hi lo never" ;' in shown
    save_data(ARRAY.assign_coords(t=ARRAY["t"].astype("M8[s]")), tmp_path / "z.nc")
    assert '"2020-01-01 12", "2021-02-03"' in run("ncdump", "-t", "-v", "t", str(tmp_path / "z.nc"))


def test_h5py_and_h5dump(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file.attrs["who"] = "h5py"
        file["top"] = np.arange(3, dtype="i2")
        group = file.create_group("a/b")
        group.create_dataset("c", data=[[1.5, 2.5]]).attrs["units"] = "mV"
        group["text"] = "é"
        group["texts"] = np.array([b"ab", b"c"])
        group["rows"] = np.array([(1, 0.5), (2, 1.5)], [("id", "i4"), ("x", "f8")])
    found = open_data(tmp_path / "x.h5")
    assert isinstance(found, xr.DataTree)
    assert found.attrs == {"who": "h5py"}
    assert found["top"].dtype == "int16"
    assert found["a/b/c"].attrs == {"units": "mV"}
    assert found["a/b/text"].item() == "é"
    assert found["a/b/texts"].values.tolist() == ["ab", "c"]
    assert found["a/b/rows/x"].values.tolist() == [0.5, 1.5]
    save_data({"a": {"b": np.array([1, 2], "u2"), "s": "é"}, "f": 0.1, "t": FRAME}, tmp_path / "y.h5")
    with h5py.File(tmp_path / "y.h5") as file:
        assert file["a/b"][:].tolist() == [1, 2]
        assert file["a/s"].asstr()[()] == "é"
        assert file["f"][()] == 0.1
        assert file["t/b"][:].tolist() == [True, False, True]
    assert "1152921504606846976" in run("h5dump", "-d", "/t/i", str(tmp_path / "y.h5"))


def test_octave_with_hdf5(tmp_path: Path) -> None:
    save_data({"m": np.array([[1.5, 2.5, 3.5]]), "sub": {"n": np.array([4.0])}}, tmp_path / "x.h5")
    code = f"""
    s = load('-hdf5', '{tmp_path}/x.h5'); assert (s.m(:)', [1.5 2.5 3.5]); assert (s.sub.n, 4);
    a = [1 2; 3 4]; t = 'text'; save('-hdf5', '{tmp_path}/o.h5', 'a', 't');
    """
    run("octave-cli", "--no-init-file", "--eval", code)
    found = open_data(tmp_path / "o.h5")
    np.testing.assert_array_equal(
        found["a/value"].values.T, [[1, 2], [3, 4]]
    )  # Octave's order is column-major


def test_bare_zarr(tmp_path: Path) -> None:
    for version in (2, 3):
        root = zarr.open_group(tmp_path / f"x{version}.zarr", mode="w", zarr_format=version)
        root.attrs["who"] = {"name": "zarr"}
        root.create_group("g").create_array("a", data=np.arange(6.0).reshape(2, 3))
        found = open_data(tmp_path / f"x{version}.zarr")
        assert found.attrs == {"who": {"name": "zarr"}}
        np.testing.assert_array_equal(found["g/a"], np.arange(6.0).reshape(2, 3))
        save_data({"a": np.arange(3, dtype="u1"), "s": "é"}, tmp_path / f"y{version}.zarr", version=version)
        made = zarr.open_group(tmp_path / f"y{version}.zarr", mode="r")
        assert made.metadata.zarr_format == version
        assert made["a"][:].tolist() == [0, 1, 2]
        assert str(made["s"][()]) == "é"
    zarr.save_array(tmp_path / "alone.zarr", np.arange(4))
    np.testing.assert_array_equal(open_data(tmp_path / "alone.zarr"), np.arange(4))


# ------------------------------------------------------------------ JSON


def test_json_of_others(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": [1, 2.5, null, {"b": "é"}], "c": 12345678901234567890}')
    assert open_data(tmp_path / "x.json") == {"a": [1, 2.5, None, {"b": "é"}], "c": 12345678901234567890}
    assert open_data(tmp_path / "x.json", variable="a")[1] == 2.5
    (tmp_path / "m.json").write_text('{"_id": {"$oid": "1"}}')
    assert open_data(tmp_path / "m.json", literal=True) == {"_id": {"$oid": "1"}}
    save_data({"a": [1, 2.5, None], "b": "é"}, tmp_path / "y.json")
    assert json.loads((tmp_path / "y.json").read_text()) == {"a": [1, 2.5, None], "b": "é"}


def test_json_lines_of_others(tmp_path: Path) -> None:
    lines = ['{"a": 1, "b": "x"}', '{"b": null, "c": [1, {"d": 2}]}', "", '{"a": 2.5}']
    (tmp_path / "x.jsonl").write_text("\n".join(lines))
    found = open_data(tmp_path / "x.jsonl")
    assert found["a"].tolist() == [1.0, pd.NA, 2.5]
    assert found["b"].iloc[0] == "x"
    assert found["c"].tolist() == [None, [1, {"d": 2}], None]
    save_data(FRAME[["i", "s", "b"]], tmp_path / "y.jsonl")
    rows = duckdb.sql(f"SELECT i, s, b FROM read_json('{tmp_path}/y.jsonl')").fetchall()
    assert rows == [(1, "NA", True), (None, None, False), (1 << 60, 'a "b",\nc é', True)]
