"""NetCDF: labelled arrays and datasets by the conventions of CF and xarray, and whatever else in groups."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arcuate.connector import DataError
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size, library
from arcuate.formats.groups import group_of
from arcuate.formats.hdf5 import read_hdf5, write_hdf5
from arcuate.formats.tabular import named_column
from arcuate.formats.trees import clean, pieces, read_group, simplest

__all__ = ["NetCDF"]


class NetCDF(Format):
    """NetCDF-4 by h5netcdf and h5py; NetCDF-3 is read by scipy."""

    name = "netcdf"
    streams = True

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, decode: bool = True
    ) -> Any:
        """What was written; of another's file a DataArray, a Dataset, or a DataTree where it has groups.

        Args:
            path: the file.
            variable: one part.
            limit: bytes in memory.
            decode: whether times, scales and fill values of another's file are decoded, as CF says.
        """
        with path.open("rb") as file:
            head = file.read(8)
        if head[:3] == b"CDF":
            return self._others(path, variable, limit, decode, "scipy")
        if head[:4] != b"\x89HDF":
            raise DataError(f"{path} is no NetCDF file: it begins with {head!r}", service="netcdf")
        with library("h5py").File(path, "r") as file:
            if "arcuate" in file.attrs:
                return read_group(read_hdf5(file, path), path, variable, limit)
            read_hdf5(file, path)  # refuses links to other files
        return self._others(path, variable, limit, decode, "h5netcdf")

    def _others(self, path: Path, variable: str | None, limit: int | None, decode: bool, engine: str) -> Any:
        import xarray as xr

        if engine == "scipy":
            with xr.open_dataset(path, engine="scipy", decode_cf=decode) as dataset:
                return self._loaded(clean(dataset), path, variable, limit)
        with xr.open_datatree(path, engine="h5netcdf", decode_cf=decode) as tree:
            if not tree.children:
                return self._loaded(clean(tree.to_dataset()), path, variable, limit)
            for node in tree.subtree:
                clean(node)
            check_size(path, sum(node.to_dataset(inherit=False).nbytes for node in tree.subtree), limit)
            return named_column(tree.load(), variable, path)

    def _loaded(self, dataset: Any, path: Path, variable: str | None, limit: int | None) -> Any:
        found = named_column(dataset, variable, path)
        check_size(path, found.nbytes, limit)
        return found.load() if variable is not None else simplest(found.load())

    def write(self, value: Any, path: Path, *, lossy: bool = False, compression: int | None = None) -> Kept:
        """Writes any value; labelled arrays and datasets so that every reader of NetCDF knows them.

        Args:
            value: what to write.
            path: where.
            lossy: nothing is lost.
            compression: zlib's level, 1 to 9.
        """
        write_hdf5(group_of(value), path, compression, netcdf=True)
        return Losses(self.name, path, lossy).kept()

    def batches(self, path: Path, *, variable: str | None = None) -> Iterator[Any]:
        """Parts of a labelled array along its first dimension."""
        with library("h5py").File(path, "r") as file:
            yield from pieces(read_hdf5(file, path), variable)

    def in_pieces(self, path: Path, variable: str | None) -> bool:
        return False
