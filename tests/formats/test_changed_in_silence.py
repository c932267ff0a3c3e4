"""What once changed on its way without a word: each is kept now, or said."""

from __future__ import annotations

import contextlib
import datetime as dt
import http.server
import sqlite3
import struct
import threading
from functools import partial
from pathlib import Path
from typing import Any

import edfio
import fsspec
import h5py
import nibabel
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pynwb
import pytest
import scipy.io
import xarray as xr
from fsspec.implementations.local import LocalFileSystem

from arcuate.cli.show import deliver
from arcuate.cli.writers import _write_mat as write_mat
from arcuate.cli.writers import _write_nc as write_nc
from arcuate.connector import DataError, IntegrationError
from arcuate.errors import ConversionError, LimitExceeded, Unsupported
from arcuate.formats import LossyWarning, convert, open_data, save_batches, save_data
from arcuate.integrations.copying import copy


def test_a_point_beside_a_decimal_comma_is_no_decimal_point(tmp_path: Path) -> None:
    """``1.234`` is a thousand and more where a comma stands for the decimal mark."""
    (tmp_path / "x.csv").write_text("a;b;c\n1.234;1,5;1.234,5\n2.500;2,5;7,0\n")
    got = open_data(tmp_path / "x.csv", decimal=",")
    assert got["a"].tolist() == ["1.234", "2.500"]
    assert got["b"].tolist() == [1.5, 2.5]
    assert got["c"].tolist() == ["1.234,5", "7,0"]


def test_an_empty_line_is_no_row(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("a,b\n1,2\n\n3,4\n\n")
    got = open_data(tmp_path / "x.csv")
    pd.testing.assert_frame_equal(got, pd.read_csv(tmp_path / "x.csv"))
    (tmp_path / "x.csv").write_text("a\n1\n\n3\n")  # of one column it is a missing value, as it is written
    assert open_data(tmp_path / "x.csv")["a"].isna().tolist() == [False, True, False]


def test_a_file_that_ends_within_quotes_was_cut(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for cell in ("x", "", '"', "\n", 'a"b', "x,\n3,4\n", "é" * 99):
        for end, encoding in (("", "utf-8"), ("\n", "utf-8"), ("\r\n\r\n", "utf-8"), ("\n", "utf-16")):
            text = 'a,b\n1,"{}"{}'.format(cell.replace('"', '""'), end)
            path.write_bytes(text.encode(encoding))
            assert open_data(path, encoding=encoding)["b"].tolist() == [cell]
            path.write_bytes(text.removesuffix(f'"{end}').encode(encoding))
            with pytest.raises(DataError, match="within the quotes"):
                open_data(path, encoding=encoding)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
def test_categories_of_another_table_go_with_its_batches(name: str, tmp_path: Path) -> None:
    kind = pd.CategoricalDtype(["low", "mid", "high", "never"], ordered=True)
    frame = pd.DataFrame({"a": pd.Categorical(["mid", None, "low"], dtype=kind), "b": [1, 2, 3]})
    frame.to_parquet(tmp_path / "x.parquet")
    convert(tmp_path / "x.parquet", tmp_path / name)
    back = open_data(tmp_path / name)["a"]
    assert list(back.cat.categories) == list(kind.categories)
    assert back.cat.ordered
    assert back.astype(object).where(back.notna(), None).tolist() == ["mid", None, "low"]
    parts = [
        pa.RecordBatch.from_pydict({"a": pa.array(one).dictionary_encode()}) for one in (["u"], ["v", "u"])
    ]
    save_batches(parts, tmp_path / name)
    assert open_data(tmp_path / name)["a"].tolist() == ["u", "v", "u"]
    save_batches([parts[0].slice(0, 0)], tmp_path / name)
    assert list(open_data(tmp_path / name)["a"].cat.categories) == ["u"]
    missing = pa.DictionaryArray.from_arrays(pa.array([0, 1, None]), pa.array(["u", None]))
    save_batches([pa.RecordBatch.from_pydict({"a": missing})], tmp_path / name)
    assert open_data(tmp_path / name)["a"].isna().tolist() == [False, True, True]
    octets = pa.RecordBatch.from_pydict({"a": pa.array([b"u", None]).dictionary_encode()})
    save_batches([octets], tmp_path / name)
    assert open_data(tmp_path / name)["a"].isna().tolist() == [False, True]


def test_names_of_rows_are_no_column_in_the_next_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"index": [1, 2], "y": [None, 0.5]}, index=["p", "q"])
    frame.to_csv(tmp_path / "x.csv")
    for name in ("y.parquet", "y.csv", "y.nc"):
        convert(tmp_path / "x.csv", tmp_path / name)
        for path in (tmp_path / "x.csv", tmp_path / name):
            got = open_data(path)
            assert got.index.tolist() == ["p", "q"]
            assert got.index.name is None
            assert {key: one.tolist() for key, one in got.fillna(9).items()} == {
                "index": [1, 2],
                "y": [9, 0.5],
            }


