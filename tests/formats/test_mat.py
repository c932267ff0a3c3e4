"""MAT files against Octave, files that MATLAB 5 to 7.4 wrote (scipy's), and another writer of version 7.3.

MATLAB itself is not here.
"""

from __future__ import annotations

import struct
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import scipy.io
import scipy.sparse as sp
import xarray as xr
from tests.formats import damage
from tests.formats.golden import cases

from arcuate.client import Session, connect
from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, LimitExceeded
from arcuate.formats import open_data, save_data
from arcuate.values import Cell, List, StructArray, decode, encode, frames
from arcuate.values.equal import equal

OLD = Path(scipy.io.__file__).parent / "matlab/tests/data"  # written by MATLAB on SunOS, Linux and Windows
ARRAYS = """
[1.5 NaN; Inf -1]
int64(9007199254740992) + 1
uint8(1:3)
single([1.5 2])
true
[true false]
'abc'
'žluť 猫'
''
complex([1+2i 3])
single(complex(1, 2))
[]
zeros(0, 3)
zeros(1, 0)
ones(2, 3, 4)
{1, 'a'; [], {2}}
{}
{1; 2}
struct('a', 1, 'b', 'q')
struct('f', {1, 2, 3})
struct('n', struct('m', {{1, 'x'}}))
sparse([1 2], [1 3], [1.5 2])
sparse([1+1i 0])
uint64(18446744073709551615)
""".strip().splitlines()

MEASURED = xr.DataArray(
    np.arange(6.0).reshape(2, 3),
    dims=("channel", "time"),
    coords={
        "channel": ["Fz", "Cz"],
        "time": [0.0, 0.5, 1.0],
        "at": ("time", np.array(["2020-01-01", "2020-01-02", "2020-01-03"], "M8[ns]")),
        "run": 5.0,
    },
    attrs={"units": "uV", "gain": 3.0},
    name="eeg",
)


@pytest.fixture(scope="module")
def octave() -> Iterator[Session]:
    with connect("octave") as session:
        yield session


@pytest.mark.parametrize("version", ["-v6", "-v7"])
def test_what_octave_saves_is_read_as_a_session_gives_it(
    octave: Session, tmp_path: Path, version: str
) -> None:
    for code in ARRAYS:
        path = tmp_path / "x.mat"
        octave.run(f"x = {code}; save('{version}', '{path}', 'x')")
        want, got = octave["x"], open_data(path, variable="x")
        assert equal(encode(want), encode(got)) is None, code
        save_data({"y": got}, path, compress=version == "-v7")
        octave.run(f"load('{path}')")
        assert octave.eval("isequaln(x, y) && strcmp(class(x), class(y)) && isequal(size(x), size(y))"), code


def test_small_char_matrices_whose_length_octave_gets_wrong(octave: Session, tmp_path: Path) -> None:
    for code, rows in (("['ab'; 'cd']", ["ab", "cd"]), ("['a'; 'b'; 'c']", ["a", "b", "c"])):
        octave.run(f"x = {code}; save('-v7', '{tmp_path}/x.mat', 'x')")
        assert open_data(tmp_path / "x.mat", variable="x").ravel().tolist() == rows


