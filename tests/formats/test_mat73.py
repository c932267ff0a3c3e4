"""MAT files of version 7.3 that are written here, read back by mat-io, by h5py alone, and by Octave."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.sparse as sp
from tests.cli.support import needs_octave
from tests.formats import damage
from tests.formats.golden import cases
from tests.formats.test_mat import MEASURED

from arcuate.client import connect
from arcuate.connector import DataError
from arcuate.errors import ConversionError, InvalidArgument, LimitExceeded
from arcuate.formats import convert, mat_file, open_data, save_data
from arcuate.values import Cell, List, StructArray, decode, encode, frames
from arcuate.values.equal import equal

VALUES: dict[str, Any] = {
    "z_first": np.array([[1.5, np.nan], [np.inf, -0.0]]),
    "scalar": 2.5,
    "wide": np.int64(2**60 + 1),
    "top": np.uint64(2**64 - 1),
    "small": np.array([[1, 2, 3]], "u1"),
    "single": np.array([[1.5, 2]], "f4"),
    "yes": np.array([[True, False]]),
    "text": "žluť 😀",
    "none": "",
    "complex": np.array([[1 + 2j, 3 - 0j]]),
    "empty": np.zeros((0, 3)),
    "cube": np.arange(24.0).reshape(2, 3, 4),
    "cell": List([1.0, "a", List([2.0])]),
    "column": Cell([1.0, "a"], (2, 1)),
    "nothing": List([]),
    "struct": {"b": 1.0, "a": "x", "deep": {"c": List([1.0])}},
    "several": StructArray([{"f": 1.0, "e": "a"}, {"f": 2.0, "e": "b"}]),
    "sparse": sp.csc_array(np.array([[0, 1.5], [2.5, 0], [0, 0]])),
    "eeg": MEASURED,
}


def test_what_is_written_is_read_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    assert save_data(VALUES, path, version="7.3").lost == ()
    assert path.read_bytes()[:19] == b"MATLAB 7.3 MAT-file"
    assert path.read_bytes()[124:128] == b"\0\2IM"
    found = open_data(path)
    assert list(found) == list(VALUES)
    assert list(found["struct"]) == ["b", "a", "deep"]
    for name, value in VALUES.items():
        assert equal(encode(value), encode(found[name])) is None, name
    assert damage.cut(path, 8, variable="z_first") == []
    damage.flipped(path, 15)


def test_it_holds_what_version_7_holds(tmp_path: Path) -> None:
    """The golden vectors: the same comes out of both, the same is refused by both."""
    count = 0
    for at, case in enumerate(cases()):
        if at % 4:
            continue
        assert case.frame is not None
        value = decode(frames.load(case.frame))
        try:
            save_data({"x": value}, tmp_path / "a.mat")
        except ConversionError as error:
            with pytest.raises(ConversionError) as other:
                save_data({"x": value}, tmp_path / "b.mat", format="mat73")
            assert other.value.message == error.message
            continue
        save_data({"x": value}, tmp_path / "b.mat", format="mat73")
        a, b = (open_data(tmp_path / name, variable="x") for name in ("a.mat", "b.mat"))
        assert equal(encode(a), encode(b)) is None, case.name
        count += 1
    assert count > 60


@pytest.mark.parametrize("version", ["7", "7.3"])
@pytest.mark.parametrize(
    "none", [StructArray([], (0, 1), ("a", "b")), np.zeros((2, 0), "c8"), np.zeros((0, 3), "c16")]
)
def test_what_has_no_elements_is_still_what_it_is(none: Any, version: str, tmp_path: Path) -> None:
    save_data({"x": none}, tmp_path / "x.mat", version=version)
    assert equal(encode(none), encode(open_data(tmp_path / "x.mat", variable="x"))) is None


def test_the_layout_that_matlab_looks_for(tmp_path: Path) -> None:
    """By h5py alone, attribute by attribute, as in the files that MATLAB writes."""
    save_data(VALUES, tmp_path / "x.mat", version="7.3")
    with h5py.File(tmp_path / "x.mat", "r") as file:
        assert file.userblock_size == 512
        assert file["cube"].shape == (4, 3, 2)
        assert file["cube"].attrs["MATLAB_class"] == b"double"
        assert file["text"].dtype == "u2"
        assert (file["text"].attrs["MATLAB_class"], file["text"].attrs["MATLAB_int_decode"]) == (b"char", 2)
        assert (file["yes"].dtype, file["yes"].attrs["MATLAB_int_decode"]) == ("u1", 1)
        assert file["complex"].dtype.names == ("real", "imag")
        assert file["empty"].attrs["MATLAB_empty"] == 1
        assert file["empty"][()].tolist() == [0, 3]
        assert file["sparse"].attrs["MATLAB_sparse"] == 3
        assert file["sparse/jc"][()].tolist() == [0, 1, 2]
        fields = [b"".join(one.tolist()) for one in file["struct"].attrs["MATLAB_fields"]]
        assert fields == [b"b", b"a", b"deep"]
        first = file[file["cell"][0, 0]]
        assert first.name.startswith("/#refs#/")
        assert first[()].tolist() == [[1.0]]
        assert file[file["several/f"][1, 0]][()].tolist() == [[2.0]]


if sys.version_info >= (3, 11):  # mat-io has no older ones

    def test_another_reader(tmp_path: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from matio import load_from_mat

            parts = {name: value for name, value in VALUES.items() if name != "eeg"}
            save_data(parts, tmp_path / "x.mat", version="7.3")
            found = load_from_mat(str(tmp_path / "x.mat"))
        for name in ("z_first", "small", "single", "yes", "complex", "cube"):
            np.testing.assert_array_equal(found[name], VALUES[name])
            assert found[name].dtype == VALUES[name].dtype, name
        assert found["empty"].shape == (0, 3)
        assert int(np.squeeze(found["wide"])) == 2**60 + 1
        assert int(np.squeeze(found["top"])) == 2**64 - 1
        assert str(np.squeeze(found["text"])) == VALUES["text"]
        assert found["cell"].shape == (1, 3)
        assert str(np.squeeze(found["cell"][0, 1])) == "a"
        assert found["column"].shape == (2, 1)
        np.testing.assert_array_equal(found["sparse"].toarray(), VALUES["sparse"].toarray())


@needs_octave
def test_numbers_and_structs_are_read_by_octave(tmp_path: Path) -> None:
    parts = {name: VALUES[name] for name in ("z_first", "wide", "top", "small", "complex", "cube")}
    save_data({**parts, "st": {"a": 1.0}}, tmp_path / "x.mat", version="7.3")
    want = open_data(tmp_path / "x.mat")
    with connect("octave") as octave:
        octave.run(f"load('{tmp_path}/x.mat')")
        for name in want:
            assert equal(encode(octave[name]), encode(want[name])) is None, name


def test_what_is_too_much_for_version_7(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(mat_file, "_MOST", 1000)
    with pytest.raises(ConversionError, match=r"version='7\.3' \(--to mat73\)"):
        save_data({"x": np.zeros(200)}, tmp_path / "x.mat")
    save_data({"x": np.zeros(200)}, tmp_path / "x.mat", version="7.3")
    save_data({"x": 1.0}, tmp_path / "y.nc")
    convert(tmp_path / "y.nc", tmp_path / "y.mat", to_format="mat73")
    assert h5py.is_hdf5(tmp_path / "y.mat")
    assert open_data(tmp_path / "y.mat") == {"x": 1.0}
    with pytest.raises(InvalidArgument, match=r"version is '7' or '7\.3', not '6'"):
        save_data({"x": 1.0}, tmp_path / "y.mat", version="6")


# ------------------------------------------------------------------ made to harm


def new(path: Path) -> h5py.File:
    return h5py.File(path, "w", userblock_size=512)


def test_links_and_chunks(tmp_path: Path) -> None:
    with new(tmp_path / "a.mat") as file:
        file["x"] = h5py.ExternalLink("other.mat", "/x")
    with pytest.raises(DataError, match=r"a\.mat.*link to another file"):
        open_data(tmp_path / "a.mat")
    import zlib

    with new(tmp_path / "b.mat") as file:
        made = file.create_dataset("x", (1000, 1), "f8", chunks=(1000, 1), compression="gzip")
        made.attrs["MATLAB_class"] = np.bytes_(b"double")
        made.id.write_direct_chunk((0, 0), zlib.compress(bytes(128 << 20)))
    with pytest.raises(LimitExceeded, match=r"b\.mat: a chunk of /x has 130,\d+ bytes"):
        open_data(tmp_path / "b.mat")
    (tmp_path / "secret").write_bytes(bytes(48))
    with new(tmp_path / "c.mat") as file:
        made = file.create_dataset("x", (6,), "f8", external=[(str(tmp_path / "secret"), 0, 48)])
        made.attrs["MATLAB_class"] = np.bytes_(b"double")
    with pytest.raises(DataError, match=r"c\.mat: the data of /x is in other files"):
        open_data(tmp_path / "c.mat")


def test_cells_that_hold_themselves(tmp_path: Path) -> None:
    """Ten references to itself in each of a hundred levels would never end."""
    with new(tmp_path / "a.mat") as file:
        made = file.create_dataset("x", (10, 1), h5py.ref_dtype)
        made.attrs["MATLAB_class"] = np.bytes_(b"cell")
        made[:, 0] = np.array([made.ref] * 10, object)
    with pytest.raises(DataError, match=r"a\.mat: /x is a part of itself"):
        open_data(tmp_path / "a.mat")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["a"] = file["b"] = file["/"]
    with pytest.raises(DataError, match=r"b\.h5: the groups nest deeper .* or in a circle"):
        open_data(tmp_path / "b.h5")