# ------------------------------------------------------------------ HDF5, NetCDF, Parquet


def test_what_hdf5_says_beside_numbers(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        kind = h5py.enum_dtype({"RED": 0, "BLUE": 2}, basetype="i1")
        file.create_dataset("a", data=[0, 2], dtype=kind)
        file["a"].attrs["nothing"] = h5py.Empty("f8")
        file["a"].attrs["record"] = np.array((1, 2.5), dtype=[("n", "i4"), ("x", "f8")])
        file["b"] = np.arange(2.0)
    got = open_data(tmp_path / "x.h5")["a"]
    assert got.values.tolist() == [0, 2]
    assert got.attrs == {"enum": {"RED": 0, "BLUE": 2}, "nothing": None, "record": {"n": 1, "x": 2.5}}
    save_data(got, tmp_path / "x.nc")
    assert open_data(tmp_path / "x.nc").attrs == got.attrs
    with h5py.File(tmp_path / "x.h5", "a") as file:
        file["c"] = h5py.Empty("f8")
        file["a"].attrs["other"] = file["b"].ref
    with pytest.warns(LossyWarning) as said:
        open_data(tmp_path / "x.h5")
    assert sorted(str(one.message).rpartition("/")[2] for one in said) == [
        "a: the attribute 'other' is a reference to another part, and is left out",
        "c has no elements and no dimensions, and is left out",
    ]


@pytest.mark.parametrize("name", ["x.nc", "x.zarr"])
def test_integers_beside_missing_ones_are_not_rounded(name: str, tmp_path: Path) -> None:
    whole = xr.Dataset({"a": ("t", [1, 2**53 + 1, -1]), "b": ("t", [1.0, 2.0, 3.0])})
    how: dict[str, Any] = {"encoding": {"a": {"_FillValue": -1}}}
    if name == "x.nc":
        whole.to_netcdf(tmp_path / name, engine="h5netcdf", **how)
    else:
        whole.to_zarr(tmp_path / name, consolidated=False, **how)
    with pytest.raises(DataError, match=r"'a' has missing values, and integers beyond 2\^53.*decode=False"):
        open_data(tmp_path / name)
    with pytest.raises(DataError, match=r"2\^53"):
        convert(tmp_path / name, tmp_path / "y.h5")
    assert open_data(tmp_path / name, decode=False)["a"].values.tolist() == [1, 2**53 + 1, -1]


def test_nulls_that_came_after_pandas_make_no_floats(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(pd.DataFrame({"a": [1, 2], "b": np.array([1, 2], "u2")}))
    table = table.set_column(0, "a", pa.array([2**53 + 1, None]))
    pq.write_table(table.set_column(1, "b", pa.array([None, 7], pa.uint16())), tmp_path / "x.parquet")
    got = open_data(tmp_path / "x.parquet")
    assert [str(one) for one in got.dtypes] == ["Int64", "UInt16"]
    assert got["a"][0] == 2**53 + 1
    assert got["b"].isna().tolist() == [True, False]


# ------------------------------------------------------------------ copies


def test_names_of_rows_are_a_column_of_a_database(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2]}, index=["p", "q"])
    save_data(frame, tmp_path / "x.rds")
    assert copy(str(tmp_path / "x.rds"), f"sqlite:///{tmp_path}/x.db#t").lost == ()
    with contextlib.closing(sqlite3.connect(tmp_path / "x.db")) as base:
        assert base.execute("SELECT * FROM t ORDER BY a").fetchall() == [("p", 1), ("q", 2)]
    save_data(frame.rename_axis("a"), tmp_path / "y.rds")
    with pytest.raises(ConversionError, match="no column of its own"):
        copy(str(tmp_path / "y.rds"), f"sqlite:///{tmp_path}/y.db#t")


