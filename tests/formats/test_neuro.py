"""EDF, BDF, NIfTI, NWB and BIDS against the libraries of the field: edfio, EDFlib, nibabel, pynwb."""

from __future__ import annotations

import datetime as dt
import json
import struct
import warnings
from pathlib import Path
from typing import Any

import edfio
import nibabel
import numpy as np
import pyedflib
import pytest
import xarray as xr
from tests.formats import damage

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument, LimitExceeded
from arcuate.formats import convert, open_data, save_data
from arcuate.values import encode
from arcuate.values.equal import equal

RNG = np.random.default_rng(1)
NOISE = RNG.normal(size=(512, 2)) * 50
START = dt.datetime(2024, 3, 2, 10, 11, 12)


def _same(a: Any, b: Any) -> None:
    assert equal(encode(a), encode(b)) is None


@pytest.fixture
def edf(tmp_path: Path) -> Path:
    """What edfio writes: two channels with all that a header says, and two annotations."""
    signals = [
        edfio.EdfSignal(
            NOISE[:, 0],
            256,
            label="Fz",
            physical_dimension="uV",
            transducer_type="AgCl",
            prefiltering="HP:0.1Hz",
        ),
        edfio.EdfSignal(NOISE[:, 1], 256, label="Cz", physical_dimension="uV"),
    ]
    notes = [edfio.EdfAnnotation(0.5, None, "stim"), edfio.EdfAnnotation(1, 0.25, "žluť")]
    file = edfio.Edf(
        signals, patient=edfio.Patient(code="P1"), recording=edfio.Recording(startdate=START.date()),
        starttime=START.time(), annotations=notes,
    )  # fmt: skip
    path = tmp_path / "x.edf"
    file.write(path)
    return path


def _measured(samples: int = 500, rate: float = 250.0) -> xr.DataArray:
    return xr.DataArray(
        RNG.normal(size=(samples, 2)),
        dims=("time", "channel"),
        coords={"time": np.arange(samples) / rate, "channel": ["a", "b"], "units": ("channel", ["uV", "mV"])},
        attrs={"sampling_rate": rate},
    )


# --- EDF


def test_edf_keeps_what_its_header_says(edf: Path, tmp_path: Path) -> None:
    got = open_data(edf)
    assert got.dims == ("time", "channel")
    assert got.attrs["start"] == START
    assert got.attrs["sampling_rate"] == 256
    assert got.attrs["annotations"] == [
        {"onset": 0.5, "duration": None, "text": "stim"},
        {"onset": 1.0, "duration": 0.25, "text": "žluť"},
    ]
    assert got["units"].values.tolist() == ["uV", "uV"]
    assert got["prefiltering"].values.tolist() == ["HP:0.1Hz", ""]
    assert float(np.abs(got.values - NOISE).max()) < 0.005
    assert open_data(edf, variable="Cz").shape == (512, 1)
    assert open_data(edf, digital=True).dtype == np.int16
    with pytest.raises(NotFoundError, match="'Fz', 'Cz'"):
        open_data(edf, variable="Pz")
    back = tmp_path / "y.edf"
    assert save_data(got, back).lost == ()
    _same(got, open_data(back))
    with pyedflib.EdfReader(str(back)) as reader:  # EDFlib's own reading
        assert reader.getSignalLabels() == ["Fz", "Cz"]
        assert reader.getStartdatetime() == START
        onsets, durations, texts = reader.readAnnotations()
        assert (onsets.tolist(), durations.tolist(), texts.tolist()) == (
            [0.5, 1.0],
            [-1.0, 0.25],
            ["stim", "žluť"],
        )
        np.testing.assert_array_equal(reader.readSignal(0), got.values[:, 0])


