"""What a user types next: a column that is not there, options of a format, a target that is no file."""

from __future__ import annotations

import datetime
import os
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from tests.cli.support import arcuate, needs_octave, shell

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.formats import convert, open_batches, open_data, save_data

TABLE = pd.DataFrame({"id": [1, 2], "name": ["a", "b"]})
RECORDING = xr.DataArray(
    np.arange(6.0).reshape(3, 2),
    dims=("time", "channel"),
    coords={"channel": ["Cz", "Oz"]},
    attrs={"sampling_rate": 256.0, "start": datetime.datetime(2025, 3, 1, 9, 30)},
)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow"])
def test_a_column_that_is_not_there(suffix: str, tmp_path: Path) -> None:
    source, target = tmp_path / f"x.{suffix}", tmp_path / "y.csv"
    save_data(TABLE, source)
    target.write_text("before\n")
    with pytest.raises(NotFoundError, match="no column 'nope'; it has id, name"):
        convert(source, target, variable="nope")
    assert target.read_text() == "before\n"
    with pytest.raises(NotFoundError, match="no column 'nope'"):
        list(open_batches(source, variable="nope"))


@pytest.mark.parametrize("version", ["7", "7.3"])
@pytest.mark.parametrize(
    "moment",
    [
        datetime.datetime(2025, 1, 2, 3, 4, 5, 6),
        pd.Timestamp("2025-01-02 03:04:05.123456789", tz="Europe/Prague"),
        datetime.date(2020, 2, 3),
        datetime.timedelta(microseconds=-7),
        np.datetime64("2020-01-01T00", "h"),
        pd.Timedelta(3, "ns"),
    ],
)
def test_moments_that_stand_alone_are_kept_by_mat(moment: Any, version: str, tmp_path: Path) -> None:
    path = tmp_path / "x.mat"
    save_data({"a": moment, "s": {"in": moment}}, path, version=version)
    found = open_data(path)
    assert type(found["a"]) is type(moment)
    assert repr(found["a"]) == repr(moment)
    assert repr(found["s"]["in"]) == repr(moment)