def test_units_of_a_coordinate_that_a_table_does_not_say(tmp_path: Path) -> None:
    value = xr.DataArray([1.0], dims="t", coords={"t": ("t", [0], {"units": "s"})}, name="v")
    save_data(value, tmp_path / "x.nc")
    done = copy(str(tmp_path / "x.nc"), f"sqlite:///{tmp_path}/x.db#t", tidy=True)
    assert done.lost == ("the attributes units of t are in no column",)


def test_a_source_that_cannot_be_read_is_not_said_of_the_target(tmp_path: Path) -> None:
    with pytest.raises(IntegrationError, match="/proc/self/mem cannot be read"):
        copy("/proc/self/mem", str(tmp_path / "x"))
    assert list(tmp_path.iterdir()) == []


def test_what_replaces_a_private_file_is_private(tmp_path: Path) -> None:
    value = xr.DataArray(np.arange(3.0), dims="t", name="v")
    save_data(value, tmp_path / "x.nc")
    for name, how in (("y.csv", save_data), ("y.nc", save_data), ("z.nc", write_nc), ("c.nc", None)):
        target = tmp_path / name
        target.write_bytes(b"old")
        target.chmod(0o600)
        if how is None:
            copy(str(tmp_path / "x.nc"), str(target), exists="replace")
        else:
            how(value, str(target))
        assert oct(target.stat().st_mode & 0o777) == "0o600", name
        assert target.read_bytes() != b"old"
    beside = tmp_path / "y.csv-metadata.json"
    assert oct(beside.stat().st_mode & 0o777) == "0o600"  # it has attributes


def test_texts_in_a_mat_file_of_a_command_get_no_spaces(tmp_path: Path) -> None:
    path = str(tmp_path / "x.mat")
    write_mat({"a": np.array(["x", "long"]), "b": True, "c": 1 << 63}, path)
    got = open_data(path)
    assert got["a"] == ["x", "long"]
    assert got["b"] is True
    assert got["c"] == 1 << 63
    with pytest.raises(Unsupported, match="int does not fit"):
        write_mat(1 << 64, path)


