"""NWB: time series with their electrodes and times, tables of electrodes, units and trials, by pynwb."""

from __future__ import annotations

import datetime as dt
import json
import uuid
import warnings
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from arcuate.connector import NotFoundError
from arcuate.errors import ConversionError
from arcuate.formats import exact
from arcuate.formats.format import LIMIT, Format, Kept, Losses, LossyWarning, check_size, library
from arcuate.formats.hdf5 import check_file
from arcuate.formats.hdf5_disk import created
from arcuate.formats.node import Node

__all__ = ["NWB"]

_MARK = "arcuate: "
_TABLES = ("electrodes", "units", "trials", "epochs", "invalid_times")
_ONE = {"conversion": 1.0, "offset": 0.0}
_FIELDS = (
    "identifier",
    "session_description",
    "session_start_time",
    "experimenter",
    "lab",
    "institution",
    "session_id",
    "experiment_description",
    "keywords",
    "notes",
    "protocol",
    "pharmacology",
    "surgery",
    "virus",
    "slices",
    "data_collection",
    "stimulus_notes",
    "related_publications",
)


class NWB(Format):
    """One session: what it holds by path."""

    name: ClassVar[str] = "nwb"

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, scaled: bool = False
    ) -> Any:
        """Everything that can be read by path, such as ``acquisition/eeg`` or ``units``; or one of them.

        Time series are labelled arrays of the stored numbers; ``numbers * conversion + offset`` are of
        their ``unit``, all three attributes. Tables are data frames.

        Args:
            path: the file.
            variable: one path.
            limit: most bytes in memory.
            scaled: gives ``numbers * conversion + offset``.
        """
        pynwb = library("pynwb", "formats-neuro")
        with library("h5py", "formats-neuro").File(path, "r") as raw:
            check_file(raw, path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pynwb.NWBHDF5IO(path, "r") as io:
                file = io.read()
                found = _parts(file)
                if variable is not None:
                    if variable not in found:
                        raise NotFoundError(
                            f"{path.name} has no {variable!r}; it has {', '.join(found) or 'nothing'}",
                            service="NWB",
                        )
                    found = {variable: found[variable]}
                values: dict[str, Any] = {}
                strange = []
                for name, part in found.items():
                    made = _value(pynwb, part, path, limit, scaled)
                    if made is None:
                        strange.append(f"{name} ({part.neurodata_type})")
                    else:
                        values[name] = made
                session = {
                    key: _plain(getattr(file, key)) for key in _FIELDS if getattr(file, key) is not None
                }
                if file.subject is not None:
                    session["subject"] = {key: _plain(one) for key, one in file.subject.fields.items()}
        for made in values.values():
            if isinstance(made, xr.DataArray) and not made.attrs.pop(_MARK, False):
                made.attrs.setdefault("session", session)
        if variable is not None:
            if not values:
                raise ConversionError(
                    f"{path.name}: {strange[0]} is neither a time series nor a table; read it with pynwb"
                )
            return values[variable]
        if strange:
            warnings.warn(
                f"{path.name}: not read, as they are no time series or tables: {', '.join(strange)}",
                LossyWarning,
                stacklevel=4,
            )
        return {"session": session, **values}

    def write(self, value: Any, path: Path, *, lossy: bool = False) -> Kept:
        """Writes one time series ``(time, channel)`` or ``(time,)``, or several in a mapping, as acquisition.

        Coordinates and attributes that NWB has no place for are in the comments of the series, and come back.
        """
        pynwb = library("pynwb", "formats-neuro")
        losses = Losses("NWB", path, lossy)
        arrays = value if isinstance(value, dict) else {str(getattr(value, "name", None) or "signals"): value}
        arrays = {key.removeprefix("acquisition/"): one for key, one in arrays.items() if key != "session"}
        for key, one in arrays.items():
            if not isinstance(one, xr.DataArray) or "time" not in one.dims or not one.ndim or "/" in key:
                raise losses.refuse(
                    f"$[{key!r}]",
                    f"a {type(one).__name__} named {key!r} is no time series",
                    "give DataArrays with the dim time",
                )
        session = _session(value, arrays, losses)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            file = pynwb.NWBFile(**session)
            for key, one in arrays.items():
                file.add_acquisition(_series(pynwb, key, one, losses))
            with created(path) as (raw, _), pynwb.NWBHDF5IO(mode="w", file=raw) as io:
                io.write(file)
        return losses.kept()


# --- reading


def _parts(file: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group in ("acquisition", "stimulus", "stimulus_template", "analysis", "scratch", "intervals"):
        for name, part in (getattr(file, group, None) or {}).items():
            if group == "intervals" and name in _TABLES:
                continue  # below, under its own name
            _gather(f"{group}/{name}", part, found)
    for module, processing in (file.processing or {}).items():
        for name, part in processing.data_interfaces.items():
            _gather(f"processing/{module}/{name}", part, found)
    for name in _TABLES:
        part = getattr(file, name, None)
        if part is not None:
            found[name] = part
    return found


def _gather(name: str, part: Any, found: dict[str, Any]) -> None:
    """A container of series, such as LFP, is passed through."""
    for kind in ("electrical_series", "spatial_series", "time_series"):
        inner = getattr(part, kind, None)
        if inner is not None and hasattr(inner, "items"):
            for key, one in inner.items():
                found[f"{name}/{key}"] = one
            return
    found[name] = part


def _value(pynwb: Any, part: Any, path: Path, limit: int | None, scaled: bool) -> Any:
    if hasattr(part, "to_dataframe"):
        size = sum(_bytes(one.data) for one in getattr(part, "columns", ()))
        check_size(path, size, limit, f"the table {part.name}")
        table = part.to_dataframe()
        for name in table.columns:
            if table[name].dtype == object and len(table):
                table[name] = [_cell(one) for one in table[name]]
        return table
    if (
        not isinstance(part, pynwb.TimeSeries)
        or not hasattr(part.data, "shape")
        or part.data.dtype.kind not in "iufb"
    ):
        return None
    shape = part.data.shape
    count = prod(shape) * (8 if scaled else part.data.dtype.itemsize)
    count += 8 * prod(getattr(part.timestamps, "shape", shape[:1]))
    check_size(path, count, limit, f"the series {part.name}")
    data = np.asarray(part.data[()])
    each = getattr(part, "channel_conversion", None)
    scaled = scaled and data.dtype.kind in "iuf"
    if scaled:
        factor = float(part.conversion) * (1.0 if each is None else np.asarray(each[:], np.float64))
        data = data * factor + float(getattr(part, "offset", 0.0) or 0.0)
    attrs = {
        "unit": part.unit,
        "conversion": float(part.conversion),
        "offset": float(getattr(part, "offset", 0.0) or 0.0),
        "resolution": float(part.resolution),
        "description": part.description,
    }
    for key in ("filtering", "reference_frame", "continuity", "control_description"):
        if part.fields.get(key) is not None:
            attrs[key] = _plain(part.fields[key])
    coords: dict[str, Any] = {}
    if part.control is not None:
        coords["control"] = ("time", np.asarray(part.control[:]))
    if part.rate is not None:
        attrs["sampling_rate"] = float(part.rate)
        coords["time"] = float(part.starting_time or 0.0) + np.arange(shape[0]) / float(part.rate)
    elif part.timestamps is not None:
        coords["time"] = np.asarray(
            part.timestamps[()] if hasattr(part.timestamps, "shape") else part.timestamps, np.float64
        )
    dims = ("time", "channel", *(f"dim_{k}" for k in range(2, len(shape))))[: len(shape)]
    if scaled:  # and nobody is to do it again
        attrs |= _ONE
    if each is not None and len(shape) > 1:
        coords["channel_conversion"] = ("channel", np.asarray(each[:], np.float64))
    comments = part.comments or ""
    if comments.startswith(_MARK):
        return _restored(data, coords, json.loads(comments.removeprefix(_MARK)), _ONE if scaled else {})
    if comments and comments != "no comments":
        attrs["comments"] = comments
    electrodes = getattr(part, "electrodes", None)
    if electrodes is not None and len(shape) > 1 and hasattr(electrodes, "to_dataframe"):
        table = electrodes.to_dataframe()
        for name in table.columns:
            column = table[name]
            plain = [one.name if hasattr(one, "name") else one for one in column]
            numbers = getattr(column.dtype, "kind", "O") in "iufb"
            coords[str(name)] = ("channel", np.asarray(column) if numbers else np.array(plain, str))
        coords["channel"] = np.asarray(table.index)
        if "label" in table or "channel_name" in table:
            coords["channel"] = np.array(table["label" if "label" in table else "channel_name"], str)
    return xr.DataArray(data, dims=dims, coords=coords, attrs=attrs, name=part.name)


def _bytes(data: Any) -> int:
    """What a column of a table takes in memory; a text as an object of 64 bytes."""
    each = getattr(getattr(data, "dtype", None), "itemsize", 64)
    return int(prod(getattr(data, "shape", (len(data),))) * each)


def _restored(data: Any, times: dict[str, Any], kept: dict[str, Any], more: dict[str, Any]) -> xr.DataArray:
    """A series that was written here, with what rode in its comments."""
    model = exact.node_of(kept["labels"]).python()
    coords = {
        name: times["time"] if name == "time" and kept["time"] else model["coords"].coords[name]
        for name in kept["order"]
    }
    attrs = {**model["attrs"], **more, _MARK: True}  # it has its session in its own way, or none
    made = xr.DataArray(data, dims=kept["dims"], coords=coords, attrs=attrs, name=kept["name"])
    return made.transpose(*kept.get("were", kept["dims"]))


def _cell(one: Any) -> Any:
    if isinstance(one, np.ndarray):
        return one
    return one.name if hasattr(one, "neurodata_type") else one


def _plain(found: Any) -> Any:
    if isinstance(found, dt.datetime) and found.tzinfo is not None:
        return found.replace(tzinfo=dt.timezone(found.utcoffset() or dt.timedelta()))
    if hasattr(found, "shape") and hasattr(found, "dtype"):  # texts that are still in the file
        found = [str(one) for one in found[:]]
    return list(found) if isinstance(found, tuple) else found


# --- writing


def _session(value: Any, arrays: dict[str, Any], losses: Losses) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if isinstance(value, dict) and isinstance(value.get("session"), dict):
        given = dict(value["session"])
    first = next(iter(arrays.values()), None)
    attrs = first.attrs if first is not None else {}
    if not given and isinstance(attrs.get("session"), dict):
        given = dict(attrs["session"])
    start = given.get("session_start_time", attrs.get("start"))
    if start is None:
        raise losses.refuse(
            "$.attrs.start",
            "NWB needs the time when the session began",
            "give the attribute start, a datetime",
        )
    if not isinstance(start, dt.datetime):
        start = dt.datetime.fromisoformat(
            str(np.datetime_as_string(start, "us") if isinstance(start, np.datetime64) else start)
        )
    known = {key: given[key] for key in _FIELDS if key in given}
    if isinstance(given.get("subject"), dict):
        known["subject"] = library("pynwb", "formats-neuro").file.Subject(**given["subject"])
    return {
        "session_description": "no description", "identifier": str(uuid.uuid4()), **known,
        "session_start_time": start,
    }  # fmt: skip


def _series(pynwb: Any, key: str, array: xr.DataArray, losses: Losses) -> Any:
    were = [str(dim) for dim in array.dims]
    array = array.transpose("time", ...) if array.dims[0] != "time" else array
    if array.dtype.kind not in "iufb":
        raise losses.refuse(f"$[{key!r}]", f"a series holds numbers, not {array.dtype}", "convert it")
    times = np.asarray(array["time"]) if "time" in array.coords else None
    timing: dict[str, Any] = {"rate": float(array.attrs.get("sampling_rate", 1.0)), "starting_time": 0.0}
    seconds = times is not None and times.dtype.kind in "iuf"
    if times is not None and seconds and len(times):
        rate = array.attrs.get("sampling_rate")
        if rate is None and len(times) > 1 and times[-1] > times[0]:
            rate = (len(times) - 1) / float(times[-1] - times[0])
        start = float(times[0])
        if rate and np.array_equal(times, start + np.arange(len(times)) / float(rate)):
            timing = {"rate": float(rate), "starting_time": start}
        else:
            timing = {"timestamps": times.astype(np.float64)}
    elif times is not None and len(times):
        if times.dtype.kind != "M":
            raise losses.refuse(
                f"$[{key!r}].coords.time",
                f"times are seconds or datetimes, not {times.dtype}",
                "convert them",
            )
        timing = {"timestamps": (times - times[0]) / np.timedelta64(1, "s")}
    exactly = seconds and times is not None and times.dtype == np.float64 and not array["time"].attrs
    others = array.drop_vars("time") if exactly else array
    node = Node.of({"coords": _holder(others), "attrs": dict(array.attrs)})
    kept = {
        "dims": [str(dim) for dim in array.dims], "name": array.name, "time": exactly,
        "order": [str(name) for name in array.coords], "labels": exact.plain_of(node), "were": were,
    }  # fmt: skip
    return pynwb.TimeSeries(
        name=key,
        data=np.asarray(array),
        unit=str(array.attrs.get("unit", array.attrs.get("units", _unit(array)))),
        conversion=float(array.attrs.get("conversion", 1.0)),
        offset=float(array.attrs.get("offset", 0.0)),
        resolution=float(array.attrs.get("resolution", -1.0)),
        description=str(array.attrs.get("description", "no description")),
        comments=_MARK + json.dumps(kept, ensure_ascii=False),
        **timing,
    )


def _holder(array: xr.DataArray) -> xr.DataArray:
    """An array that has the coordinates without the dim time."""
    dims = [dim for dim in array.dims if dim != "time"]
    coords = {name: one for name, one in array.coords.items() if "time" not in one.dims}
    if len(coords) != len(array.coords):
        return xr.DataArray(np.zeros(array.shape, "i1"), dims=array.dims, coords=array.coords)
    return xr.DataArray(np.zeros([array.sizes[dim] for dim in dims], "i1"), dims=dims, coords=coords)


def _unit(array: xr.DataArray) -> str:
    if "units" in array.coords and array["units"].dtype.kind in "UTO":
        found = {str(one) for one in np.atleast_1d(array["units"].values)}
        return found.pop() if len(found) == 1 else "mixed"
    return "unknown"
