"""HDF5: groups of arrays with attributes, laid out as in NetCDF-4, so that its readers know the file."""

from __future__ import annotations

import contextlib
import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import LimitExceeded
from arcuate.formats.blocks import Growing, blocks, chunks, width
from arcuate.formats.format import LIMIT, Kept, Losses, LossyWarning, decoded, first_of, library
from arcuate.formats.groups import Group, Variable, group_of
from arcuate.formats.hdf5_disk import Disk, kept
from arcuate.formats.lazily import lazy_plain, settled
from arcuate.formats.packed import becomes_more
from arcuate.formats.trees import Grouped, marked, marks, read_group

__all__ = ["HDF5", "check_dataset", "check_file", "read_hdf5"]

_DEPTH = 64
_SLACK = 1 << 16
_CHUNK = 1 << 20
_DEFLATE, _SUMS = 1, 3
_NO_PACKERS = {2, _SUMS, 5, 6}
"""Filters of HDF5 that make nothing smaller than a tenth: shuffle, Fletcher 32, n-bit, scale and offset."""
_ROWS = 1024
"""How long a dimension is taken to be, for its chunks, that is still empty."""
_HIDDEN = {
    "CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "DIMENSION_LABELS",
    "_Netcdf4Dimid", "_Netcdf4Coordinates", "_NCProperties", "_nc3_strict",
}  # fmt: skip