def test_a_description_elsewhere_stays_until_its_file_is_replaced(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": ["007"]}, index=["p"])
    save_data(frame, tmp_path / "x.csv")
    there = LocalFileSystem()
    (tmp_path / "x.csv").rename(tmp_path / "kept")
    (tmp_path / "x.csv").mkdir()  # so that it cannot be written
    with pytest.raises(IntegrationError):
        save_data(pd.DataFrame({"b": [1]}), f"{tmp_path}/x.csv", filesystem=there)
    (tmp_path / "x.csv").rmdir()
    (tmp_path / "kept").rename(tmp_path / "x.csv")
    pd.testing.assert_frame_equal(open_data(tmp_path / "x.csv"), frame)
    save_data(pd.DataFrame({"b": [1]}), f"{tmp_path}/x.csv", filesystem=there)
    assert [one.name for one in tmp_path.iterdir()] == ["x.csv"]


def test_what_strict_refuses_replaces_nothing(tmp_path: Path) -> None:
    target = tmp_path / "x.csv"
    target.write_text("good\n")
    with pytest.raises(Unsupported, match=rf"--strict that is an error, and {target} was not written"):
        deliver(pd.DataFrame({"a": [1.0, np.nan]}), as_json=False, output=str(target), strict=True)
    assert target.read_text() == "good\n"
    deliver(pd.DataFrame({"a": [1.0]}), as_json=False, output=str(target), strict=True)
    assert target.read_text() == "a\n1.0\n"


# ------------------------------------------------------------------ R, EDF, NWB, MAT


def test_a_short_char_matrix_of_octave(tmp_path: Path) -> None:
    """``x = ["ab"; "cd"]; save -v6``: Octave announces four bytes more than it writes."""
    array = struct.pack(
        "<II II II  II II  HH4s HH4s", 14, 52, 6, 8, 4, 0, 5, 8, 2, 2, 1, 1, b"x", 16, 4, b"acbd"
    )
    head = b"MATLAB 5.0 MAT-file, written by Octave".ljust(124) + b"\x00\x01IM"
    (tmp_path / "x.mat").write_bytes(head + array)
    assert scipy.io.loadmat(tmp_path / "x.mat")["x"].tolist() == ["ab", "cd"]
    assert open_data(tmp_path / "x.mat")["x"].tolist() == ["ab", "cd"]
    (tmp_path / "x.mat").write_bytes(head + array[:-1])
    with pytest.raises(DataError, match="cut short"):
        open_data(tmp_path / "x.mat")


def test_a_labelled_column_of_r_is_no_damage(tmp_path: Path) -> None:
    # x <- data.frame(a = 1:2); attr(x$a, "label") <- "Age"; saveRDS(x, "x.rds", ascii = TRUE, version = 2)
    text = (
        "A 2 262658 131840 787 1 525 2 1 2 1026 1 262153 5 label 16 1 262153 3 Age 254 1026 1 262153 5 names "
        "16 1 262153 1 a 1026 1 262153 9 row.names 13 2 NA -2 1026 1 262153 5 class 16 1 262153 10 "
        "data.frame 254 "
    )
    (tmp_path / "x.rds").write_text(text.replace(" ", "\n"))
    found = open_data(tmp_path / "x.rds")
    assert found["a"].tolist() == [1, 2]
    assert found.attrs["columns"] == {"a": {"label": "Age"}}


def test_what_edf_has_no_place_for_is_said(tmp_path: Path) -> None:
    plain = xr.DataArray(
        np.arange(20.0).reshape(10, 2), dims=("time", "channel"), coords={"channel": ["A", "B"]},
        attrs={"sampling_rate": 10.0},
    )  # fmt: skip
    noted = plain.copy()
    noted["channel"].attrs["note"] = "left"
    two = xr.Dataset({"eeg": plain, "ecg": plain.rename(channel="c").rename(c="channel")})
    for value, told in (
        (plain.rename("eeg"), "the name 'eeg'"),
        (noted, r"this attribute.*channel.*note"),
        (plain.assign_coords(channel=[0, 1]), "come back as texts"),
        (two, "the name is not kept"),
    ):
        with pytest.raises(ConversionError, match=told):
            save_data(value, tmp_path / "x.edf")
    save_data(plain, tmp_path / "x.edf")


def test_stored_integers_of_edf_are_no_microvolts(tmp_path: Path) -> None:
    signal = edfio.EdfSignal(np.arange(100.0), 100, label="A", physical_dimension="uV")
    edfio.Edf([signal]).write(tmp_path / "x.edf")
    with pytest.raises(
        ConversionError, match="stored integers would be written as if they were of the units"
    ):
        convert(tmp_path / "x.edf", tmp_path / "y.edf", options={"digital": True})


def test_numbers_of_nwb_are_scaled_once(tmp_path: Path) -> None:
    start = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    attrs = {"start": start, "conversion": 1e-6, "offset": 0.5, "unit": "V"}
    save_data(xr.DataArray([1.0, 2.0], dims="time", attrs=attrs, name="a"), tmp_path / "x.nwb")
    for name in ("x.nwb", "y.nwb", "z.nwb"):  # as it was written here, and by others
        scaled = open_data(tmp_path / name, variable="acquisition/a", scaled=True)
        np.testing.assert_allclose(
            scaled * scaled.attrs["conversion"] + scaled.attrs["offset"], [0.500001, 0.500002]
        )
        if name == "x.nwb":
            save_data(scaled, tmp_path / "y.nwb")
            file = pynwb.NWBFile("d", "i", start)
            how: Any = {"unit": "V", "conversion": 1e-6, "offset": 0.5, "rate": 10.0}
            file.add_acquisition(pynwb.TimeSeries(name="a", data=np.array([1.0, 2.0]), **how))
            with pynwb.NWBHDF5IO(tmp_path / "z.nwb", "w") as io:
                io.write(file)


def test_nwb_keeps_the_order_of_dims_and_what_is_said_of_a_series(tmp_path: Path) -> None:
    start = dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    value = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("channel", "time"), attrs={"start": start})
    value.name = "eeg"
    save_data(value, tmp_path / "x.nwb")
    xr.testing.assert_identical(open_data(tmp_path / "x.nwb", variable="acquisition/eeg"), value)
    file = pynwb.NWBFile("d", "i", start)
    file.add_acquisition(
        pynwb.TimeSeries(
            name="a", data=np.arange(3.0), unit="V", rate=10.0, continuity="step",
            control=np.array([0, 1, 0], np.uint8), control_description=["on", "off"],
        )
    )  # fmt: skip
    with pynwb.NWBHDF5IO(tmp_path / "y.nwb", "w") as io:
        io.write(file)
    got = open_data(tmp_path / "y.nwb", variable="acquisition/a")
    assert got["control"].values.tolist() == [0, 1, 0]
    assert got.attrs["control_description"] == ["on", "off"]
    assert got.attrs["continuity"] == "step"


