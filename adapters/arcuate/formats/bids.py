"""Recordings of a BIDS data set with what their sidecars say: JSON, channels, electrodes and events.

A sidecar applies to every file below its folder whose name has all of its entities (the inheritance
principle): of JSON files all apply, the deeper one wins; of tables the deepest one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import xarray as xr

from arcuate.connector import DataError, NotFoundError
from arcuate.errors import ConversionError, InvalidArgument
from arcuate.formats.cells import Guess
from arcuate.formats.format import LIMIT, Format, Kept, Losses
from arcuate.formats.table import load

__all__ = ["BIDS"]

_INNER = {".edf": "edf", ".bdf": "edf", ".nii": "nifti", ".nii.gz": "nifti", ".nwb": "nwb"}
_MOST = 64 << 20
_TABLES = ("channels", "electrodes")


class BIDS(Format):
    """A recording (EDF, BDF, NIfTI, NWB) with its sidecars, or the only one in a folder."""

    name: ClassVar[str] = "bids"

    def read(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Any:
        """The recording; columns of ``channels.tsv`` and ``electrodes.tsv`` are coordinates of its channels.

        The attribute ``sidecar`` holds the JSON, ``events`` the columns of ``events.tsv``.

        Args:
            path: a recording, or the folder of a data set.
            variable: in a folder, the path of the recording below it.
            limit: most bytes in memory.
        """
        if path.is_dir():
            path, variable = _recording(path, variable), None
        inner, stem, _ = _split(path)
        value = load(inner).read(path, variable=variable, limit=limit)
        if not isinstance(value, (xr.DataArray, xr.Dataset)):
            return value
        folders = _folders(path)
        sidecar: dict[str, Any] = {}
        for one in _applicable(folders, stem, None, ".json"):
            sidecar |= _json(one)
        attrs = dict(value.attrs)
        if sidecar:
            attrs["sidecar"] = sidecar
        events = _applicable(folders, stem, "events", ".tsv")
        if events:
            attrs["events"] = _columns(_table(events[-1]))
        for kind in _TABLES:
            found = _applicable(folders, stem, kind, ".tsv")
            if found and isinstance(value, xr.DataArray) and "channel" in value.dims:
                value = _labelled(value, _table(found[-1]), found[-1], kind)
        return value.assign_attrs(attrs)

    def write(self, value: Any, path: Path, *, lossy: bool = False) -> Kept:
        """Writes a recording with its sidecars beside it: JSON, ``channels.tsv`` and ``events.tsv``.

        What the recording's own format cannot keep is in the sidecars where BIDS has a place for it.
        """
        inner, stem, _ = _split(path)
        if not isinstance(value, xr.DataArray):
            raise ConversionError(f"{path.name}: a {type(value).__name__} is no recording; give a DataArray")
        attrs = dict(value.attrs)
        sidecar, events = attrs.pop("sidecar", None) or {}, attrs.pop("events", None)
        if not isinstance(sidecar, dict):
            raise ConversionError(
                f"{path.name}: the attribute sidecar is a mapping, not {type(sidecar).__name__}"
            )
        plain = value.drop_vars([name for name in value.coords if str(name) not in _own(inner, value)])
        plain = plain.copy(deep=False)  # attributes are shared otherwise
        plain.attrs = attrs
        kept = load(inner).write(plain, path, lossy=lossy)
        losses = Losses("BIDS", path, lossy)
        made = dict(sidecar)
        if inner == "edf" and "sampling_rate" in attrs:
            made.setdefault("SamplingFrequency", float(attrs["sampling_rate"]))
        if made:
            _write_json(path.with_name(f"{stem}.json"), made, losses)
        base = stem.rpartition("_")[0]
        if "channel" in value.dims and inner == "edf":
            _write_channels(path.with_name(f"{base}_channels.tsv"), value, losses)
        if events is not None:
            table = pd.DataFrame(events)
            _write_table(path.with_name(f"{base}_events.tsv"), table, "$.attrs.events", losses)
        return Kept("BIDS", str(path), kept.lost + losses.kept().lost)

    def above(self, folders: list[str]) -> int | None:
        """Those of the session, the subject and the data set."""
        count = 0
        while count + 1 < len(folders) and _inside(folders[: len(folders) - count]):
            count += 1
        return count

    def beside(self, path: Path) -> list[Path]:
        """The sidecars of a recording that writing replaces."""
        _, stem, _ = _split(path)
        base = stem.rpartition("_")[0]
        return [
            path.with_name(f"{stem}.json"),
            path.with_name(f"{base}_channels.tsv"),
            path.with_name(f"{base}_events.tsv"),
        ]


# --- names


def _split(path: Path) -> tuple[str, str, str]:
    """The format of the recording, its name without suffix, and the suffix."""
    for suffix, inner in _INNER.items():
        if path.name.lower().endswith(suffix):
            stem = path.name[: -len(suffix)]
            if "_" not in stem or "-" not in stem:
                raise InvalidArgument(
                    f"{path.name} is no name of BIDS: it is like sub-01_task-rest_eeg{suffix}"
                )
            return inner, stem, suffix
    raise InvalidArgument(
        f"{path.name} is no recording that is read here; those end with {', '.join(_INNER)}"
    )


def _entities(stem: str) -> tuple[dict[str, str], str]:
    *pairs, suffix = stem.split("_")
    return dict(pair.partition("-")[::2] for pair in pairs), suffix


def _inside(folders: list[str]) -> bool:
    """Whether the last of these folders is in a data set, and not that itself."""
    return any(name.startswith(("sub-", "ses-")) for name in folders[-2:])


def _folders(path: Path) -> list[Path]:
    """The folders from that of the data set down to that of the recording."""
    found = [path.absolute().parent]
    while not (found[0] / "dataset_description.json").exists():
        if not _inside(list(found[0].parts)) or found[0].parent == found[0]:
            break
        found.insert(0, found[0].parent)
    return found


def _applicable(folders: list[Path], stem: str, kind: str | None, ending: str) -> list[Path]:
    """The sidecars that apply to a recording, the more special last.

    Raises:
        DataError: two in one folder apply, and neither is more special.
    """
    mine, suffix = _entities(stem)
    found: list[Path] = []
    for folder in folders:
        here = []
        for one in sorted(folder.glob(f"*{kind or suffix}{ending}")):
            theirs, other = _entities(one.name[: -len(ending)])
            if other == (kind or suffix) and all(mine.get(key) == label for key, label in theirs.items()):
                here.append((len(theirs), one))
        here.sort()
        if len(here) > 1 and here[-1][0] == here[-2][0]:
            raise DataError(
                f"{here[-2][1].name} and {here[-1][1].name} both apply to {stem}; BIDS allows one",
                service="BIDS",
            )
        found += [one for _, one in here]
    return found


def _recording(folder: Path, variable: str | None) -> Path:
    if variable is not None:
        path = (folder / variable).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise InvalidArgument(f"{variable!r} leads out of the data set")
        if not path.is_file():
            raise NotFoundError(f"there is no recording {variable!r} in {folder}", service="BIDS")
        return path
    found = sorted(
        one for one in folder.rglob("sub-*") if one.is_file() and one.name.lower().endswith(tuple(_INNER))
    )
    if len(found) != 1:
        some = ", ".join(one.relative_to(folder).as_posix() for one in found[:10]) or "none"
        raise InvalidArgument(f"{folder} has {len(found)} recordings; name one with variable=: {some}")
    return found[0]


# --- reading


def _json(path: Path) -> dict[str, Any]:
    _small(path)
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no valid JSON: {error}", service="BIDS") from None
    if not isinstance(found, dict):
        raise DataError(f"{path} holds a {type(found).__name__}, not a mapping", service="BIDS")
    return found


def _table(path: Path) -> pd.DataFrame:
    _small(path)
    try:
        found = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig", quoting=3)
    except (ValueError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is no valid table: {error}", service="BIDS") from None
    width = len(found.columns)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    if any(line.count("\t") + 1 != width for line in lines if line):
        raise DataError(f"{path} has a row without {width} columns", service="BIDS")
    return found


def _small(path: Path) -> None:
    if path.stat().st_size > _MOST:
        raise DataError(
            f"{path} has {path.stat().st_size:,} bytes; sidecars end at {_MOST:,}", service="BIDS"
        )


def _columns(table: pd.DataFrame) -> dict[str, Any]:
    return {str(name): _values(table[name]) for name in table.columns}


def _values(column: pd.Series) -> Any:
    """Numbers where every value that is there is one, with NaN for ``n/a``; else texts."""
    texts = column.to_numpy(str)
    there = texts[texts != "n/a"]
    guess = Guess()
    guess.ints = len(there) == len(texts)  # among integers there is no NaN
    guess.look(pa.array(there.tolist(), pa.large_string()))
    kind = guess.kind()
    if kind == pa.int64():
        return there.astype(np.int64)
    if kind != pa.float64() or not np.isfinite(there.astype(np.float64)).all():
        return texts
    made = np.full(len(texts), np.nan)
    made[texts != "n/a"] = there.astype(np.float64)
    return made


def _labelled(value: xr.DataArray, table: pd.DataFrame, path: Path, kind: str) -> xr.DataArray:
    if "name" not in table.columns or table["name"].duplicated().any():
        raise DataError(f"{path} has no column name, or a name twice", service="BIDS")
    names = [str(one) for one in value["channel"].values]
    table = table.set_index("name")
    missing = [name for name in names if name not in table.index]
    if kind == "channels" and missing:
        raise DataError(
            f"{path} says nothing of the channel {missing[0]!r}; it names {', '.join(table.index[:10])}",
            service="BIDS",
        )
    table = table.reindex(names, fill_value="n/a")
    coords = {}
    for name in table.columns:
        found = _values(table[name])
        key = str(name)
        if key in value.coords:
            if value[key].dtype.kind == found.dtype.kind and np.array_equal(value[key].values, found):
                continue
            key = f"bids_{key}"
        coords[key] = ("channel", found)
    return value.assign_coords(coords)


# --- writing


def _own(inner: str, value: xr.DataArray) -> set[str]:
    """The coordinates that the recording's own format keeps."""
    if inner == "edf":
        from arcuate.formats.edf import KNOWN

        return set(KNOWN)
    return {str(name) for name in value.coords}


