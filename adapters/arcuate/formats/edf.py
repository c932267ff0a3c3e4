"""EDF, EDF+, BDF and BDF+: signals with channels, units, start and annotations, by edfio.

A file of one sampling rate is a labelled array ``(time, channel)``; one of several rates is a dataset with
a variable per rate. What the header says of each channel are coordinates of it.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from arcuate.errors import ConversionError, Unsupported
from arcuate.formats.edf_read import DETAILS, Recording
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size, library
from arcuate.formats.groups import Group
from arcuate.formats.trees import pieces

__all__ = ["EDF", "KNOWN"]

_EXTRA = "formats-neuro"
KNOWN = {"time", "channel", *DETAILS}
_ATTRS = {"sampling_rate", "start", "patient", "recording", "annotations", "start_time"}


class EDF(Format):
    """Recordings as EDF, or as BDF where the name ends so."""

    name: ClassVar[str] = "edf"
    streams: ClassVar[bool] = True

    def read(
        self,
        path: Path,
        *,
        variable: str | None = None,
        limit: int | None = LIMIT,
        digital: bool = False,
        partial: bool = False,
        encoding: str = "ascii",
    ) -> Any:
        """The signals.

        Args:
            path: the file.
            variable: the label of one channel.
            limit: most bytes in memory.
            digital: the stored integers instead of physical values.
            partial: read what is there of a file that is shorter than its header says.
            encoding: of the texts in the header; ``latin-1`` for files with ``µV``.
        """
        found = Recording(path, variable, digital=digital, partial=partial, encoding=encoding)
        check_size(path, found.bytes, limit, "its signals")
        return found.read()

    def batches(self, path: Path, *, variable: str | None = None) -> Iterator[Any]:
        """The signals in parts along time, of channels that have one sampling rate."""
        found = _whole(path, variable)
        if len(found.rates) > 1:
            raise Unsupported(
                f"{path.name} has several sampling rates; one channel is read piece by piece with variable=, "
                f"one of {', '.join(found.labels)}"
            )
        yield from pieces(found.group(), None)

    def in_pieces(self, path: Path, variable: str | None) -> bool:
        return len(_whole(path, variable).rates) == 1

    def takes(self, piece: Any) -> bool:
        return False  # the range of all values has to be known before the first is written

    @contextlib.contextmanager
    def lazily(self, path: Path) -> Iterator[Group]:
        yield _whole(path, None).group()

    def write(self, value: Any, path: Path, *, lossy: bool = False) -> Kept:
        """Writes an array ``(time, channel)``, or a dataset of such as :meth:`read` gives it.

        Values are stored as integers of 16 bits (24 in BDF) between the smallest and largest of a channel,
        or the ``physical_min`` and ``physical_max`` that it came with. By how much that changes them is
        measured.
        """
        edfio = library("edfio", _EXTRA)
        bdf = path.name.lower().endswith(".bdf")
        losses = Losses("BDF" if bdf else "EDF", path, lossy)
        arrays = _arrays(value, losses)
        attrs = dict(value.attrs)
        if attrs.pop("digital", False):
            losses.add(
                "$.attrs.digital",
                "stored integers would be written as if they were of the units, without their scale",
                "read the file without digital=True, or drop the attribute digital",
            )
        cls = edfio.BdfSignal if bdf else edfio.EdfSignal
        signals = []
        seconds: dict[float, int] = {}
        for prefix, array, rate in arrays:
            seconds[rate] = array.shape[0]
            channels = range(array.shape[1])
            signals += [_signal(cls, bdf, array, k, rate, prefix, losses) for k in channels]
        for key in attrs:
            if key not in _ATTRS:
                losses.add(
                    f"$.attrs[{key!r}]",
                    "this attribute is not kept",
                    "write BIDS sidecars (format='bids'), or save it as .nc",
                )
        duration = _record(seconds, len(signals) * (3 if bdf else 2), losses)
        made = _file(edfio, bdf, signals, attrs, duration, losses)
        made.write(path)
        return losses.kept()


def _whole(path: Path, variable: str | None) -> Recording:
    return Recording(path, variable, digital=False, partial=False, encoding="ascii")


# --- writing


def _arrays(value: Any, losses: Losses) -> list[tuple[str, xr.DataArray, float]]:
    if isinstance(value, xr.DataArray):
        if value.name is not None and ("channel" in value.dims or "channel" in value.coords):
            losses.add("$", f"the name {value.name!r} is not kept", "rename(None), or save it as .nc")
        return [("$", *_regular(value, "$", losses))]
    if isinstance(value, xr.Dataset) and value.data_vars:
        found = []
        for name, array in value.data_vars.items():
            suffix = str(name).removeprefix("signals_")
            plain = array.rename(
                {one: str(one).removesuffix(f"_{suffix}") for one in (*array.dims, *array.coords)}
            )
            regular, rate = _regular(plain, f"$.{name}", losses)
            found.append((f"$.{name}", regular, rate))
            if len(value.data_vars) == 1 or str(name) != f"signals_{rate:g}Hz":
                losses.add(
                    f"$.{name}",
                    f"the name is not kept: signals of several rates are read as signals_{rate:g}Hz",
                    "rename it, or save it as .nc",
                )
            _only(array.attrs, ("sampling_rate", "units"), f"$.{name}", losses)
        return found
    raise losses.refuse(
        "$", f"a {type(value).__name__} is no recording", "give a DataArray with the dims time and channel"
    )


def _only(attrs: Any, known: tuple[str, ...], path: str, losses: Losses) -> None:
    """Says which attributes EDF has no place for."""
    for key in attrs:
        if key not in known:
            losses.add(f"{path}.attrs[{str(key)!r}]", "this attribute is not kept", "save it as .nc")


def _regular(array: xr.DataArray, path: str, losses: Losses) -> tuple[xr.DataArray, float]:
    """The array as ``(time, channel)`` and its rate."""
    if set(map(str, array.dims)) == {"time"}:
        array = array.expand_dims("channel")
        if "channel" not in array.coords:
            array = array.assign_coords(channel=["signal" if array.name is None else str(array.name)])
    if set(map(str, array.dims)) != {"time", "channel"}:
        raise losses.refuse(path, f"its dims are {tuple(array.dims)}", "rename them to time and channel")
    array = array.transpose("time", "channel")
    if array.dtype.kind not in "iufb":
        raise losses.refuse(path, f"signals are numbers, not {array.dtype}", "convert them to float64")
    if "channel" in array.coords and array["channel"].dtype.kind not in "UOT":
        losses.add(
            f"{path}.coords.channel",
            f"labels of the type {array['channel'].dtype} come back as texts",
            "convert them with astype(str)",
        )
    times = (
        np.asarray(array["time"], np.float64)
        if "time" in array.coords and array["time"].dtype.kind in "iuf"
        else None
    )
    rate = array.attrs.get("sampling_rate")
    if rate is None and times is not None and len(times) > 1:
        rate = float(np.round((len(times) - 1) / (times[-1] - times[0]), 9)) if times[-1] > times[0] else None
    if rate is None or not (isinstance(rate, (int, float, np.number)) and rate > 0):
        raise losses.refuse(path, "its sampling rate is not known", "give the attribute sampling_rate, in Hz")
    rate = float(rate)
    if times is not None and len(times):
        wanted = np.arange(len(times)) / rate
        if not (np.abs(times - wanted) <= 1e-9 * np.maximum(np.abs(wanted), 1)).all():
            losses.add(
                f"{path}.coords.time",
                f"times other than sample / {rate:g} Hz from 0 are not kept",
                "save it as .nc",
            )
    elif "time" in array.coords:
        losses.add(
            f"{path}.coords.time", "times other than seconds from the start are not kept", "save it as .nc"
        )
    for name, one in array.coords.items():
        _only(one.attrs, (), f"{path}.coords[{str(name)!r}]", losses)
        if str(name) not in KNOWN:
            losses.add(
                f"{path}.coords[{str(name)!r}]",
                "this coordinate is not kept",
                "write BIDS sidecars (format='bids'), or save it as .nc",
            )
    return array, rate


def _signal(cls: Any, bdf: bool, array: xr.DataArray, k: int, rate: float, path: str, losses: Losses) -> Any:
    given = np.asarray(array[:, k])
    data = given.astype(np.float64)
    label = str(array["channel"].values[k]) if "channel" in array.coords else f"ch{k}"
    where = f"{path}[:, {label!r}]"
    if not np.isfinite(data).all():
        raise losses.refuse(
            where,
            "NaN and infinite values cannot be stored as integers",
            "interpolate or cut them, or save it as .nc",
        )

    def detail(name: str, default: Any) -> Any:
        return (
            array[name].values[k].item()
            if name in array.coords and array[name].dims == ("channel",)
            else default
        )

    texts = {
        "label": label,
        "transducer_type": str(detail("transducer", "")),
        "prefiltering": str(detail("prefiltering", "")),
    }
    units = str(detail("units", array.attrs.get("units", "")))
    texts["physical_dimension"] = units.replace("\N{MICRO SIGN}", "u").replace(
        "\N{GREEK SMALL LETTER MU}", "u"
    )
    for name, room in (
        ("label", 16),
        ("transducer_type", 80),
        ("prefiltering", 80),
        ("physical_dimension", 8),
    ):
        text = texts[name]
        if not (text.isascii() and text.isprintable() and len(text) <= room) or text != text.rstrip():
            losses.add(
                where,
                f"the {name.replace('_', ' ')} {text!r} is not kept: EDF has {room} ASCII characters",
                "shorten it",
            )
            texts[name] = text.encode("ascii", "replace").decode()[:room].rstrip()
    if texts["physical_dimension"] != units and units:
        losses.add(where, f"the unit {units!r} is written {texts['physical_dimension']!r}", "rename it so")
    own = [detail(name, math.nan) for name in ("physical_min", "physical_max", "digital_min", "digital_max")]
    made, wrong = _rounded(
        data, own, 1 << 23 if bdf else 1 << 15, lambda sent, **ranges: cls(sent, rate, **ranges, **texts)
    )
    back = made.data
    if wrong:
        rms = float(np.sqrt(np.mean((back - data) ** 2)))
        losses.add(
            where,
            f"values are rounded to {24 if bdf else 16} bits: by at most {wrong:.3g} {units}".rstrip()
            + f", {rms:.3g} rms",
            "save it as .nc" if bdf else "save it as .bdf or .nc",
        )
    return made


def _rounded(data: Any, own: list[float], depth: int, make: Callable[..., Any]) -> tuple[Any, float]:
    """The signal with the range that changes it least, and by how much it does.

    Tried are the range that it came with, whole numbers as they are, and the range of its values.
    """
    low, high = (float(data.min()), float(data.max())) if data.size else (0.0, 1.0)
    tried: list[tuple[tuple[float, float], tuple[int, int]]] = []
    if not any(math.isnan(one) for one in own) and -depth <= own[2] < own[3] < depth:
        step = abs(own[1] - own[0]) / (own[3] - own[2])
        if (
            min(own[:2]) - step / 4 <= low and high <= max(own[:2]) + step / 4
        ):  # decoded values are rounded, too
            tried.append(((own[0], own[1]), (int(own[2]), int(own[3]))))
    full = (-depth, depth - 1)
    if -depth <= low and high < depth:
        tried.append((full, full))
    tried.append(((_eight(low, down=True), _eight(high if high > low else low + 1, down=False)), full))
    best: tuple[Any, float] | None = None
    for physical, digital in tried:
        try:
            sent = np.clip(data, min(physical), max(physical))
            made = make(sent, physical_range=physical, digital_range=digital)
        except ValueError:  # a range that eight characters do not say
            continue
        wrong = float(np.abs(made.data - data).max(initial=0.0))
        if best is None or wrong < best[1]:
            best = (made, wrong)
        if not wrong:
            break
    if best is None:
        raise ConversionError(f"values from {low:g} to {high:g} do not fit EDF's header; scale the signal")
    return best


def _eight(number: float, *, down: bool) -> float:
    """The nearest number at or beyond this one that eight characters can say."""
    for digits in range(7, -1, -1):
        scale = 10.0**digits
        found = (math.floor(number * scale) if down else math.ceil(number * scale)) / scale
        text = str(int(found) if float(found).is_integer() else found)
        if len(text) <= 8 and (found <= number if down else found >= number):
            return found
    raise ConversionError(
        f"a value of {number:g} does not fit the eight characters of EDF's header; scale the signal"
    )


def _record(lengths: dict[float, int], width: int, losses: Losses) -> float | None:
    """The duration of a data record into which all signals divide exactly."""
    if not lengths:
        return None
    total = [length / rate for rate, length in lengths.items()]
    if any(abs(one - total[0]) > 1e-9 for one in total):
        raise losses.refuse(
            "$", f"its signals last {sorted(set(total))} seconds", "cut them to the same duration"
        )
    (rate, length), *others = lengths.items()
    best = None
    for samples in range(1, length + 1):
        if length % samples:
            continue
        duration = samples / rate
        text = str(int(duration) if float(duration).is_integer() else duration)
        if len(text) > 8 or samples / duration != rate:
            continue
        count = length // samples
        if any(n % count or (n // count) / duration != r for r, n in others):
            continue
        if best is None or duration <= 1 or samples * width <= 61440:
            best = duration
        if duration >= 1:
            break
    if best is None:
        raise losses.refuse(
            "$",
            f"{length:,} samples at {rate:g} Hz do not divide into data records",
            "pad or cut it to whole seconds",
        )
    return best


def _file(
    edfio: Any, bdf: bool, signals: list[Any], attrs: dict[str, Any], duration: float | None, losses: Losses
) -> Any:
    start = attrs.get("start")
    if isinstance(start, np.datetime64):
        start = start.astype("M8[us]").item()
    if start is not None and not isinstance(start, dt.datetime):
        start = dt.datetime.fromisoformat(str(start))
    if start is not None and start.tzinfo is not None:
        losses.add("$.attrs.start", "the zone is not kept", "give the local time without a zone")
        start = start.replace(tzinfo=None)
    time = (
        start.time() if start is not None else dt.time.fromisoformat(str(attrs.get("start_time", "00:00:00")))
    )
    if start is not None and not 1985 <= start.year <= 2084:
        raise losses.refuse(
            "$.attrs.start", f"EDF has dates from 1985 to 2084, not {start.date()}", "shift it"
        )
    notes = []
    for one in attrs.get("annotations") or []:
        length = one.get("duration")
        notes.append(
            edfio.EdfAnnotation(
                float(one["onset"]),
                None if length is None or length != length else float(length),
                str(one["text"]),
            )
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = (edfio.Bdf if bdf else edfio.Edf)(
            signals,
            recording=edfio.Recording(startdate=None if start is None else start.date()),
            starttime=time,
            data_record_duration=duration,
            annotations=notes or None,
        )
    for key, field in (
        ("patient", "local_patient_identification"),
        ("recording", "local_recording_identification"),
    ):
        text = attrs.get(key)
        if text is None:
            continue
        if not (isinstance(text, str) and text.isascii() and len(text) <= 80):
            losses.add(f"$.attrs.{key}", "it is not kept: EDF has 80 ASCII characters", "shorten it")
            continue
        dated = (
            start is not None
            and text.startswith("Startdate")
            and start.strftime("%d-%b-%Y").upper() not in text
        )
        if dated:
            losses.add(f"$.attrs.{key}", "it is not kept: it has another date than start", "drop it")
        else:
            setattr(made, field, text)
    return made
