"""EDF and BDF files read by the block: the header by edfio, the samples as they are asked for."""

from __future__ import annotations

import datetime as dt
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError
from arcuate.formats import blocks
from arcuate.formats.format import library
from arcuate.formats.groups import Group
from arcuate.formats.lazily import Source, lazy_array

__all__ = ["DETAILS", "Recording"]

DETAILS = {
    "units": "physical_dimension", "transducer": "transducer_type", "prefiltering": "prefiltering",
    "physical_min": "physical_min", "physical_max": "physical_max",
    "digital_min": "digital_min", "digital_max": "digital_max",
}  # fmt: skip
"""Coordinates of the channels, and what edfio calls them."""
_WIDTHS = (16, 80, 8, 8, 8, 8, 8, 80, 8, 32)
"""Of the fields that the header has for each signal, one field of all signals after the other."""


class Recording:
    """A file whose header was compared with its size; nothing of its samples is in memory.

    Args:
        path: the file.
        variable: the label of one channel; ``None``: all.
        digital: the stored integers instead of physical values.
        partial: a file may be shorter than its header says.
        encoding: of the texts in the header.

    Attributes:
        bytes: what the samples of all channels take in memory.
        labels: of all channels.
        rates: the channels by their sampling rate in Hz.

    Raises:
        DataError: the header is damaged, or does not fit the file.
        NotFoundError: there is no such channel.
        ConversionError: the file has gaps (EDF+D).
    """

    def __init__(
        self, path: Path, variable: str | None, *, digital: bool, partial: bool, encoding: str
    ) -> None:
        self.path, self.digital, self.encoding = path, digital, encoding
        self._check(partial)
        edfio = library("edfio", "formats-neuro")
        names = [self._rest[16 * k : 16 * k + 16] for k in range(len(self._counts))]
        labels = [name.decode("latin-1").strip() for name in names]
        notes = ("BDF Annotations" if self.bdf else "EDF Annotations",)
        self._notes = [k for k, label in enumerate(labels) if label in notes]
        columns = [k for k in range(len(labels)) if k not in self._notes]
        first = self._head + self._rest + next(self._records(0, min(1, self.records)), b"")
        file = self._edfio(edfio, first)
        signals = list(zip(columns, file.signals, strict=True))
        self.labels = [one.label for _, one in signals]
        self.attrs = self._attrs(edfio, file)
        if digital:
            self.attrs["digital"] = True
        chosen = [each for each in signals if variable is None or each[1].label == variable]
        if not chosen and variable is not None:
            known = ", ".join(map(repr, self.labels))
            raise NotFoundError(f"{path.name} has no channel {variable!r}; it has {known}", service="EDF")
        self.rates: dict[float, list[tuple[int, Any]]] = {}
        for each in chosen:
            self.rates.setdefault(float(each[1].sampling_frequency), []).append(each)
        self.bytes = sum(self._counts[k] for k, _ in chosen) * self.records * (4 if digital else 8)

    # --- what it holds

    def read(self) -> Any:
        """All of it: an array, or a dataset of arrays where rates differ."""
        made = {rate: self._array(rate, slice(0, self._length(rate))) for rate in self.rates}
        return self._together({rate: array.assign_attrs(self.attrs) for rate, array in made.items()})

    def group(self) -> Group:
        """The same as a group whose samples are read when they are asked for."""
        few = {rate: self._array(rate, slice(0, min(1, self._length(rate)))) for rate in self.rates}
        value = self._together({rate: one.assign_attrs(self.attrs) for rate, one in few.items()})
        sources: dict[str, Source] = {}
        for rate in self.rates:
            end = f"_{rate:g}Hz" if len(few) > 1 else ""
            for name, source in self._sources(rate, few[rate]).items():
                sources["" if not name and not end else f"{name or 'signals'}{end}"] = source
        return lazy_array(value.isel({dim: slice(0, 1) for dim in value.dims}), sources)

    def _together(self, made: dict[float, xr.DataArray]) -> Any:
        if len(made) == 1:
            return next(iter(made.values()))
        arrays = {}
        for rate, array in made.items():
            end = f"_{rate:g}Hz"
            renamed = array.rename({name: f"{name}{end}" for name in array.coords})
            renamed.attrs = {"sampling_rate": rate}
            arrays[f"signals{end}"] = renamed
        return xr.Dataset(arrays, attrs=self.attrs)

    def _length(self, rate: float) -> int:
        return self._counts[self.rates[rate][0][0]] * self.records

    def _array(self, rate: float, rows: slice) -> xr.DataArray:
        signals = [one for _, one in self.rates[rate]]
        coords: dict[str, Any] = {
            "time": np.arange(rows.start, rows.stop) / rate,
            "channel": np.array([one.label for one in signals], str),
        }
        for name, field in DETAILS.items():
            found = [getattr(one, field) for one in signals]
            coords[name] = ("channel", np.array(found, str if isinstance(found[0], str) else None))
        data = self._samples(rate, rows, slice(0, len(signals)))
        attrs = {"sampling_rate": rate}
        return xr.DataArray(data, dims=("time", "channel"), coords=coords, attrs=attrs)

    def _sources(self, rate: float, few: xr.DataArray) -> dict[str, Source]:
        length, count = self._length(rate), len(self.rates[rate])
        unit = (max(1, self._counts[self.rates[rate][0][0]]), count)

        def samples(places: tuple[slice, ...]) -> xr.Variable:
            rows, channels = (
                slice(*one.indices(size)[:2]) for one, size in zip(places, (length, count), strict=True)
            )
            return xr.Variable(("time", "channel"), self._samples(rate, rows, channels))

        def times(places: tuple[slice, ...]) -> xr.Variable:
            return xr.Variable(("time",), np.arange(*places[0].indices(length)) / rate)

        found = {"": Source((length, count), unit, samples), "time": Source((length,), None, times)}
        for name, one in few.coords.items():
            if name != "time":
                found[str(name)] = Source(one.shape, None, one.variable.__getitem__)
        return found

    # --- samples

    def _samples(self, rate: float, rows: slice, channels: slice) -> Any:
        """The samples of some channels of one rate."""
        chosen = self.rates[rate][channels]
        each = self._counts[self.rates[rate][0][0]]
        dtype: Any = (np.int32 if self.bdf else np.int16) if self.digital else np.float64
        made = np.empty((rows.stop - rows.start, len(chosen)), dtype)
        begin, end = rows.start // each, -(-rows.stop // each)
        at = begin * each
        for block in self._records(begin, end):
            table = np.frombuffer(block, np.uint8).reshape(-1, self._record)
            low, high = max(at, rows.start), min(at + len(table) * each, rows.stop)
            for k, (column, one) in enumerate(chosen):
                start = self._starts[column]
                raw = np.ascontiguousarray(table[:, start : start + each * self._bytes]).reshape(-1)
                made[low - rows.start : high - rows.start, k] = self._scaled(one, self._integers(raw))[
                    low - at : high - at
                ]
            at += len(table) * each
        return made

    def _integers(self, raw: Any) -> Any:
        if not self.bdf:
            return raw.view("<i2")
        wide = np.zeros((len(raw) // 3, 4), np.uint8)
        wide[:, 1:] = raw.reshape(-1, 3)
        return wide.reshape(-1).view("<i4") >> 8

    def _scaled(self, one: Any, integers: Any) -> Any:
        """Physical values, by the same steps as edfio and EDFlib."""
        if self.digital:
            return integers
        if one.physical_min == one.physical_max or one.digital_min == one.digital_max:
            raise ConversionError(
                f"{self.path.name}: the channel {one.label!r} has no scale (its smallest and largest value "
                "are equal); digital=True reads the stored integers"
            )
        gain = (one.physical_max - one.physical_min) / (one.digital_max - one.digital_min)
        offset = one.physical_max / gain - one.digital_max
        return (integers + offset) * gain

    def _records(self, begin: int, end: int) -> Iterator[bytes]:
        """The bytes of data records, some at a time."""
        step = max(1, blocks.BLOCK // self._record)
        with self.path.open("rb") as file:
            file.seek(256 * (len(self._counts) + 1) + begin * self._record)
            for at in range(begin, end, step):
                wanted = (min(at + step, end) - at) * self._record
                found = file.read(wanted)
                if len(found) < wanted:
                    raise DataError(f"{self.path} became shorter while it was read", service="EDF")
                yield found

    # --- the header

    def _check(self, partial: bool) -> None:
        """Compares the header with the size of the file before anything is read by it."""
        path, size = self.path, self.path.stat().st_size
        with path.open("rb") as file:
            self._head = head = file.read(256)
            self.bdf = head[:8] == b"\xffBIOSEMI"
            if len(head) < 256 or not (self.bdf or head[:8].strip() == b"0"):
                raise DataError(f"{path} is no EDF or BDF: its header is damaged or missing", service="EDF")
            records = self._number(head[236:244], "data records")
            count = self._number(head[252:256], "signals")
            length = self._number(head[184:192], "bytes of the header")
            if not 0 < count < 10_000 or length != 256 * (count + 1):
                raise DataError(
                    f"{path} has a damaged header: {count} signals do not fit its length", service="EDF"
                )
            if head[192:197] in (b"EDF+D", b"BDF+D"):
                raise ConversionError(
                    f"{path.name} is discontinuous (EDF+D): its records have gaps, which one evenly spaced "
                    "time has no room for; export it as continuous segments"
                )
            self._rest = rest = file.read(256 * count)
        if len(rest) < 256 * count:
            raise DataError(f"{path} is cut short in its header", service="EDF")
        self._counts = [self._number(rest[216 * count + 8 * k :][:8], "samples") for k in range(count)]
        if any(one <= 0 for one in self._counts):
            raise DataError(f"{path} has a damaged header: a signal without samples", service="EDF")
        self._bytes = 3 if self.bdf else 2
        self._starts = [self._bytes * sum(self._counts[:k]) for k in range(count)]
        self._record = self._bytes * sum(self._counts)
        self.records, left = divmod(size - 256 * (count + 1), self._record)
        if (records not in (-1, self.records) or left) and not partial:
            raise DataError(
                f"{path} is cut short or damaged: its header says {records:,} records of {self._record:,} "
                f"bytes, and there are {self.records:,} and {left:,} bytes; partial=True reads what is there",
                service="EDF",
            )
        if not self.records and records:
            raise DataError(f"{path} is cut short: it has no complete record", service="EDF")

    def _number(self, field: bytes, what: str) -> int:
        try:
            return int(field.decode("ascii").strip())
        except ValueError:
            raise DataError(
                f"{self.path} has a damaged header: {field!r} is no number of {what}", service="EDF"
            ) from None

    def _edfio(self, edfio: Any, data: bytes) -> Any:
        """What edfio makes of a header and a part of the records."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that there are fewer records than the header says
            read = edfio.read_bdf if self.bdf else edfio.read_edf
            return read(io.BytesIO(data), header_encoding=self.encoding)

    def _attrs(self, edfio: Any, file: Any) -> dict[str, Any]:
        attrs: dict[str, Any] = {}
        try:
            attrs["start"] = dt.datetime.combine(file.startdate, file.starttime)
        except edfio.AnonymizedDateError:
            attrs["start_time"] = file.starttime.isoformat()
        attrs["patient"] = file.local_patient_identification
        attrs["recording"] = file.local_recording_identification
        attrs["annotations"] = [
            {
                "onset": float(one.onset),
                "duration": None if one.duration is None else float(one.duration),
                "text": one.text,
            }
            for one in (self._only_notes(edfio).annotations if self._notes else ())
        ]
        return attrs

    def _only_notes(self, edfio: Any) -> Any:
        """The file without its signals: the annotations of all records, and nothing else."""
        count, keep = len(self._counts), self._notes
        head = bytearray(self._head)
        head[184:192], head[252:256] = b"%-8d" % (256 * (len(keep) + 1)), b"%-4d" % len(keep)
        parts, at = [bytes(head)], 0
        for width in _WIDTHS:
            parts += [self._rest[at + width * k : at + width * (k + 1)] for k in keep]
            at += width * count
        spans = [slice(self._starts[k], self._starts[k] + self._bytes * self._counts[k]) for k in keep]
        for block in self._records(0, self.records):
            table = np.frombuffer(block, np.uint8).reshape(-1, self._record)
            parts.append(np.concatenate([table[:, span] for span in spans], axis=1).tobytes())
        return self._edfio(edfio, b"".join(parts))