def test_what_edflib_writes(tmp_path: Path) -> None:
    for suffix, kind in ((".edf", pyedflib.FILETYPE_EDFPLUS), (".bdf", pyedflib.FILETYPE_BDFPLUS)):
        path = tmp_path / f"x{suffix}"
        with pyedflib.EdfWriter(str(path), 2, kind) as writer:
            for k in range(2):
                writer.setSignalHeader(
                    k, pyedflib.highlevel.make_signal_header(f"c{k}", sample_frequency=256)
                )
            writer.setStartdatetime(START)
            writer.writeSamples([np.ascontiguousarray(NOISE[:, k]) for k in range(2)])
            writer.writeAnnotation(0.5, -1, "go")
        got = open_data(path)
        with pyedflib.EdfReader(str(path)) as reader:
            np.testing.assert_allclose(got.values[:, 1], reader.readSignal(1), rtol=0, atol=1e-12)
        assert got.attrs["start"] == START
        assert got.attrs["annotations"] == [{"onset": 0.5, "duration": None, "text": "go"}]


def test_rates_of_channels_that_differ(tmp_path: Path) -> None:
    path, back = tmp_path / "x.edf", tmp_path / "y.edf"
    edfio.Edf(
        [edfio.EdfSignal(NOISE[:, 0], 256, label="Fz"), edfio.EdfSignal(np.arange(2.0), 1, label="temp")]
    ).write(path)
    got = open_data(path)
    assert dict(got.sizes) == {"time_256Hz": 512, "channel_256Hz": 1, "time_1Hz": 2, "channel_1Hz": 1}
    save_data(got, back)
    _same(got, open_data(back))


@pytest.mark.parametrize(("suffix", "bits", "most"), [(".edf", 16, 1e-4), (".bdf", 24, 1e-6)])
def test_rounding_is_said_and_measured(tmp_path: Path, suffix: str, bits: int, most: float) -> None:
    path, value = tmp_path / f"x{suffix}", _measured()
    with pytest.raises(ConversionError, match=rf"rounded to {bits} bits: by at most .* uV.*at \$\[:, 'a'\]"):
        save_data(value, path)
    assert not path.exists()
    with pytest.warns(UserWarning, match=f"rounded to {bits} bits"):
        kept = save_data(value, path, lossy=True)
    wrong = np.abs(open_data(path).values - value.values).max(axis=0)
    said = [float(one.partition("at most ")[2].split()[0]) for one in kept.lost]
    np.testing.assert_allclose(said, wrong, rtol=0.01)
    assert max(wrong) < most
    with pyedflib.EdfReader(str(path)) as reader:
        np.testing.assert_allclose(reader.readSignal(1), value.values[:, 1], atol=most)


def test_a_changed_signal_gets_a_range_of_its_own(edf: Path, tmp_path: Path) -> None:
    """The range that it came with is kept only where nothing is lost by it."""
    value = open_data(edf)
    with pytest.warns(UserWarning, match="rounded to 24 bits"):
        save_data(value / 300, tmp_path / "x.bdf", lossy=True)
    assert np.abs(open_data(tmp_path / "x.bdf").values - value.values / 300).max() < 1e-7
    save_data(value, tmp_path / "y.edf")
    assert open_data(tmp_path / "y.edf")["physical_max"].equals(value["physical_max"])


def test_whole_numbers_are_exact(tmp_path: Path) -> None:
    value = _measured().round().drop_vars("units").astype("i2")
    assert save_data(value, tmp_path / "x.edf").lost == ()
    np.testing.assert_array_equal(open_data(tmp_path / "x.edf").values, value.values)


def test_what_edf_has_no_place_for(tmp_path: Path) -> None:
    path, value = tmp_path / "x.edf", _measured().round()
    cases: list[tuple[Any, str]] = [
        (value.where(value > 0), "NaN"),
        (value.assign_coords(channel=["a" * 20, "b"]), "16 ASCII characters"),
        (value.assign_coords(quality=("channel", [1, 2])), r"this coordinate is not kept.*quality"),
        (value.assign_attrs(note="x"), r"this attribute is not kept.*note"),
        (value.rename(time="t"), "rename them to time and channel"),
        (value.assign_coords(time=np.arange(500) ** 2.0), "are not kept"),
        (
            value.isel(time=slice(499)).drop_vars("time").assign_attrs(sampling_rate=256.3),
            "do not divide into data records",
        ),
        (value.assign_attrs(start=dt.datetime(1950, 1, 1)), "1985 to 2084"),
        (3, "no recording"),
    ]
    for bad, told in cases:
        with pytest.raises(ConversionError, match=told):
            save_data(bad, path)
    assert not path.exists()


