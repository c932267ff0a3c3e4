"""HDF5: groups of arrays with attributes, laid out as in NetCDF-4, so that its readers know the file."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import LimitExceeded
from arcuate.formats.format import LIMIT, Format, Kept, Losses, library
from arcuate.formats.groups import Group, Variable, group_of
from arcuate.formats.trees import marked, marks, pieces, read_group

__all__ = ["HDF5", "read_hdf5", "write_hdf5"]

_DEPTH = 64
_SLACK = 1 << 16
_HIDDEN = {
    "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS",
    "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties", "_nc3_strict",
}  # fmt: skip


class HDF5(Format):
    """HDF5 by h5py. Arrays carry checksums (Fletcher 32)."""

    name = "hdf5"
    streams = True

    def read(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Any:
        """What was written; of another's file a Dataset, or a DataTree where it has groups.

        Args:
            path: the file.
            variable: one part.
            limit: bytes in memory.
        """
        with library("h5py").File(path, "r") as file:
            return read_group(read_hdf5(file, path), path, variable, limit)

    def write(self, value: Any, path: Path, *, lossy: bool = False, compression: int | None = None) -> Kept:
        """Writes any value.

        Args:
            value: what to write.
            path: where.
            lossy: nothing is lost.
            compression: gzip's level, 1 to 9.
        """
        write_hdf5(group_of(value), path, compression, netcdf=False)
        return Losses(self.name, path, lossy).kept()

    def batches(self, path: Path, *, variable: str | None = None) -> Iterator[Any]:
        """Parts of a labelled array along its first dimension."""
        with library("h5py").File(path, "r") as file:
            yield from pieces(read_hdf5(file, path), variable)

    def in_pieces(self, path: Path, variable: str | None) -> bool:
        return False  # no other format takes pieces of arrays from here but Zarr, which reads them itself


def write_hdf5(group: Group, path: Path, compression: int | None, *, netcdf: bool) -> None:
    """Writes a group; ``netcdf``: with nothing that NetCDF-4 has no type for."""
    h5netcdf = library("h5netcdf")
    with h5netcdf.File(path, "w", invalid_netcdf=not netcdf) as file:
        _put(file, group, compression, netcdf)


def _put(target: Any, group: Group, compression: int | None, netcdf: bool) -> None:
    for key, value in {**group.attrs, **(marks(group.told) if group.told else {})}.items():
        target.attrs[key] = _attribute(value)
    for name, one in group.variables.items():
        data, told = np.asarray(one.data), {**one.told, "dims": list(one.dims)}
        attrs, dims = dict(one.attrs), one.dims
        if netcdf:
            data, dims, attrs = _netcdf(data, dims, attrs, told)
        for dim, size in zip(dims, data.shape, strict=True):
            if dim not in target.dimensions:
                target.dimensions[dim] = size
        _variable(target, name, data, dims, attrs, told, compression)
    for name, below in group.groups.items():
        _put(target.create_group(name), below, compression, netcdf)


def _netcdf(data: Any, dims: tuple[str, ...], attrs: dict[str, Any], told: dict[str, Any]) -> Any:
    """What NetCDF-4 has a type for: bools as bytes, complex numbers along a dimension, no half precision."""
    if data.dtype.kind == "b":
        attrs["dtype"] = "bool"  # as xarray marks them
        data = data.astype("i1")
    elif data.dtype.kind == "c":
        told["complex"] = data.dtype.str[1:]
        data = np.stack([data.real, data.imag], axis=-1)
        dims = (*dims, "real_imag")
    elif data.dtype == "f2":
        told["half"] = True
        data = data.astype("f4")
        if "_FillValue" in attrs:
            attrs["_FillValue"] = np.float32(attrs["_FillValue"])
    return data, dims, attrs


def _variable(
    target: Any,
    name: str,
    data: Any,
    dims: tuple[str, ...],
    attrs: dict[str, Any],
    told: dict[str, Any],
    compression: int | None,
) -> None:
    how: dict[str, Any] = {}
    kind = data.dtype
    if kind.kind == "O":
        kind = library("h5py").string_dtype()
    elif dims and data.size:
        how["fletcher32"] = True
    if compression and dims and data.size:
        how.update(compression="gzip", compression_opts=compression)
    fill = attrs.pop("_FillValue", None)
    made = target.create_variable(name, dims, dtype=kind, fillvalue=fill, **how)
    if data.size:
        made[...] = data if data.ndim else data[()]
    for key, value in {**attrs, **marks(told)}.items():
        made.attrs[key] = _attribute(value)


def _attribute(value: Any) -> Any:
    """Texts as characters where they are ASCII: many programs look at no others for units."""
    if isinstance(value, str) and value.isascii() and "\0" not in value:
        return np.bytes_(value.encode())
    return value


class _Lazy:
    """An array in a file, read when it is asked for."""

    def __init__(self, dataset: Any, told: dict[str, Any]) -> None:
        self._dataset = dataset
        self._complex = told.get("complex")
        self._half = told.get("half")
        self._bool = told.get("dtype") == "bool" and "fill" not in told
        text = library("h5py").check_string_dtype(dataset.dtype)
        self._text = text is not None
        self.dtype = np.dtype(object) if text is not None else dataset.dtype
        self.shape = dataset.shape[:-1] if self._complex else dataset.shape
        self.chunks = dataset.chunks

    def __getitem__(self, index: Any) -> Any:
        if self._text:
            found = self._dataset.asstr()[index]
            if isinstance(found, str):
                return np.array(found, object)
            return np.asarray(found, object)
        found = np.asarray(self._dataset[index])
        if self._complex:
            return np.ascontiguousarray(found).view(self._complex)[..., 0]
        if self._half:
            return found.astype("f2")
        return found.astype(bool) if self._bool else found


def read_hdf5(file: Any, path: Path) -> Group:
    """The groups of an open file; its arrays are read when they are asked for."""
    return _read(file, path, "", 0)


def _read(source: Any, path: Path, place: str, depth: int) -> Group:
    h5py = library("h5py")
    if depth > _DEPTH:
        raise DataError(
            f"{path.name}: the groups nest deeper than {_DEPTH} levels, or in a circle", service="hdf5"
        )
    attrs = {key: _text(value) for key, value in source.attrs.items()}
    group = Group(told=marked(attrs))
    group.attrs = {key: value for key, value in attrs.items() if _shown(key)}
    for name in source:
        link = source.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink):
            raise DataError(
                f"{path.name}: {place}/{name} is a link to another file, {link.filename!r}, which is not "
                "followed",
                service="hdf5",
            )
        found = source.get(name)
        if found is None:
            raise DataError(f"{path.name}: {place}/{name} is a link that leads nowhere", service="hdf5")
        if isinstance(found, h5py.Group):
            group.groups[name] = _read(found, path, f"{place}/{name}", depth + 1)
        elif isinstance(found, h5py.Dataset):
            if found.external or found.is_virtual:
                raise DataError(
                    f"{path.name}: the data of {place}/{name} is in other files, which are not read",
                    service="hdf5",
                )
            _check_chunks(found, path, place + "/" + name)
            _read_dataset(group, name, found, path, place)
    return group


def _check_chunks(found: Any, path: Path, place: str) -> None:
    """Refuses compressed chunks that are longer than what they should become."""
    if not found.chunks or found.compression is None:
        return
    nominal = math.prod(found.chunks) * found.dtype.itemsize + _SLACK
    sizes: list[int] = []
    found.id.chunk_iter(lambda info: sizes.append(info.size))
    if max(sizes, default=0) > nominal:
        raise LimitExceeded(
            f"{path.name}: a chunk of {place} has {max(sizes):,} bytes, and unpacked it should be at most "
            f"{nominal:,}. It is damaged, or made to fill the memory",
            setting="limit",
        )


def _read_dataset(group: Group, name: str, found: Any, path: Path, place: str) -> None:
    attrs = {key: _text(value) for key, value in found.attrs.items()}
    if str(_text(attrs.get("NAME", ""))).startswith("This is a netCDF dimension but not a netCDF variable"):
        return
    if found.shape is None:
        return  # an empty dataspace
    told = marked(attrs)
    kind = found.dtype
    names = kind.names
    if names and not (names == ("r", "i") and kind.kind == "c"):
        below = Group(attrs={key: value for key, value in attrs.items() if _shown(key)})
        for part in names:  # a table of records is a group of its fields
            below.variables[part] = Variable((f"{name}_0",) * found.ndim, found[part])
        group.groups[name] = below
        return
    dims = tuple(str(dim) for dim in told.get("dims", ())) or tuple(
        found.dims[at].label or f"{name}_{at}" for at in range(found.ndim)
    )
    if kind.kind == "O" and library("h5py").check_string_dtype(kind) is None:
        raise DataError(
            f"{path.name}: {place}/{name} holds {kind.metadata or kind}, which no value can be",
            service="hdf5",
        )
    shown = {key: value for key, value in attrs.items() if _shown(key)}
    group.variables[name] = Variable(dims, _Lazy(found, told), shown, told)


def _text(value: Any) -> Any:
    return value.decode(errors="replace") if isinstance(value, bytes) else value


def _shown(key: str) -> bool:
    return key not in _HIDDEN and key != "arcuate" and not key.startswith("arcuate_")
