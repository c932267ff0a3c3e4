"""NetCDF: labelled arrays and datasets by the conventions of CF and xarray, and whatever else in groups."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from arcuate.connector import DataError
from arcuate.formats.format import LIMIT, Format, Kept, Losses, check_size, library
from arcuate.formats.groups import Group, group_of
from arcuate.formats.hdf5 import in_parts, read_hdf5, write_hdf5, write_parts
from arcuate.formats.lazily import lazy_xarray, settled
from arcuate.formats.tabular import named_column
from arcuate.formats.trees import clean, pieces, read_group, simplest

__all__ = ["NetCDF"]


class NetCDF(Format):
    """NetCDF-4 by h5netcdf and h5py; NetCDF-3 is read by scipy."""

    name = "netcdf"
    streams = True
    grouped = True

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
        engine = self._engine(path)
        if engine is None:
            with library("h5py").File(path, "r") as file:
                return read_group(read_hdf5(file, path), path, variable, limit)
        with _opened(path, engine, decode) as tree:
            if not tree.children:
                return self._loaded(tree.to_dataset(), path, variable, limit)
            check_size(path, sum(node.to_dataset(inherit=False).nbytes for node in tree.subtree), limit)
            return named_column(tree.load(), variable, path)

    def _engine(self, path: Path) -> str | None:
        """What xarray opens another's file with; ``None``: it is Arcuate's own."""
        with path.open("rb") as file:
            head = file.read(8)
        if head[:3] == b"CDF":
            return "scipy"
        if head[:4] != b"\x89HDF":
            raise DataError(f"{path} is no NetCDF file: it begins with {head!r}", service="netcdf")
        with library("h5py").File(path, "r") as file:
            if "arcuate" in file.attrs:
                return None
            read_hdf5(file, path)  # refuses links to other files, and damaged chunks
        return "h5netcdf"

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
        with self.lazily(path) as group:
            yield from pieces(group, variable)

    def write_batches(
        self,
        batches: Iterable[Any],
        path: Path,
        *,
        lossy: bool = False,
        compression: int | None = None,
        along: str | None = None,
    ) -> Kept:
        """Writes a labelled array that comes in parts along one dimension, which is an unlimited one then.

        Args:
            batches: the parts, labelled arrays that differ in their place along that dimension only.
            path: where.
            lossy: nothing is lost.
            compression: zlib's level, 1 to 9.
            along: the dimension; without it the first one.
        """
        write_parts(batches, path, compression, along, netcdf=True)
        return Losses(self.name, path, lossy).kept()

    def in_pieces(self, path: Path, variable: str | None) -> bool:
        with self.lazily(path) as group:
            return in_parts(group, variable)

    def takes(self, piece: Any) -> bool:
        return type(piece).__name__ == "DataArray"

    @contextlib.contextmanager
    def lazily(self, path: Path) -> Iterator[Group]:
        engine = self._engine(path)
        if engine is None:
            with library("h5py").File(path, "r") as file:
                yield settled(read_hdf5(file, path))
            return
        with _opened(path, engine, True) as tree:
            yield settled(lazy_xarray(simplest(tree)))

    def write_group(self, group: Group, path: Path) -> None:
        write_hdf5(group, path, None, netcdf=True)


@contextlib.contextmanager
def _opened(path: Path, engine: str, decode: bool) -> Iterator[Any]:
    """Another's file as a tree whose arrays are read when they are asked for."""
    import xarray as xr

    if engine == "scipy":
        with xr.open_dataset(path, engine="scipy", decode_cf=decode, cache=False) as dataset:
            yield xr.DataTree(clean(dataset))
        return
    with xr.open_datatree(path, engine="h5netcdf", decode_cf=decode, cache=False) as tree:
        for node in tree.subtree:
            clean(node)
        yield tree