# ------------------------------------------------------------------ attributes and records of HDF5


def test_attributes_that_are_no_utf8_lose_no_letter(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = np.arange(3.0)
        file["a"].attrs["units"] = np.bytes_(b"\xb5V")
    assert open_data(tmp_path / "x.h5").attrs["units"] == "µV"


def test_records_are_read_when_they_are_asked_for(tmp_path: Path) -> None:
    kind = [("n", "i8"), ("at", "f4", (3,)), ("text", h5py.string_dtype())]
    made = np.array([(1, (1, 2, 3), "Größe"), (2, (4, 5, 6), "")], dtype=kind)
    with h5py.File(tmp_path / "x.h5", "w") as file:
        file["a"] = made
    got = open_data(tmp_path / "x.h5")["a"]
    assert got["n"].values.tolist() == [1, 2]
    assert got["at"].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert got["text"].values.tolist() == ["Größe", ""]
    with h5py.File(tmp_path / "y.h5", "w") as file:  # no element is stored
        file.create_dataset("a", shape=(1 << 40,), dtype=[("x", "f8"), ("y", "f8")], chunks=(1000,))
    with pytest.raises(LimitExceeded, match="limit="):
        open_data(tmp_path / "y.h5")


# ------------------------------------------------------------------ NIfTI


def _image(path: Path, *, codes: tuple[int, int] = (2, 0), kind: str = "i2") -> Path:
    affine = np.diag([2.0, 2, 2, 1])
    affine[:3, 3] = [-10, -20, -30]
    image = nibabel.Nifti1Image(np.arange(120).reshape(6, 5, 4).astype(kind), affine)
    image.set_sform(affine, codes[0])
    image.set_qform(affine, codes[1])
    nibabel.save(image, path)
    return path


def _scale(path: Path) -> Path:
    raw = bytearray(path.read_bytes())
    struct.pack_into("<ff", raw, 112, 0.5, 1.0)
    path.write_bytes(raw)
    return path


def test_a_cut_or_turned_image_is_not_written_at_its_old_place(tmp_path: Path) -> None:
    whole = open_data(_image(tmp_path / "x.nii"))
    for part in (whole[2:], whole[::-1], whole[::2]):
        with pytest.raises(ConversionError, match=r"not those of the attribute affine.*coords\.x"):
            save_data(part, tmp_path / "y.nii")
        bare = part.drop_attrs()
        save_data(bare, tmp_path / "y.nii")
        np.testing.assert_allclose(open_data(tmp_path / "y.nii").x, part.x)
        world = nibabel.load(tmp_path / "y.nii").affine @ [1, 0, 0, 1]
        assert world[0] == part.x[1]
    assert save_data(whole[2:].drop_vars("x"), tmp_path / "y.nii").lost == ()  # the affine is meant


def test_an_affine_that_the_codes_leave_out_is_said(tmp_path: Path) -> None:
    whole = open_data(_image(tmp_path / "x.nii", codes=(0, 0)))
    save_data(whole, tmp_path / "y.nii")
    assert (nibabel.load(tmp_path / "y.nii").affine == nibabel.load(tmp_path / "x.nii").affine).all()
    moved = whole.drop_vars(["x", "y", "z"]).assign_attrs(affine=np.diag([3.0, 3, 3, 1]))
    with pytest.raises(ConversionError, match="another one counts"):
        save_data(moved, tmp_path / "z.nii")


def test_scaled_complex_numbers_keep_both_parts(tmp_path: Path) -> None:
    path = _scale(_image(tmp_path / "x.nii", kind="c8"))
    assert nibabel.load(path).dataobj.slope == 0.5
    raw = bytearray(path.read_bytes())
    raw[-8:] = np.array([3 + 4j], "c8").tobytes()
    path.write_bytes(raw)
    got = open_data(path)
    assert got.values[-1, -1, -1] == np.asarray(nibabel.load(path).dataobj)[-1, -1, -1] == 2.5 + 2j


def test_stored_voxels_do_not_lose_their_scale_in_silence(tmp_path: Path) -> None:
    stored = open_data(_scale(_image(tmp_path / "x.nii")), scaled=False)
    with pytest.raises(ConversionError, match=r"without the scale 0\.5 and 1"):
        save_data(stored, tmp_path / "y.nii")
    del stored.attrs["slope"], stored.attrs["inter"]
    save_data(stored, tmp_path / "y.nii")


@pytest.mark.parametrize("step", [2.5, 0.0])
@pytest.mark.parametrize("shape", [(4, 3, 2, 1), (4, 3, 2, 5), (4, 3, 2, 1, 2)])
def test_the_time_between_volumes_is_kept(step: float, shape: tuple[int, ...], tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(np.zeros(shape, "f4"), np.eye(4))
    image.header["pixdim"][4:] = [step, 7.0, 0, 0]
    nibabel.save(image, tmp_path / "x.nii")
    got = open_data(tmp_path / "x.nii")
    assert save_data(got, tmp_path / "y.nii").lost == ()
    want, found = (nibabel.load(tmp_path / name).header.get_zooms() for name in ("x.nii", "y.nii"))
    assert found == want
    xr.testing.assert_identical(open_data(tmp_path / "y.nii"), got)
    if step and shape[3] > 1:
        later = got.assign_coords(t=got.t * 2)
        save_data(later, tmp_path / "y.nii")
        assert nibabel.load(tmp_path / "y.nii").header.get_zooms()[3] == 5


# ------------------------------------------------------------------ BIDS


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    folder = tmp_path / "study" / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (tmp_path / "study" / "dataset_description.json").write_text("{}")
    (tmp_path / "study" / "task-rest_eeg.json").write_text('{"PowerLineFrequency": 50}')
    (folder.parent / "sub-01_electrodes.tsv").write_text("name\tx\nA\t1.5\nB\t2.5\n")
    (folder / "sub-01_task-rest_channels.tsv").write_text("name\tgroup\nA\t001\nB\t010\n")
    (folder / "sub-01_task-rest_events.tsv").write_text(
        "onset\tcode\tbig\tcount\tloose\n0.5\t007\t12345678901234567890\t1\t+1\n"
        "1.0\t010\t2\tn/a\t2\n2.0\t011\t3\t9007199254740993\t3\n"
    )
    signals = [edfio.EdfSignal(np.arange(100.0), 100, label=name) for name in "AB"]
    edfio.Edf(signals).write(folder / "sub-01_task-rest_eeg.edf")
    return folder / "sub-01_task-rest_eeg.edf"


def test_labels_of_digits_stay_labels(recording: Path, tmp_path: Path) -> None:
    got = open_data(recording, format="bids")
    assert got["group"].values.tolist() == ["001", "010"]
    events = got.attrs["events"]
    assert events["onset"].tolist() == [0.5, 1.0, 2.0]
    assert events["code"].tolist() == ["007", "010", "011"]
    assert events["big"].tolist() == ["12345678901234567890", "2", "3"]  # floats would round it
    assert events["count"].tolist() == ["1", "n/a", "9007199254740993"]
    assert events["loose"].tolist() == ["+1", "2", "3"]
    target = tmp_path / recording.name
    assert save_data(got, target, format="bids").lost == ()
    again = open_data(target, format="bids")
    xr.testing.assert_equal(again.drop_vars(["type", "bids_units"]), got)  # for which BIDS wants columns
    assert {name: one.tolist() for name, one in again.attrs["events"].items()} == {
        name: one.tolist() for name, one in events.items()
    }


@pytest.mark.parametrize("column", [["1", "2"], [True, False], ["", "x"], [np.nan, np.nan]])
def test_what_a_table_of_texts_does_not_say(column: Any, recording: Path, tmp_path: Path) -> None:
    got = open_data(recording, format="bids").assign_attrs(events=None)
    target = tmp_path / recording.name
    with pytest.raises(ConversionError, match=r"come back.*coords\['own'\]"):
        save_data(got.assign_coords(own=("channel", column)), target, format="bids")
    with pytest.raises(ConversionError, match=r"come back.*events\['own'\]"):
        save_data(got.assign_attrs(events={"own": column}), target, format="bids")


def test_whole_floats_stay_floats(recording: Path, tmp_path: Path) -> None:
    got = open_data(recording, format="bids").assign_attrs(events={"onset": np.array([0.0, 1e16])})
    save_data(got, tmp_path / recording.name, format="bids")
    back = open_data(tmp_path / recording.name, format="bids").attrs["events"]["onset"]
    assert back.dtype == float
    assert back.tolist() == [0.0, 1e16]


def test_sidecars_of_upper_folders_are_brought_from_elsewhere(recording: Path) -> None:
    memory = fsspec.filesystem("memory")
    study = recording.parent.parent.parent
    try:
        for one in study.rglob("*"):
            if one.is_file():
                memory.pipe(f"/study/{one.relative_to(study).as_posix()}", one.read_bytes())
        got = open_data(f"memory://study/sub-01/eeg/{recording.name}", format="bids")
        xr.testing.assert_equal(got, open_data(recording, format="bids"))
        assert got.attrs["sidecar"] == {"PowerLineFrequency": 50}
        assert got["x"].values.tolist() == [1.5, 2.5]
    finally:
        memory.rm("/study", recursive=True)


@pytest.mark.parametrize("status", [403, 404])
def test_sidecars_that_cannot_be_looked_for(recording: Path, status: int) -> None:
    """A server that hands out files and lists no folders, as most do."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def list_directory(self, path: Any) -> None:
            self.send_error(status)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            pass

    study = recording.parent.parent.parent
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=study)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        address = f"http://127.0.0.1:{server.server_port}/sub-01/eeg/{recording.name}"
        try:
            with pytest.warns(LossyWarning, match="lists no folders: sidecars of upper folders are not read"):
                got = open_data(address, format="bids")
        finally:
            server.shutdown()
            thread.join()
    assert got["group"].values.tolist() == ["001", "010"]