@needs_octave
def test_a_recording_with_its_start_goes_to_octave_as_a_session_gets_it(tmp_path: Path) -> None:
    save_data(RECORDING, tmp_path / "x.mat", variable="eeg")
    back = open_data(tmp_path / "x.mat", variable="eeg")
    assert back.identical(RECORDING)
    code = "load x.mat; a = eeg.attrs.start; disp ([a.arcuate ' ' a.unit ' ' a.scalar]); disp (a.value)"
    done = subprocess.run(
        ["octave-cli", "-qf", "--eval", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["datetime", "us", "python", "1740821400000000"]


def test_lossy_is_no_leave_to_lose_everything(tmp_path: Path) -> None:
    with pytest.raises(ConversionError, match="a table has no class"):
        save_data(TABLE, tmp_path / "x.mat", lossy=True)
    assert not (tmp_path / "x.mat").exists()


def test_a_file_is_not_converted_onto_itself(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b"\xef\xbb\xbfid,v\r\n1,2\r\n")
    os.link(path, tmp_path / "same.csv")
    for target in (path, tmp_path / "same.csv"):
        with pytest.raises(InvalidArgument, match="same file"):
            convert(path, target)
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_pipes_and_standard_output_are_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    save_data(TABLE, "x.csv")
    os.mkfifo("pipe")
    os.symlink("/proc/self/fd/1", "out")
    for target in ("pipe", "out", "-"):
        done = arcuate("convert", "x.csv", target, "--to", "json")
        assert done.returncode == 1
        assert "is no file" in done.stderr
        assert arcuate("copy", "x.csv", target, "--to", "json", "--replace").returncode == 1
    assert Path("pipe").is_fifo()
    assert Path("out").is_symlink()
    assert not Path("-").exists()
    with pytest.raises(InvalidArgument, match="a pipe or a device"):
        open_data("pipe", format="csv")


def test_options_of_a_format(tmp_path: Path) -> None:
    source = tmp_path / "semi.csv"
    source.write_bytes("Name;Größe\nÅse;1,75\n".encode("latin-1"))
    with pytest.raises(DataError, match="encoding=latin-1"):
        convert(source, tmp_path / "y.parquet")
    words = ("-O", "encoding=latin-1", "-O", "delimiter=;", "-O", "decimal=,")
    done = arcuate("convert", str(source), str(tmp_path / "y.parquet"), *words)
    assert done.returncode == 0, done.stderr
    assert open_data(tmp_path / "y.parquet").to_dict("list") == {"Name": ["Åse"], "Größe": [1.75]}
    url = f"sqlite:///{tmp_path}/x.db#t"
    assert arcuate("copy", str(source), url, *words).returncode == 0
    back = tmp_path / "back.csv"
    assert arcuate("copy", url, str(back), "--to-option", "delimiter=|").returncode == 0
    assert back.read_text().splitlines()[0] == '"Name"|"Größe"'
    save_data(RECORDING, tmp_path / "x.nc")
    convert(tmp_path / "x.nc", tmp_path / "x.mat", target_options={"variable": "eeg"})
    convert(tmp_path / "x.mat", tmp_path / "z.nc", options={"variable": "eeg"})
    assert open_data(tmp_path / "z.nc").identical(RECORDING)


def test_what_nwb_says_of_the_subject_is_kept_and_what_is_not_read_is_listed(tmp_path: Path) -> None:
    pynwb = pytest.importorskip("pynwb", reason="pynwb: not installed")
    zone = datetime.timezone.utc
    born = datetime.datetime(2024, 1, 1, tzinfo=zone)
    file = pynwb.NWBFile(
        session_description="d", identifier="i", session_start_time=born, keywords=["a", "é"], notes="n"
    )
    file.subject = pynwb.file.Subject(subject_id="m1", species="Mus musculus", sex="F", date_of_birth=born)
    file.add_acquisition(pynwb.TimeSeries(name="speed", data=[1.0, 2.0], unit="cm/s", rate=10.0))
    image = pynwb.image.GrayscaleImage(name="im", data=np.ones((3, 3)))
    file.add_acquisition(pynwb.base.Images(name="slides", images=[image]))
    blinks = pynwb.epoch.TimeIntervals(name="blinks", description="x")
    blinks.add_interval(start_time=0.0, stop_time=1.0)
    file.add_time_intervals(blinks)
    with pynwb.NWBHDF5IO(tmp_path / "x.nwb", "w") as io:
        io.write(file)
    found = open_data(tmp_path / "x.nwb", variable="acquisition/speed")
    assert found.attrs["session"]["subject"]["species"] == "Mus musculus"
    assert open_data(tmp_path / "x.nwb", variable="intervals/blinks")["stop_time"].tolist() == [1.0]
    save_data(found, tmp_path / "y.nwb")
    with pynwb.NWBHDF5IO(tmp_path / "y.nwb", "r") as io:
        back = io.read()
        assert (back.subject.sex, back.subject.date_of_birth, list(back.keywords)) == ("F", born, ["a", "é"])
    for command in ("convert", "copy"):
        done = arcuate(command, str(tmp_path / "x.nwb"), str(tmp_path / f"{command}.json"))
        assert done.returncode == 0
        assert "x.nwb: not read" in done.stdout
        assert "acquisition/slides (Images)" in done.stdout


@pytest.mark.parametrize("suffix", ["nc", "h5", "zarr"])
def test_a_variable_by_its_path_in_groups(suffix: str, tmp_path: Path) -> None:
    inner = xr.Dataset({"volts": ("x", [1.0, 2.0])})
    save_data(xr.DataTree.from_dict({"/run 1": inner}), tmp_path / f"x.{suffix}")
    found = open_data(tmp_path / f"x.{suffix}", variable="run 1/volts")
    assert found.values.tolist() == [1.0, 2.0]
    with pytest.raises(NotFoundError, match="no variable 'run 1/vlts'"):
        open_data(tmp_path / f"x.{suffix}", variable="run 1/vlts")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("copy", "x.csv", "sqlite:///x.db#t", "-O", "wrong=1"), "csv has no option 'wrong'"),
        (("copy", "x.csv", "y.parquet", "--to-option", "wrong=1"), "parquet has no option 'wrong'"),
        (("copy", "x.csv", "y.csv", "-O", "delimiter=;"), "the bytes of a file are copied"),
        (("convert", "x.csv", "y.nc", "-O", "wrong=1"), "csv has no option 'wrong'"),
    ],
)
def test_options_that_mean_nothing(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_data(TABLE, "x.csv")
    done = arcuate(*words)
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "arrow", "nc", "zarr"])
def test_a_name_that_is_no_utf8(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9." + suffix.encode())
    frame = pd.DataFrame({"a": np.array([1, 2], "i2")})
    save_data(frame, path)
    pd.testing.assert_frame_equal(open_data(path), frame)


@pytest.mark.parametrize(
    ("encoding", "name"), [("utf-8:strict", b"caf\xe9"), ("ascii:strict", "café".encode())]
)
def test_a_name_that_the_terminal_cannot_show(encoding: str, name: bytes, tmp_path: Path) -> None:
    path = os.path.join(os.fsencode(tmp_path), name + b".csv")
    Path(os.fsdecode(path)).write_bytes(b"a\n1\n")
    done = shell("convert", os.fsdecode(path), "x.json", cwd=tmp_path, PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf\\" in done.stdout
    assert (tmp_path / "x.json").exists()