def test_damaged_edf(edf: Path, tmp_path: Path) -> None:
    assert damage.cut(edf) == []
    damage.flipped(edf)
    data = edf.read_bytes()
    short = tmp_path / "short.edf"
    short.write_bytes(data[:-600])
    with pytest.raises(DataError, match="partial=True"):
        open_data(short)
    assert open_data(short, partial=True).shape == (256, 2)
    edf.write_bytes(data[:236] + b"99999999" + data[244:])
    with pytest.raises(DataError, match="99,999,999 records"):
        open_data(edf)
    edf.write_bytes(data[:192] + b"EDF+D" + data[197:])
    with pytest.raises(ConversionError, match="discontinuous"):
        open_data(edf)


# --- NIfTI


def test_nifti_keeps_affine_units_and_header(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    image = nibabel.Nifti1Image(np.arange(24, dtype="i2").reshape(2, 3, 4), np.diag([2, 2, 3, 1]))
    image.header.set_xyzt_units("mm", "sec")
    image.header["descrip"] = b"from nibabel"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension(6, b"a comment"))
    image.set_qform(image.affine, 1)
    nibabel.save(image, path)
    got = open_data(path)
    assert got.dtype == np.int16
    assert got["z"].values.tolist() == [0, 3, 6, 9]
    assert (got.attrs["space_units"], got.attrs["header"]["descrip"]) == ("mm", "from nibabel")
    back = tmp_path / "y.nii"
    assert save_data(got, back).lost == ()
    _same(got, open_data(back))
    read = nibabel.load(back)
    np.testing.assert_array_equal(read.affine, image.affine)
    np.testing.assert_array_equal(np.asarray(read.dataobj), np.asarray(image.dataobj))
    assert read.header.get_xyzt_units() == ("mm", "sec")
    assert read.header.extensions[0].get_content().rstrip(b"\0") == b"a comment"
    assert {int(read.header[name]) for name in ("qform_code",)} == {1}


def test_scaled_voxels_are_exact(tmp_path: Path) -> None:
    path, back = tmp_path / "x.nii", tmp_path / "y.nii"
    turned = np.array([[1, 0.1, 0, 5], [0, 2, 0, 6], [0, 0, 3, 7], [0, 0, 0, 1]])
    image = nibabel.Nifti1Image(RNG.normal(size=(3, 4, 5, 6)), turned)
    image.set_data_dtype("i2")
    image.header.set_zooms((1, 2, 3, 1.5))
    nibabel.save(image, path)
    got = open_data(path)
    assert list(got.coords) == ["t"]
    assert got["t"].values.tolist() == [0, 1.5, 3, 4.5, 6, 7.5]
    np.testing.assert_array_equal(got.values, nibabel.load(path).get_fdata())
    stored = open_data(path, scaled=False)
    np.testing.assert_array_equal(stored.values * got.attrs["slope"] + got.attrs["inter"], got.values)
    save_data(got, back)
    assert nibabel.load(back).get_data_dtype() == np.int16
    _same(got, open_data(back))
    save_data(got + 1e-9, back)  # no longer on the grid of the scale: stored as they are
    assert nibabel.load(back).get_data_dtype() == np.float64
    np.testing.assert_array_equal(open_data(back).values, got.values + 1e-9)


def test_arrays_made_here(tmp_path: Path) -> None:
    path = tmp_path / "x.nii.gz"
    value = xr.DataArray(
        np.ones((2, 2, 2, 3), "i8"), dims=("x", "y", "z", "t"), coords={"x": [5.0, 7.0], "t": [0.0, 2.0, 4.0]}
    )
    save_data(value, path)
    read = nibabel.load(path)
    assert read.affine[0].tolist() == [2, 0, 0, 5]
    assert read.header.get_zooms()[3] == 2
    assert read.get_data_dtype() == np.int64
    for bad, told in (
        (value.isel(z=0), "the dim z is missing"),
        (value.rename(x="i"), "rename them to x, y, z, t"),
        (value > 0, "bool comes back as uint8"),
        (value.assign_attrs(note=1), r"not kept.*note"),
    ):
        with pytest.raises(ConversionError, match=told):
            save_data(bad, path)


