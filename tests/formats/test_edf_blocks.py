"""EDF and BDF by the block: each sample is what edfio and EDFlib read."""

from __future__ import annotations

import datetime as dt
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import edfio
import numpy as np
import pyedflib
import pytest
import xarray as xr

from arcuate.errors import ConversionError, Unsupported
from arcuate.formats import blocks, convert, open_batches, open_data

RNG = np.random.default_rng(5)
NOTES = [edfio.EdfAnnotation(at / 2, None, f"stim {at} ž") for at in range(20)]


def recording(path: Path, rates: tuple[int, ...] = (200, 200, 200), seconds: int = 12) -> Any:
    """What edfio writes, with ranges of its own for each channel."""
    bdf = path.suffix == ".bdf"
    cls = edfio.BdfSignal if bdf else edfio.EdfSignal
    signals = [
        cls(RNG.normal(size=rate * seconds) * 10**at, rate, label=f"ch{at}", physical_dimension="uV")
        for at, rate in enumerate(rates)
    ]
    made = (edfio.Bdf if bdf else edfio.Edf)(
        signals, recording=edfio.Recording(startdate=dt.date(2024, 3, 2)), starttime=dt.time(1, 2, 3, 250000),
        annotations=NOTES,
    )  # fmt: skip
    made.write(path)
    return (edfio.read_bdf if bdf else edfio.read_edf)(path)


@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_every_sample_is_that_of_edfio(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = recording(tmp_path / f"x.{suffix}")
    monkeypatch.setattr(blocks, "BLOCK", 3000)
    found = open_data(tmp_path / f"x.{suffix}")
    raw = open_data(tmp_path / f"x.{suffix}", digital=True)
    for at, signal in enumerate(file.signals):
        np.testing.assert_array_equal(found[:, at], signal.data)
        np.testing.assert_array_equal(raw[:, at], signal.digital)
    with pyedflib.EdfReader(str(tmp_path / f"x.{suffix}")) as reader:
        for at in range(3):
            np.testing.assert_array_equal(found[:, at], reader.readSignal(at))
    assert [(one["onset"], one["text"]) for one in found.attrs["annotations"]] == [
        (one.onset, one.text) for one in NOTES
    ]
    assert found.attrs["start"] == dt.datetime(2024, 3, 2, 1, 2, 3, 250000)
    parts = list(open_batches(tmp_path / f"x.{suffix}"))
    assert len(parts) == 12
    xr.testing.assert_identical(xr.concat(parts, "time"), found)
    assert sum(part.size for part in open_batches(tmp_path / f"x.{suffix}", variable="ch1")) == 2400
    for target in ("y.nc", "y.zarr", "y.h5"):
        seen: list[Any] = []
        convert(tmp_path / f"x.{suffix}", tmp_path / target, progress=lambda *told: seen.append(told))  # noqa: B023
        xr.testing.assert_identical(open_data(tmp_path / target), found)
        assert seen[-1][0] == seen[-1][1] > found.size


def test_channels_of_several_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = recording(tmp_path / "x.edf", (200, 50, 200))
    monkeypatch.setattr(blocks, "BLOCK", 3000)
    found = open_data(tmp_path / "x.edf")
    assert found["signals_50Hz"].attrs == {"sampling_rate": 50.0}
    np.testing.assert_array_equal(found["signals_50Hz"][:, 0], file.signals[1].data)
    np.testing.assert_array_equal(found["signals_200Hz"][:, 1], file.signals[2].data)
    convert(tmp_path / "x.edf", tmp_path / "y.zarr")
    xr.testing.assert_identical(open_data(tmp_path / "y.zarr"), found)
    with pytest.raises(Unsupported, match=r"several sampling rates.*variable=.*ch0, ch1, ch2"):
        next(open_batches(tmp_path / "x.edf"))
    parts = list(open_batches(tmp_path / "x.edf", variable="ch1"))
    np.testing.assert_array_equal(np.concatenate([part[:, 0] for part in parts]), file.signals[1].data)


def test_a_channel_without_a_scale(tmp_path: Path) -> None:
    recording(tmp_path / "x.edf")
    data = bytearray((tmp_path / "x.edf").read_bytes())
    count = int(data[252:256])
    at = 256 + count * (16 + 80 + 8)  # physical minimum, then maximum
    data[at + 8 * count : at + 8 * count + 8] = data[at : at + 8]
    (tmp_path / "x.edf").write_bytes(data)
    with pytest.raises(ConversionError, match=r"x\.edf: the channel 'ch0' has no scale.*digital=True"):
        convert(tmp_path / "x.edf", tmp_path / "y.nc")
    assert open_data(tmp_path / "x.edf", digital=True).dtype == np.int16
    assert not (tmp_path / "y.nc").exists()


def large(path: Path, records: int) -> None:
    """A plain file of 32 channels at 1 kHz, written by hand."""
    count = 32
    fields = [(b"ch", 16), (b"", 80), (b"uV", 8), (b"-100", 8), (b"100", 8)]
    wide = path.suffix == ".bdf"
    low, high = (b"-8388608", b"8388607") if wide else (b"-32768", b"32767")
    fields += [(low, 8), (high, 8), (b"", 80), (b"1000", 8), (b"", 32)]
    head = b"\xffBIOSEMI" if wide else b"0".ljust(8)
    head += b"X".ljust(80) + b"X".ljust(80) + b"02.03.2401.02.03" + b"%-8d" % (256 * (count + 1)) + b" " * 44
    head += b"%-8d%-8d%-4d" % (records, 1, count)
    with path.open("wb") as file:
        file.write(head + b"".join(text.ljust(width) * count for text, width in fields))
        block = struct.pack("<I", 0x01020304) * (count * 1000 * (3 if wide else 2) // 4)
        for _ in range(records):
            file.write(block)


MEMORY = """
import resource, sys
from arcuate.formats import blocks, convert, open_batches
blocks.BLOCK = int(sys.argv[4])
few, many, target = sys.argv[1:4]
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
convert(few, target + "/few.nc")
begin = peak()
convert(many, target + "/many.nc")
assert sum(part.sizes["time"] for part in open_batches(many)) > 100_000
assert peak() - begin < int(sys.argv[5]), peak() - begin
"""


def child(tmp_path: Path, suffix: str, records: int, block: int, most: int) -> None:
    large(tmp_path / f"few.{suffix}", 2)
    large(tmp_path / f"many.{suffix}", records)
    given = [
        str(tmp_path / f"few.{suffix}"),
        str(tmp_path / f"many.{suffix}"),
        str(tmp_path),
        str(block),
        str(most),
    ]
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *given], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr


def test_memory_is_bounded_by_the_block(tmp_path: Path) -> None:
    """11 MB of BDF, which are 29 MB of numbers."""
    child(tmp_path, "bdf", 115, 1 << 20, 12)


@pytest.mark.soak
@pytest.mark.parametrize("suffix", ["edf", "bdf"])
def test_memory_of_long_recordings_is_bounded(suffix: str, tmp_path: Path) -> None:
    """An hour: 230 MB of EDF, which are 920 MB of numbers."""
    child(tmp_path, suffix, 3600, blocks.BLOCK, 220)
