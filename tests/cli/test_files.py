"""Values in files, beside the libraries that own the formats."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.io
import xarray as xr

from arcuate.cli import files
from arcuate.cli.arguments import value_of
from arcuate.errors import InvalidArgument, Unsupported
from arcuate.formats.table import by_suffix
from arcuate.values import StructArray

ARRAY = xr.DataArray(
    [[1.0, np.nan], [3.0, 4.0], [5.0, 6.0]],
    {"t": np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "M8[ns]"), "c": ["a", "é"]},
    ("t", "c"),
    "v",
    {"units": "ppm"},
)


def test_netcdf(tmp_path: Path) -> None:
    path = str(tmp_path / "x.nc")
    assert files.write(ARRAY, path) == []
    xr.testing.assert_identical(xr.load_dataarray(path), ARRAY)
    xr.testing.assert_identical(files.read(path), ARRAY)


def test_netcdf_named_like_its_coordinate(tmp_path: Path) -> None:
    path = str(tmp_path / "x.nc")
    array = xr.DataArray([1.0, 2.0], {"x": [3, 4]}, "x", "x")
    files.write(array, path)
    xr.testing.assert_identical(files.read(path), array)


FULL = """
import gc, resource, signal, sys
import numpy as np, xarray as xr
from arcuate.cli import files
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
for limit in (700, 100_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        files.write(xr.DataArray(np.arange(50_000.0), dims="x", attrs={"a": "b"}), sys.argv[1])
    except OSError as error:
        print(error)
    gc.collect()
"""


def test_netcdf_on_a_full_disk(tmp_path: Path) -> None:
    """HDF5 would end the process, with no word of what was wrong."""
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "x.nc")], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []
    assert done.stdout == f"[Errno 27] File too large: {str(tmp_path / 'x.nc')!r}\n" * 2
    assert done.stderr == ""


def test_netcdf_without_a_name_and_classic_and_dataset(tmp_path: Path) -> None:
    path = str(tmp_path / "x.nc")
    files.write(xr.DataArray([1.0, 2.0], dims="x"), path)
    assert files.read(path).name is None
    xr.DataArray([1.0, 2.0], dims="x", name="q").to_netcdf(path, engine="scipy")
    assert files.read(path).name == "q"
    dataset = xr.Dataset({"a": ("x", [1, 2]), "b": ("y", [1.5])}, attrs={"k": "v"})
    files.write(dataset, path)
    xr.testing.assert_identical(files.read(path), dataset)
    xr.testing.assert_identical(files.read(path + "#b"), dataset["b"])
    with pytest.raises(InvalidArgument, match=r"no part 'c'; it has .*a, b"):
        files.read(path + "#c")


def test_npy(tmp_path: Path) -> None:
    path = str(tmp_path / "x.npy")
    for array in (
        np.arange(6).reshape(2, 3),
        np.array([1 + 2j], "c8"),
        np.empty((0, 3), "f4"),
        np.array(["é"]),
    ):
        files.write(array, path)
        found = np.load(path)
        assert found.dtype == array.dtype
        np.testing.assert_array_equal(found, array)
        np.testing.assert_array_equal(files.read(path), array)
    assert "labels" in files.write(ARRAY, path)[0]
    np.testing.assert_array_equal(np.load(path), ARRAY.values)


def test_npy_of_objects_is_refused_not_run(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match=r"pickle|Object"):
        files.read(str(path))


def test_csv_and_parquet(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": [0.1, 0.2 + 0.1], "b": ["x", 'é, "q"']})
    for name in ("x.csv", "x.parquet"):
        path = str(tmp_path / name)
        assert files.write(table, path) == []
        pd.testing.assert_frame_equal(files.read(path), table, check_dtype=False)
        assert files.read(path)["a"].tolist() == [0.1, 0.30000000000000004]
        np.testing.assert_array_equal(files.read(path + "#a"), table["a"])
    lost = files.write(pd.DataFrame({"a": [1.0, None]}), str(tmp_path / "x.csv"))
    assert "missing" in lost[0]
    files.write(ARRAY, str(tmp_path / "l.parquet"))
    found = pd.read_parquet(tmp_path / "l.parquet")
    assert list(found) == ["t", "c", "v"]
    assert found["v"].tolist()[2:] == [3.0, 4.0, 5.0, 6.0]


def test_mat(tmp_path: Path) -> None:
    path = str(tmp_path / "x.mat")
    files.write(np.array([[1.0, 2.0]]), path)
    np.testing.assert_array_equal(scipy.io.loadmat(path)["value"], [[1.0, 2.0]])
    files.write({"a": np.eye(2), "b": "text", "c": 2.5}, path)
    found = files.read(path)
    assert found["b"] == "text"
    assert found["c"] == 2.5
    np.testing.assert_array_equal(found["a"], np.eye(2))
    scipy.io.savemat(path, {"s": np.array([(1.0, "x"), (2.0, "y")], [("p", "O"), ("q", "O")])})
    assert files.read(path) == StructArray([{"p": 1.0, "q": "x"}, {"p": 2.0, "q": "y"}])
    cells = np.empty((1, 2), object)
    cells[0, 0], cells[0, 1] = "t", np.array([[1.0, 2.0]])
    scipy.io.savemat(path, {"c": cells})
    assert files.read(path)[0] == "t"
    small = Path(scipy.io.__file__).parent / "matlab/tests/data/testmatrix_7.4_GLNX86.mat"
    assert files.read(str(small)).dtype == "f8"  # doubles, which MATLAB stored as bytes


def test_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    files.write({"a": [1, 2.5, None], "b": float("nan")}, str(path))
    assert json.loads(path.read_text()) == {"a": [1, 2.5, None], "b": {"$float": "nan"}}
    path.write_text('{"a": [.5, NA]}')
    assert files.read(str(path) + "#a")[0] == 0.5


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (pd.array([1, pd.NA], dtype="Int64"), "x.npy"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), "x.npy"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), "x.nc"),
        (pd.DataFrame({"a": ["x", None]}), "x.nc"),  # whose missing text would be an empty one
        (pd.DataFrame({1: [1.0]}), "x.nc"),
        (xr.DataArray([1.0], dims="x", attrs={"a": None}), "x.nc"),
        (np.ma.array([1.0, 2.0], mask=[True, False]), "x.mat"),
        (xr.DataArray(pd.array([1.5, pd.NA], dtype="Float64"), dims="x"), "x.npy"),
        (xr.DataArray(pd.array([1.5, pd.NA], dtype="Float64"), dims="x"), "x.nc"),
        (xr.DataArray(pd.array([1.5, pd.NA], dtype="Float64"), dims="x"), "x.mat"),
        ({"a": [1, {"b": 2}]}, "x.csv"),
        ("text", "x.nc"),
        (1.5, "x.parquet"),
        (pd.DataFrame({"m": pd.Series([np.timedelta64(1, "m")], dtype=object)}), "x.parquet"),
        ({"1 a": 1.0}, "x.mat"),
        ({"a": None}, "x.mat"),
    ],
    ids=repr,
)
def test_what_a_file_cannot_keep_is_refused(value: Any, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(Unsupported, match="json"):
        files.write(value, str(path))
    assert not path.exists()


@pytest.mark.parametrize("name", ["x.h5", "x.zarr", "x.jsonl", "x.arrow"])
def test_what_the_connector_of_files_knows(name: str, tmp_path: Path) -> None:
    path = str(tmp_path / name)
    assert all(by_suffix(suffix) for suffix in files.MORE)
    assert files.known(path)
    assert files.write(ARRAY, path) == []
    xr.testing.assert_identical(files.read(path), ARRAY)


def test_arguments(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", np.arange(3))
    Path("notes.txt").write_text("1")
    Path("7").write_text("a file whose name is a number")
    assert value_of("x.npy").tolist() == [0, 1, 2]  # it exists
    assert value_of("@x.npy").tolist() == [0, 1, 2]
    assert value_of("y.npy") == "y.npy"  # it does not: a text
    assert value_of("notes.txt") == "notes.txt"  # not a kind of file that is read
    assert value_of("7") == 7
    assert value_of("mpg ~ wt") == "mpg ~ wt"
    assert value_of('"@sin"') == "@sin"
    assert value_of("true") is True
    assert value_of("[[1,2],[3,4]]").shape == (2, 2)
    assert value_of("[[1,2],[3,4]]", vectors=False) == [[1, 2], [3, 4]]