class HDF5(Grouped):
    """HDF5 by h5py. Arrays carry checksums (Fletcher 32)."""

    name = "hdf5"
    _netcdf: ClassVar[bool] = False

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
        write_hdf5(group_of(value), path, compression, netcdf=self._netcdf)
        return Losses(self.name, path, lossy).kept()

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
            compression: gzip's level, 1 to 9.
            along: the dimension; without it the first one.
        """
        write_parts(batches, path, compression, along, netcdf=self._netcdf)
        return Losses(self.name, path, lossy).kept()

    @contextlib.contextmanager
    def lazily(self, path: Path) -> Iterator[Group | None]:
        with library("h5py").File(path, "r") as file:
            yield settled(_told(read_hdf5(file, path)))

    def write_group(self, group: Group, path: Path) -> None:
        write_hdf5(group, path, None, netcdf=self._netcdf)


def _told(group: Group) -> Group:
    """A group with a description, also where another program wrote it."""
    return group if group.told else lazy_plain(group)


def write_hdf5(group: Group, path: Path, compression: int | None, *, netcdf: bool) -> None:
    """Writes a group; ``netcdf``: with nothing that NetCDF-4 has no type for."""
    with _created(path, netcdf) as (file, disk):
        _put(file, group, compression, netcdf, disk.check)


@contextlib.contextmanager
def _created(path: Path, netcdf: bool) -> Iterator[tuple[Any, Disk]]:
    """A new file of h5netcdf, and where it is written."""
    h5netcdf = library("h5netcdf")
    with kept(path) as disk, h5netcdf.File(disk, "w", invalid_netcdf=not netcdf) as file:
        yield file, disk


def write_parts(
    batches: Iterable[Any], path: Path, compression: int | None, along: str | None, *, netcdf: bool
) -> None:
    """Writes a labelled array part by part; the dimension along which it grows is an unlimited one."""
    found = iter(batches)
    growing = Growing(first_of(found, path), along)
    with _created(path, netcdf) as (file, disk):
        _put(file, growing.group, compression, netcdf, disk.check, growing.along)
        for part in disk.waiting(found):
            added = growing.next(part)
            file.resize_dimension(growing.along, growing.length)
            for name, one, place in added:
                data = one.data
                if netcdf:
                    data, dims, _ = _netcdf(data, one.dims, {}, {})
                    place = (*place, *(slice(None) for _ in dims[len(place) :]))
                if data.size:
                    file.variables[name][place] = data


def _put(
    target: Any,
    group: Group,
    compression: int | None,
    netcdf: bool,
    check: Callable[[], None],
    growing: str | None = None,
) -> None:
    for key, value in {**group.attrs, **(marks(group.told) if group.told else {})}.items():
        target.attrs[key] = _attribute(value)
    for name, one in group.variables.items():
        attrs, told = dict(one.attrs), {**one.told, "dims": list(one.dims)}
        shape, dims, kind = tuple(one.data.shape), one.dims, one.data.dtype
        if netcdf:  # what becomes of the type, told by no elements at all
            few, dims, attrs = _netcdf(np.zeros((0,) * len(shape), kind), dims, attrs, told)
            shape, kind = (*shape, 2) if kind.kind == "c" else shape, few.dtype
        for dim, size in zip(dims, shape, strict=True):
            if dim not in target.dimensions:
                target.dimensions[dim] = None if dim == growing else size
            if dim == growing and len(target.dimensions[dim]) < size:
                target.resize_dimension(dim, size)
        made = _variable(target, name, shape, kind, dims, attrs, told, compression, growing)
        _fill(made, one.data, netcdf, check)
    for name, below in group.groups.items():
        _put(target.create_group(name), below, compression, netcdf, check)


def _fill(made: Any, data: Any, netcdf: bool, check: Callable[[], None]) -> None:
    """Puts the elements into a new variable, block by block where they are not in memory."""
    if not math.prod(data.shape):
        return
    if isinstance(data, np.ndarray) or not data.shape:
        all_of = np.asarray(data[...])
        sent = _netcdf(all_of, (), {}, {})[0] if netcdf else all_of
        made[...] = sent if sent.ndim else sent[()]
        check()
        return
    for place in blocks(data.shape, width(data.dtype), getattr(data, "chunks", None)):
        sent = np.asarray(data[place])
        if netcdf:
            sent = _netcdf(sent, (), {}, {})[0]
            place = (*place, *(slice(None) for _ in range(sent.ndim - len(place))))
        made[place] = sent
        check()


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
    shape: tuple[int, ...],
    kind: Any,
    dims: tuple[str, ...],
    attrs: dict[str, Any],
    told: dict[str, Any],
    compression: int | None,
    growing: str | None,
) -> Any:
    how: dict[str, Any] = {}
    size = math.prod(shape)
    text = kind.kind == "O"
    if dims and (growing in dims or (size and not text)):
        how["chunks"] = chunks(tuple(one or _ROWS for one in shape), max(kind.itemsize, 1), _CHUNK)
        how["fletcher32"] = not text
    if compression and dims and size:
        how.update(compression="gzip", compression_opts=compression)
    fill = attrs.pop("_FillValue", None)
    sort = library("h5py").string_dtype() if text else kind
    made = target.create_variable(name, dims, dtype=sort, fillvalue=fill, **how)
    for key, value in {**attrs, **marks(told)}.items():
        made.attrs[key] = _attribute(value)
    return made


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
        told_type = self._complex or ("f2" if self._half else "?" if self._bool else None)
        self.dtype = np.dtype(told_type or (object if text is not None else dataset.dtype))
        self.shape = dataset.shape[:-1] if self._complex else dataset.shape
        self.chunks = dataset.chunks and dataset.chunks[: len(self.shape)]

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


class _Field:
    """A field of a table of records, read when it is asked for."""

    def __init__(self, dataset: Any, name: str, place: str) -> None:
        self._dataset, self._name = dataset, name
        kind, more = dataset.dtype[name].subdtype or (dataset.dtype[name], ())
        _check_type(kind, place)
        self.dtype, self.shape = np.dtype(kind), (*dataset.shape, *more)

    def __getitem__(self, index: Any) -> Any:
        places = () if index is ... else index
        outer, inner = places[: self._dataset.ndim], places[self._dataset.ndim :]
        found = np.asarray(self._dataset.fields(self._name)[outer])
        found = found[(*(slice(None) for _ in outer), *inner)]
        if found.dtype.kind != "O":
            return found
        texts = [one.decode() if isinstance(one, bytes) else one for one in found.reshape(-1)]
        return np.array(texts, object).reshape(found.shape)


def read_hdf5(file: Any, path: Path) -> Group:
    """The groups of an open file; its arrays are read when they are asked for."""
    return _Reader(path).group(file, "", ())


def check_file(file: Any, path: Path) -> None:
    """Looks at all parts of an open file, of which a library is to read some.

    Raises:
        DataError: parts of it are in other files.
        LimitExceeded: a chunk is longer than what it should become.
    """
    seen: set[int] = set()
    left = [("", file)]
    while left:
        place, group = left.pop()
        address = _address(group)
        if address in seen:
            continue
        seen.add(address)
        for name, found in parts(group, path, place):
            if hasattr(found, "keys"):
                left.append((f"{place}/{name}", found))


def parts(source: Any, path: Path, place: str) -> Iterator[tuple[str, Any]]:
    """What is in a group, as long as it is all in this file and unpacks to what it should be."""
    h5py = library("h5py")
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
        if isinstance(found, h5py.Dataset):
            check_dataset(found, path, f"{place}/{name}")
        yield name, found


def check_dataset(found: Any, path: Path, place: str) -> None:
    """Refuses what has its elements in other files, or chunks longer than what they should become."""
    if found.external or found.is_virtual:
        raise DataError(
            f"{path.name}: the data of {place} is in other files, which are not read", service="hdf5"
        )
    _check_chunks(found, path, place)


def _address(found: Any) -> int:
    return int(library("h5py").h5o.get_info(found.id).addr)


class _Reader:
    """Reads groups, and sees when links make more of a file than there is in it."""

    def __init__(self, path: Path) -> None:
        self.path, self.visits = path, 0
        self.seen: set[int] = set()

    def group(self, source: Any, place: str, above: tuple[int, ...]) -> Group:
        h5py, address = library("h5py"), _address(source)
        self.visits += 1
        self.seen.add(address)
        if len(above) > _DEPTH or address in above or self.visits > 1000 + 10 * len(self.seen):
            raise DataError(
                f"{self.path.name}: the groups nest deeper than {_DEPTH} levels, or in a circle ({place})",
                service="hdf5",
            )
        attrs = _attributes(source, f"{self.path.name}: {place or '/'}")
        group = Group(told=marked(attrs))
        group.attrs = {key: value for key, value in attrs.items() if _shown(key)}
        for name, found in parts(source, self.path, place):
            if isinstance(found, h5py.Group):
                group.groups[name] = self.group(found, f"{place}/{name}", (*above, address))
            elif isinstance(found, h5py.Dataset):
                _read_dataset(group, name, found, self.path, place)
        return group


def _check_chunks(found: Any, path: Path, place: str) -> None:
    """Refuses packed chunks that become, or are themselves, longer than what they should become."""
    if not found.chunks:
        return
    how = found.id.get_create_plist()
    filters = [how.get_filter(at)[0] for at in range(how.get_nfilters())]
    packers = [one for one in filters if one not in _NO_PACKERS]
    if not packers:
        return
    if len(packers) > 1 or (
        packers == [_DEFLATE] and not {*filters[filters.index(_DEFLATE) + 1 :]} <= {_SUMS}
    ):
        raise LimitExceeded(
            f"{path.name}: {place} has the filters {filters}, which pack its chunks twice or hide what they "
            "become. That serves to fill the memory; repack it",
            setting="limit",
        )
    nominal = math.prod(found.chunks) * found.dtype.itemsize + _SLACK
    chunks: list[tuple[int, tuple[int, ...]]] = []
    found.id.chunk_iter(lambda info: chunks.append((info.size, info.chunk_offset)))
    for size, offset in chunks:
        if size > nominal:
            what = f"a chunk of {place} has {size:,} bytes"
        elif packers == [_DEFLATE] and becomes_more(size, partial(_raw, found, offset), "zlib", nominal):
            what = f"a chunk of {place} of {size:,} bytes becomes more than a chunk"
        else:
            continue
        raise LimitExceeded(
            f"{path.name}: {what}, and unpacked it should be at most {nominal:,}. It is damaged, or made to "
            "fill the memory",
            setting="limit",
        )


def _raw(found: Any, offset: tuple[int, ...]) -> bytes:
    return bytes(found.id.read_direct_chunk(offset)[1])


def _read_dataset(group: Group, name: str, found: Any, path: Path, place: str) -> None:
    whole = f"{path.name}: {place}/{name}"
    attrs = _attributes(found, whole)
    if str(attrs.get("NAME", "")).startswith("This is a netCDF dimension but not a netCDF variable"):
        return
    if found.shape is None:
        _left_out(f"{whole} has no elements and no dimensions")
        return
    told = marked(attrs)
    kind = found.dtype
    names = kind.names
    if names and not (names == ("r", "i") and kind.kind == "c"):
        below = Group(attrs={key: value for key, value in attrs.items() if _shown(key)})
        for part in names:  # a table of records is a group of its fields
            field = _Field(found, part, f"{whole}/{part}")
            own = (f"{name if at < found.ndim else part}_{at}" for at in range(len(field.shape)))
            below.variables[part] = Variable(tuple(own), field)
        group.groups[name] = below
        return
    own = (found.dims[at].label or f"{name}_{at}" for at in range(found.ndim))
    dims = tuple(str(dim) for dim in told.get("dims", own))
    _check_type(kind, whole)
    shown = {key: value for key, value in attrs.items() if _shown(key)}
    named = library("h5py").check_enum_dtype(kind)
    if named and not told:
        shown.setdefault("enum", {key: int(value) for key, value in named.items()})
    group.variables[name] = Variable(dims, _Lazy(found, told), shown, told)


def _check_type(kind: Any, place: str) -> None:
    if kind.kind == "O" and library("h5py").check_string_dtype(kind) is None:
        raise DataError(f"{place} holds {kind.metadata or kind}, which no value can be", service="hdf5")


def _attributes(found: Any, place: str) -> dict[str, Any]:
    h5py = library("h5py")
    made: dict[str, Any] = {}
    for key, value in found.attrs.items():
        kind = getattr(value, "dtype", None)
        if isinstance(value, h5py.Empty):
            made[key] = None
        elif _shown(key) and (
            isinstance(value, h5py.Reference) or (kind is not None and h5py.check_ref_dtype(kind))
        ):
            _left_out(f"{place}: the attribute {key!r} is a reference to another part")
        else:
            made[key] = decoded(value) if isinstance(value, bytes) else value
    return made


def _left_out(what: str) -> None:
    warnings.warn(f"{what}, and is left out", LossyWarning, stacklevel=2)


def _shown(key: str) -> bool:
    return key not in _HIDDEN and key != "arcuate" and not key.startswith("arcuate_")