def test_damaged_nifti(tmp_path: Path) -> None:
    value = xr.DataArray(np.arange(240, dtype="i2").reshape(4, 5, 12), dims=("x", "y", "z"))
    for path in (tmp_path / "x.nii", tmp_path / "x.nii.gz"):
        save_data(value, path)
        assert damage.cut(path) == []
        damage.flipped(path)
    data = bytearray((tmp_path / "x.nii").read_bytes())
    data[40:48] = struct.pack("<4h", 3, 32767, 32767, 32767)  # 70 TB
    path = tmp_path / "large.nii"
    path.write_bytes(data)
    with pytest.raises(LimitExceeded, match=r"large\.nii: its voxels takes? 70,36"):
        open_data(path)
    with pytest.raises(DataError, match="large"):
        open_data(path, limit=None)


# --- NWB


@pytest.fixture
def nwb(tmp_path: Path) -> Path:
    """What pynwb writes: two series, electrodes, units, a trial."""
    import pynwb
    from pynwb.ecephys import LFP, ElectricalSeries

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        file = pynwb.NWBFile(
            session_description="d",
            identifier="id1",
            session_start_time=dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc),
        )
        group = file.create_electrode_group(
            "g", description="x", location="ctx", device=file.create_device("probe")
        )
        file.add_electrode_column("label", "its name")
        for k in range(3):
            file.add_electrode(x=1.0, y=2.0, z=float(k), location="ctx", group=group, label=f"e{k}")
        region = file.create_electrode_table_region([0, 2], "two of them")
        raw = np.arange(20, dtype="i2").reshape(10, 2)
        series = ElectricalSeries(
            name="raw", data=raw, electrodes=region, rate=100.0, starting_time=5.0, conversion=1e-6
        )
        file.add_acquisition(series)
        file.add_acquisition(
            pynwb.TimeSeries(name="pupil", data=np.arange(3.0), unit="mm", timestamps=[0.0, 0.1, 0.3])
        )
        lfp = ElectricalSeries(
            name="slow", data=raw[:5], electrodes=region, rate=50.0, channel_conversion=[2.0, 3.0]
        )
        file.create_processing_module("ecephys", "filtered").add(LFP(electrical_series=lfp))
        file.add_unit_column("quality", "how good")
        file.add_unit(spike_times=[0.1, 0.2], quality="good")
        file.add_unit(spike_times=[0.3], quality="bad")
        file.add_trial(start_time=0.0, stop_time=1.0)
        path = tmp_path / "x.nwb"
        with pynwb.NWBHDF5IO(path, "w") as io:
            io.write(file)
    return path


def test_nwb_by_path(nwb: Path) -> None:
    found = open_data(nwb)
    assert list(found) == [
        "session", "acquisition/pupil", "acquisition/raw", "processing/ecephys/LFP/slow", "electrodes",
        "units", "trials",
    ]  # fmt: skip
    raw = found["acquisition/raw"]
    assert raw.dtype == np.int16
    assert raw["channel"].values.tolist() == ["e0", "e2"]
    assert raw["z"].values.tolist() == [0.0, 2.0]
    assert raw["time"].values[:2].tolist() == [5.0, 5.01]
    assert (raw.attrs["unit"], raw.attrs["conversion"]) == ("volts", 1e-6)
    scaled = open_data(nwb, variable="acquisition/raw", scaled=True)
    np.testing.assert_allclose(scaled.values, raw.values * 1e-6)
    slow = open_data(nwb, variable="processing/ecephys/LFP/slow", scaled=True)
    np.testing.assert_array_equal(slow.values, raw.values[:5] * [2.0, 3.0])
    assert slow["channel_conversion"].values.tolist() == [2.0, 3.0]
    assert found["acquisition/pupil"]["time"].values.tolist() == [0.0, 0.1, 0.3]
    assert found["units"]["quality"].tolist() == ["good", "bad"]
    assert [times.tolist() for times in found["units"]["spike_times"]] == [[0.1, 0.2], [0.3]]
    assert found["session"]["session_start_time"] == dt.datetime(2020, 1, 1, tzinfo=dt.timezone.utc)
    encode(found)  # all of it can go to R or Octave
    with pytest.raises(NotFoundError, match="acquisition/pupil"):
        open_data(nwb, variable="acquisition/none")
    with pytest.raises(LimitExceeded, match="the series raw"):
        open_data(nwb, variable="acquisition/raw", limit=10)


