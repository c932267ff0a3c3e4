"""NetCDF: labelled arrays and datasets by the conventions of CF and xarray, and whatever else in groups."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from arcuate.connector import DataError
from arcuate.formats.format import LIMIT, check_size, library
from arcuate.formats.groups import Group
from arcuate.formats.hdf5 import HDF5, read_hdf5
from arcuate.formats.lazily import lazy_xarray, settled
from arcuate.formats.tabular import named_column
from arcuate.formats.trees import all_unrounded, clean, read_group, simplest

__all__ = ["NetCDF"]


class NetCDF(HDF5):
    """NetCDF-4 by h5netcdf and h5py; NetCDF-3 is read by scipy.

    Labelled arrays and datasets are written so that every reader of NetCDF knows them.
    """

    name = "netcdf"
    _netcdf = True

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
            return named_column(all_unrounded(tree.load()), variable, path)

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
        loaded = all_unrounded(found.load())
        return loaded if variable is not None else simplest(loaded)

    @contextlib.contextmanager
    def lazily(self, path: Path) -> Iterator[Group]:
        engine = self._engine(path)
        if engine is None:
            with library("h5py").File(path, "r") as file:
                yield settled(read_hdf5(file, path))
            return
        with _opened(path, engine, True) as tree:
            yield settled(lazy_xarray(simplest(tree)))


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