def _write_json(path: Path, made: dict[str, Any], losses: Losses) -> None:
    try:
        text = json.dumps(made, indent=2, ensure_ascii=False, allow_nan=False, default=_jsonable)
    except (TypeError, ValueError) as error:
        raise losses.refuse(
            "$.attrs.sidecar",
            f"it cannot be written as JSON ({error})",
            "use texts, numbers, lists and mappings",
        ) from None
    path.write_text(text + "\n", encoding="utf-8")


def _jsonable(one: Any) -> Any:
    if isinstance(one, (np.ndarray, np.generic)):
        return one.tolist()
    raise TypeError(f"a {type(one).__name__}")


def _write_channels(path: Path, value: xr.DataArray, losses: Losses) -> None:
    names = (
        [str(one) for one in value["channel"].values]
        if "channel" in value.coords
        else [f"ch{k}" for k in range(value.sizes["channel"])]
    )
    table: dict[str, Any] = {"name": names}
    given = {
        str(name).removeprefix("bids_"): one for name, one in value.coords.items() if one.dims == ("channel",)
    }
    for name in ("type", "units"):
        found = given.get(name)
        table[name] = ["n/a"] * len(names) if found is None else [str(one) or "n/a" for one in found.values]
    for name, one in given.items():
        if name not in (
            "channel",
            "type",
            "units",
            "physical_min",
            "physical_max",
            "digital_min",
            "digital_max",
            "transducer",
            "prefiltering",
        ):
            table[name] = one.values
    for key, one in value.coords.items():
        if one.dims != ("channel",) and str(key) not in ("time", "channel"):
            losses.add(f"$.coords[{str(key)!r}]", "this coordinate is not kept", "save it as .nc")
    _write_table(path, pd.DataFrame(table), "$.coords", losses)