def test_labelled_arrays_are_those_of_a_session(octave: Session, tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    assert save_data({"x": MEASURED}, path).lost == ()
    assert equal(encode(MEASURED), encode(open_data(path, variable="x"))) is None
    octave.run(f"load('{path}')")
    assert equal(encode(MEASURED), encode(octave["x"])) is None
    assert octave.eval("size(x.data)").tolist() == [[2.0, 3.0]]
    octave["y"] = MEASURED
    octave.run(f"save('-v7', '{path}', 'y')")
    assert equal(encode(MEASURED), encode(open_data(path, variable="y"))) is None
    data = xr.Dataset({"a": ("t", [1.0, 2.0]), "b": ((), 1.0)}, coords={"t": [0.5, 1.0]}, attrs={"k": "v"})
    save_data({"d": data}, path)
    assert equal(encode(data), encode(open_data(path, variable="d"))) is None


def test_the_golden_vectors(tmp_path: Path) -> None:
    """What is written is read, and stays what it is from then on; all numbers are the same from the start."""
    path = tmp_path / "x.mat"
    kept = 0
    for case in cases():
        assert case.frame is not None
        value = decode(frames.load(case.frame))
        try:
            save_data({"x": value}, path)
        except ConversionError:
            continue
        first = open_data(path, variable="x")
        save_data({"x": first}, path)
        assert equal(encode(first), encode(open_data(path, variable="x"))) is None, case.name
        kept += 1
        if case.kind == "array" and isinstance(value, np.ndarray) and value.dtype.kind in "iufcb":
            np.testing.assert_array_equal(np.squeeze(first), np.squeeze(value))
            assert np.asarray(first).dtype == ("f4" if value.dtype == "f2" else value.dtype), case.name
    assert kept > 250


def test_logical_sparse_matrices(octave: Session, tmp_path: Path) -> None:
    """Octave writes them in a way that it does not read itself; MATLAB calls their bytes doubles."""
    octave.run(f"x = sparse([true false true]); save('-v7', '{tmp_path}/x.mat', 'x')")
    for path, name in ((tmp_path / "x.mat", "x"), (OLD / "logical_sparse.mat", "sp_log_5_4")):
        found = open_data(path, variable=name)
        assert found.dtype == bool
        assert sp.issparse(found)
    assert open_data(tmp_path / "x.mat", variable="x").toarray().tolist() == [[True, False, True]]
    assert found.sum() == 5


@pytest.mark.parametrize("maker", ["6.1_SOL2", "6.5.1_GLNX86", "7.1_GLNX86", "7.4_GLNX86"])
def test_files_of_matlab(maker: str) -> None:
    """Both byte orders, compressed or not, beside what scipy reads."""

    def read(name: str) -> Any:
        return open_data(OLD / f"{name}_{maker}.mat", variable=name)

    for name in ("testdouble", "testmatrix", "testcomplex", "test3dmatrix"):
        want = scipy.io.loadmat(OLD / f"{name}_{maker}.mat")[name]
        got = read(name)
        assert got.dtype == ("c16" if name == "testcomplex" else "f8")
        np.testing.assert_array_equal(got, want)
    assert read("teststring") == '"Do nine men interpret?" "Nine men," I nod.'
    assert read("teststringarray").tolist() == ["one  ", "two  ", "three"]
    assert read("testcellnest") == List([1.0, List([2.0, 3.0, List([4.0, 5.0])])])
    assert read("teststruct")["stringfield"] == "Rats live on no evil star."
    assert read("teststructarr") == StructArray(
        [{"one": 1.0, "two": 2.0}, {"one": "number 1", "two": "number 2"}]
    )
    assert read("testsparse").toarray().tolist() == [[1, 2, 3, 4, 5], [2, 0, 0, 0, 0], [3, 0, 0, 0, 0]]
    with pytest.raises(ConversionError, match=r"object of class inline .*at .*testobject"):
        read("testobject")


def test_a_file_of_matlab_of_version_7_3() -> None:
    want = scipy.io.loadmat(OLD / "testdouble_7.4_GLNX86.mat")["testdouble"]
    found = open_data(OLD / "testhdf5_7.4_GLNX86.mat")
    assert list(found) == ["testdouble"]
    np.testing.assert_array_equal(found["testdouble"], want)


def test_version_7_3_by_hand(tmp_path: Path) -> None:
    """What MATLAB's own layout has beyond the file above, written by h5py alone."""
    path = tmp_path / "x.mat"
    with h5py.File(path, "w", userblock_size=512) as file:

        def put(name: str, data: Any, kind: str, **more: Any) -> Any:
            made = file.create_dataset(name, data=data)
            made.attrs["MATLAB_class"] = np.bytes_(kind)
            made.attrs.update(more)
            return made

        put("wide", np.array([[2**60 + 1]], "i8"), "int64")
        put("yes", np.array([[1], [0]], "u1"), "logical", MATLAB_int_decode=np.int32(1))
        put("none", np.array([0, 3], "u8"), "single", MATLAB_empty=np.uint8(1))
        put("text", np.array([[0xD83D], [0xDE00]], "u2"), "char", MATLAB_int_decode=np.int32(2))
        put("when", np.zeros((1, 6), "u4"), "datetime", MATLAB_object_decode=np.int32(3))
        put("plain", np.ones((4, 3, 2)), "double")
        first, second = (
            put("#refs#/a", np.ones((1, 1)), "double"),
            put("#refs#/b", np.zeros((2, 1)), "double"),
        )
        cell = np.empty((2, 1), h5py.ref_dtype)
        cell[:, 0] = first.ref, second.ref
        put("cell", cell, "cell")
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")
    assert open_data(path, variable="wide") == 2**60 + 1
    assert open_data(path, variable="yes").tolist() == [[True, False]]
    assert open_data(path, variable="none").shape == (0, 3)
    assert open_data(path, variable="none").dtype == "f4"
    assert open_data(path, variable="text") == "😀"
    assert open_data(path, variable="plain").shape == (2, 3, 4)
    cells = open_data(path, variable="cell")
    assert cells[0] == 1.0
    assert cells[1].shape == (1, 2)
    with pytest.raises(ConversionError, match=r"x\.mat: MATLAB's own object of class datetime .*at \$\.when"):
        open_data(path)
    with h5py.File(tmp_path / "plain.mat", "w") as file:
        file["strange"] = 1.0
    with pytest.raises(DataError, match="MATLAB did not write"):
        open_data(tmp_path / "plain.mat")
    with pytest.raises(NotFoundError, match="'nothing'"):
        open_data(path, variable="nothing")
    with pytest.raises(LimitExceeded):
        open_data(path, variable="plain", limit=50)


if sys.version_info >= (3, 11):  # mat-io has no older ones

    def test_version_7_3_of_another_writer(tmp_path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from matio import save_to_mat

        path = tmp_path / "x.mat"
        parts = {
            "d": np.array([[1.0, 2, 3], [4, 5, 6]]), "s": "abc", "z": np.array([[1 + 2j]]),
            "e": np.zeros((0, 3)),
            "cell": np.array(["a", 1.0], object).reshape(1, 2), "st": {"a": 1.0, "b": "x"},
            "l": np.array([[True, False]]), "sp": sp.csc_matrix(np.eye(3)), "i": np.array([[2**60 + 1]]),
            "sa": np.array([(1.0,), (2.0,)], [("f", object)]).reshape(1, 2),
            "table": pd.DataFrame({"x": [1.0]}),
        }  # fmt: skip
        save_to_mat(str(path), parts, version="v7.3")
        want = {
            "d": parts["d"], "s": "abc", "z": 1 + 2j, "e": np.zeros((0, 3)), "cell": List(["a", 1.0]),
            "st": {"a": 1.0, "b": "x"}, "l": parts["l"], "sp": sp.csc_array(np.eye(3)),
            "i": np.int64(2**60 + 1),
            "sa": StructArray([{"f": 1.0}, {"f": 2.0}]),
        }  # fmt: skip
        for name, value in want.items():
            assert equal(encode(value), encode(open_data(path, variable=name))) is None, name
        with pytest.raises(ConversionError, match="class table"):
            open_data(path, variable="table")
        assert damage.cut(path, variable="d") == []
        damage.flipped(path, variable="d")


def test_what_has_no_class(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    for value, told in (
        (pd.DataFrame({"x": [1]}), "a table has no class"),
        ({"a b": 1}, "no name for a variable"),
        ({"a": {"1": 1}}, r"no name for a field of a struct.*at \$\.a"),
        (np.ma.array([1, 2], mask=[0, 1]), "missing values"),
    ):
        with pytest.raises(ConversionError, match=told):
            save_data(value, path)
    assert not path.exists()
    with pytest.warns(UserWarning, match="it is left out"):
        kept = save_data({"a": 1.0, "t": pd.DataFrame({"x": [1]})}, path, lossy=True)
    assert len(kept.lost) == 1
    assert open_data(path) == {"a": 1.0}
    save_data(Cell([1.0, "a"], (2, 1)), path)
    assert open_data(path, variable="value") == Cell([1.0, "a"], (2, 1))


@pytest.mark.parametrize("compress", [True, False])
def test_damaged_files(tmp_path: Path, compress: bool) -> None:
    path = tmp_path / "x.mat"
    save_data({"a": np.arange(50.0), "c": List([1, "x"]), "m": MEASURED}, path, compress=compress)
    ends = damage.cut(path)
    assert all(list(open_data(_start(path, end))) == list("acm")[:k] for k, end in enumerate(ends)), ends
    damage.flipped(path)


def _start(path: Path, end: int) -> Path:
    copy = path.with_name("start.mat")
    copy.write_bytes(path.read_bytes()[:end])
    return copy


def test_a_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    save_data({"a": np.arange(50.0)}, path, compress=False)
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<ii", 1, 50))
    data[at : at + 8] = struct.pack("<ii", 1 << 20, 1 << 20)
    path.write_bytes(data)
    with pytest.raises(DataError, match="1,099,511,627,776 numbers were announced, 50 came"):
        open_data(path)
    save_data({"a": np.zeros(5_000_000)}, path)
    assert path.stat().st_size < 100_000
    with pytest.raises(LimitExceeded, match=r"x\.mat"):
        open_data(path, limit=1_000_000)