def test_nwb_written_here(tmp_path: Path) -> None:
    import pynwb

    path = tmp_path / "x.nwb"
    value = _measured().assign_attrs(start=START, note={"a": [1, 2]}).rename("eeg")
    assert save_data(value, path).lost == ()
    _same(value, open_data(path, variable="acquisition/eeg"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pynwb.NWBHDF5IO(path, "r") as io:
            series = io.read().acquisition["eeg"]
            assert (series.rate, series.starting_time, series.unit) == (250.0, 0.0, "mixed")
            np.testing.assert_array_equal(series.data[()], value.values)
        assert not pynwb.validate(path=str(path))
    uneven = value.assign_coords(time=np.arange(500) ** 1.5)
    save_data({"eeg": uneven}, path)
    _same(uneven, open_data(path, variable="acquisition/eeg"))
    with pytest.raises(ConversionError, match="the attribute start"):
        save_data(_measured(), path)
    with pytest.raises(ConversionError, match="no time series"):
        save_data({"a": 3}, path)


def test_damaged_nwb(nwb: Path) -> None:
    assert damage.cut(nwb, 8, variable="acquisition/pupil") == []
    damage.flipped(nwb, 12, variable="acquisition/pupil")


# --- BIDS


@pytest.fixture
def study(edf: Path, tmp_path: Path) -> Path:
    """A data set of one recording, with sidecars in three places."""
    root = tmp_path / "study"
    folder = root / "sub-01" / "eeg"
    folder.mkdir(parents=True)
    (root / "dataset_description.json").write_text("{}")
    (root / "task-rest_eeg.json").write_text(
        '{"SamplingFrequency": 256.0, "EEGReference": "Cz", "PowerLineFrequency": 50}'
    )
    (root / "task-other_eeg.json").write_text('{"EEGReference": "wrong"}')
    (root / "sub-01" / "sub-01_eeg.json").write_text('{"PowerLineFrequency": 60}')
    edf.rename(folder / "sub-01_task-rest_eeg.edf")
    (folder / "sub-01_task-rest_channels.tsv").write_text(
        "name\ttype\tunits\tlow_cutoff\nCz\tEEG\tuV\tn/a\nFz\tEEG\tuV\t0.1\n"
    )
    (folder / "sub-01_task-rest_events.tsv").write_text(
        "onset\tduration\ttrial_type\n0.5\tn/a\tgo\n1\t0.25\tn/a\n"
    )
    return root


def test_sidecars_are_coordinates_and_attributes(study: Path) -> None:
    got = open_data(study)
    assert got.attrs["sidecar"] == {
        "SamplingFrequency": 256.0,
        "EEGReference": "Cz",
        "PowerLineFrequency": 60,
    }
    assert got["type"].values.tolist() == ["EEG", "EEG"]
    np.testing.assert_array_equal(got["low_cutoff"].values, [0.1, np.nan])  # in the order of the recording
    assert got.attrs["events"]["trial_type"].tolist() == ["go", "n/a"]
    np.testing.assert_array_equal(got.attrs["events"]["duration"], [np.nan, 0.25])
    _same(got, open_data(study, variable="sub-01/eeg/sub-01_task-rest_eeg.edf"))
    with pytest.raises(InvalidArgument, match="out of the data set"):
        open_data(study, variable="../x.edf")
    with pytest.raises(NotFoundError, match="no recording"):
        open_data(study, variable="sub-02/x.edf")


def test_sidecars_are_written_back(study: Path) -> None:
    got = open_data(study)
    target = study / "sub-02" / "eeg" / "sub-02_task-rest_eeg.edf"
    target.parent.mkdir(parents=True)
    assert save_data(got, target, format="bids").lost == ()
    _same(got, open_data(target, format="bids"))
    names = sorted(path.name.removeprefix("sub-02_task-rest_") for path in target.parent.iterdir())
    assert names == ["channels.tsv", "eeg.edf", "eeg.json", "events.tsv"]
    assert json.loads(target.with_suffix(".json").read_text())["EEGReference"] == "Cz"
    assert (target.parent / "sub-02_task-rest_events.tsv").read_text().splitlines()[1] == "0.5\tn/a\tgo"
    save_data(got.assign_attrs(events=None), target, format="bids")
    assert "events" not in open_data(target, format="bids").attrs
    with pytest.raises(InvalidArgument, match="2 recordings"):
        open_data(study)


def test_bad_sidecars(study: Path) -> None:
    folder = study / "sub-01" / "eeg"
    recording = folder / "sub-01_task-rest_eeg.edf"
    for name, text, told in (
        ("sub-01_task-rest_eeg.json", "{", "no valid JSON"),
        ("sub-01_task-rest_channels.tsv", "name\ttype\nCz\tEEG\n", "says nothing of the channel 'Fz'"),
        ("sub-01_task-rest_channels.tsv", "name\ttype\nCz\tEEG\nFz\n", "without 2 columns"),
        ("task-rest_sub-01_eeg.json", "{}", "both apply"),
    ):
        before = (folder / name).read_text() if (folder / name).exists() else None
        if told == "both apply":
            (folder / "sub-01_task-rest_eeg.json").write_text("{}")
        (folder / name).write_text(text)
        with pytest.raises(DataError, match=told):
            open_data(recording, format="bids")
        (folder / name).unlink()
        if before is not None:
            (folder / name).write_text(before)
    with pytest.raises(InvalidArgument, match="no name of BIDS"):
        open_data(recording.rename(folder / "x.edf"), format="bids")


def test_from_one_format_to_another(edf: Path, tmp_path: Path) -> None:
    value = open_data(edf)
    for name in ("x.nwb", "x.nc", "x.rds", "x.h5", "y.edf"):
        assert convert(edf, tmp_path / name).lost == (), name
    _same(value, open_data(tmp_path / "y.edf"))
    _same(value, open_data(tmp_path / "x.nc"))
    _same(value, open_data(tmp_path / "x.nwb", variable="acquisition/signals"))


def test_nwb_made_to_harm(tmp_path: Path) -> None:
    """Chunks that unpack to more than they should, links to other files, tables beyond the limit."""
    import zlib

    import h5py

    series = xr.DataArray(np.zeros((1000, 2)), dims=("time", "channel"), attrs={"start": START}, name="eeg")
    for name in ("bomb", "link", "large"):
        save_data(series, tmp_path / f"{name}.nwb")
    with h5py.File(tmp_path / "bomb.nwb", "r+") as file:
        del file["acquisition/eeg/data"]
        made = file["acquisition/eeg"].create_dataset(
            "data", (1000, 2), "f8", chunks=(1000, 2), compression="gzip"
        )
        made.id.write_direct_chunk((0, 0), zlib.compress(bytes(128 << 20)))
        made.attrs.update(unit="uV", conversion=1.0, offset=0.0, resolution=-1.0)
    with pytest.raises(LimitExceeded, match=r"bomb\.nwb: a chunk of /acquisition/eeg/data has 130,\d+ bytes"):
        open_data(tmp_path / "bomb.nwb")
    with h5py.File(tmp_path / "link.nwb", "r+") as file:
        file["acquisition/other"] = h5py.ExternalLink("bomb.nwb", "/acquisition/eeg")
    with pytest.raises(DataError, match=r"link\.nwb: /acquisition/other is a link to another file"):
        open_data(tmp_path / "link.nwb")
    with pytest.raises(LimitExceeded, match=r"large\.nwb: the series eeg takes 24,000 bytes"):
        open_data(tmp_path / "large.nwb", limit=20_000)
