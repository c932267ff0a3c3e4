"""Which formats there are, by name, suffix and first bytes. Nothing of them is imported before it is used."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from arcuate.errors import InvalidArgument
from arcuate.formats.format import Format

__all__ = ["TABLE", "Entry", "by_suffix", "find", "formats", "sniff"]


@dataclass(frozen=True, slots=True)
class Entry:
    """A format before it is imported.

    Attributes:
        place: ``module:Class``.
        suffixes: how names of such files end, in lower case; the longest that fits decides.
        magic: pairs of offset and bytes, one of which such a file has.
        title: what people call it.
    """

    place: str
    suffixes: tuple[str, ...]
    magic: tuple[tuple[int, bytes], ...] = ()
    title: str = ""


HDF5 = tuple((offset, b"\x89HDF\r\n\x1a\n") for offset in (0, 512, 1024, 2048))

TABLE: dict[str, Entry] = {
    "csv": Entry(
        "arcuate.formats.delimited:CSV", (".csv", ".tsv", ".tab", ".csv.gz", ".tsv.gz"), title="CSV"
    ),
    "json": Entry("arcuate.formats.jsonfile:JSON", (".json", ".json.gz"), title="JSON"),
    "jsonl": Entry(
        "arcuate.formats.jsonlines:JSONLines",
        (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz"),
        title="JSON lines",
    ),
    "parquet": Entry("arcuate.formats.parquet:Parquet", (".parquet", ".pq"), ((0, b"PAR1"),), "Parquet"),
    "arrow": Entry(
        "arcuate.formats.arrow:Arrow", (".arrow", ".feather", ".ipc", ".arrows"), ((0, b"ARROW1"),), "Arrow"
    ),
    "netcdf": Entry(
        "arcuate.formats.netcdf:NetCDF", (".nc", ".nc4", ".cdf", ".netcdf"), ((0, b"CDF"),), "NetCDF"
    ),
    "hdf5": Entry("arcuate.formats.hdf5:HDF5", (".h5", ".hdf5", ".he5", ".hdf"), HDF5, "HDF5"),
    "zarr": Entry("arcuate.formats.zarr:Zarr", (".zarr", ".zarr.zip"), title="Zarr"),
    "mat": Entry("arcuate.formats.mat:MAT", (".mat",), ((0, b"MATLAB 5.0"), (0, b"MATLAB 7.3")), "MAT"),
    "mat73": Entry("arcuate.formats.mat:MAT73", (), title="MAT of version 7.3"),
    "rds": Entry("arcuate.formats.rds:RDS", (".rds",), title="RDS"),
    "rdata": Entry(
        "arcuate.formats.rds:RData", (".rdata", ".rda"), ((0, b"RDX2\n"), (0, b"RDX3\n")), "RData"
    ),
    "nifti": Entry(
        "arcuate.formats.nifti:NIfTI", (".nii", ".nii.gz"), ((344, b"n+1\0"), (4, b"n+2\0")), "NIfTI"
    ),
    "edf": Entry("arcuate.formats.edf:EDF", (".edf", ".bdf"), ((0, b"0       "), (0, b"\xffBIOSEMI")), "EDF"),
    "nwb": Entry("arcuate.formats.nwb:NWB", (".nwb",), title="NWB"),
    "bids": Entry("arcuate.formats.bids:BIDS", (".bids",), title="BIDS"),
}
"""Every format by name. Where first bytes fit several, the first in the table is taken."""


def formats() -> list[str]:
    """The names of all formats."""
    return list(TABLE)


def find(path: str, name: str | None = None, *, local: Path | None = None) -> tuple[str, Format]:
    """The format of a file: the one named, else by suffix, else by its first bytes.

    Args:
        path: its path or url.
        name: the format's name, or a suffix such as ``".nc"``.
        local: where its bytes are, if they are here.

    Raises:
        InvalidArgument: no such format, or it cannot be told.
    """
    if name is not None:
        key = name.lower()
        found = key if key in TABLE else by_suffix(key if key.startswith(".") else "." + key)
        if found is None:
            raise InvalidArgument(f"there is no format {name!r}; there are {', '.join(TABLE)}")
        return found, load(found)
    found = by_suffix(path.rstrip("/").lower())
    if found is None and local is not None and local.exists():
        found = sniff(local)
    if found is None:
        known = ", ".join(suffix for entry in TABLE.values() for suffix in entry.suffixes)
        raise InvalidArgument(
            f"the format of {path!r} cannot be told from its name; give format= "
            f"(one of {', '.join(TABLE)}; on the command line --from or --to) "
            f"or a name that ends with {known}"
        )
    return found, load(found)


def load(name: str) -> Format:
    """The format of that name, imported now."""
    module, _, cls = TABLE[name].place.partition(":")
    try:
        made: Format = getattr(importlib.import_module(module), cls)()
    except ModuleNotFoundError as error:
        from arcuate.errors import Unsupported

        raise Unsupported(
            f"the format {name} needs the package {error.name}; type: pip install 'arcuate[formats]'"
        ) from None
    return made


def sniff(path: Path) -> str | None:
    """The format that the first bytes of a file, or the names in a folder, show; ``None`` if none is seen."""
    if path.is_dir():
        names = {"zarr.json", ".zgroup", ".zarray", ".zmetadata"}
        if any((path / name).exists() for name in names):
            return "zarr"
        return "bids" if (path / "dataset_description.json").exists() else None
    with path.open("rb") as file:
        head = file.read(2100)
    for name, entry in TABLE.items():
        if any(head[at : at + len(magic)] == magic for at, magic in entry.magic):
            return name
    return None


def by_suffix(path: str) -> str | None:
    """The format whose suffix, the longest there is, a name in lower case ends with."""
    fitting: Iterator[tuple[int, str]] = (
        (len(suffix), name)
        for name, entry in TABLE.items()
        for suffix in entry.suffixes
        if path.endswith(suffix)
    )
    return max(fitting, default=(0, None))[1]