def _texts(values: Any) -> list[str]:
    found = []
    for one in values.tolist():
        if one is None or one != one or one == "":
            found.append("n/a")
        else:
            found.append(repr(one) if isinstance(one, float) else str(one))
    return found


def _kept(given: Any, back: Any) -> bool:
    """Whether a column is the same when it is read again; a missing text is ``n/a`` there."""
    if given.dtype.kind in "iuf":
        same = back.dtype.kind in "iuf" and (back.dtype.kind == "f") == (given.dtype.kind == "f")
        return bool(same and np.array_equal(back, given, equal_nan=given.dtype.kind == "f"))
    texts = ["n/a" if one is None or one != one else one for one in given.tolist()]
    return bool(texts == back.tolist())


def _write_table(path: Path, table: pd.DataFrame, where: str, losses: Losses) -> None:
    for name in table.columns:
        given = table[name].to_numpy()
        table[name] = _texts(given)
        back = _values(table[name])
        if not _kept(given, back):
            losses.add(
                f"{where}[{str(name)!r}]",
                f"its values come back as {back.dtype}, or as others, from a table of texts",
                "save it as .nc",
            )
        for text in table[name]:
            if "\t" in text or "\n" in text or "\r" in text:
                raise ConversionError(
                    f"{path.name}: {text!r} has a tab or line end, which a table of BIDS cannot hold"
                )
    path.write_text(table.to_csv(sep="\t", index=False, quoting=3, lineterminator="\n"), encoding="utf-8")
