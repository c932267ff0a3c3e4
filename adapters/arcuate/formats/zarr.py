"""Zarr, versions 2 and 3, in folders and zip files, by the conventions of xarray."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import InvalidArgument, LimitExceeded
from arcuate.formats.blocks import Growing, blocks, chunks, width
from arcuate.formats.format import LIMIT, Kept, Losses, check_size, first_of, library
from arcuate.formats.groups import MARK, Group, Variable, group_of
from arcuate.formats.lazily import lazy_plain, lazy_xarray, settled
from arcuate.formats.packed import PACKERS, becomes_more
from arcuate.formats.tabular import named_column
from arcuate.formats.trees import Grouped, all_unrounded, read_group, simplest

__all__ = ["Zarr"]

_DIMS = "_ARRAY_DIMENSIONS"
_META = {".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json"}
_MOST = 1_000_000
_CHUNK = 4 << 20
_GROWN = 1 << 20
_SLACK = 1 << 16
_DEPTH = 64
_PACKERS = {"zstd", "blosc", "lz4"}
_NOTHING = (1 << 64) - 1
"""Where a chunk begins that a shard does not have."""


class Zarr(Grouped):
    """Zarr by zarr-python. Chunks carry checksums (CRC 32C, in version 3)."""

    name = "zarr"
    folder = True

    def read(
        self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT, decode: bool = True
    ) -> Any:
        """What was written; of another's store a DataArray, a Dataset, or a DataTree where it has groups.

        Args:
            path: the folder or zip file.
            variable: one part.
            limit: bytes in memory.
            decode: whether times, scales and fill values of another's store are decoded, as CF says.
        """
        with _opened(path, limit) as found:
            group = _read(found, path, 0)
            _check_chunks(_arrays(found), path, limit)
            if group.told or not _labelled(group):
                return read_group(group, path, variable, limit)
            return _others(found, path, variable, limit, decode)

    def write(
        self, value: Any, path: Path, *, lossy: bool = False, version: int = 3, compression: int = 3
    ) -> Kept:
        """Writes any value; a name that ends with ``.zip`` is a zip file.

        Args:
            value: what to write.
            path: where.
            lossy: nothing is lost.
            version: of Zarr, 2 or 3.
            compression: Zstandard's level.
        """
        if version not in (2, 3):
            raise InvalidArgument(f"Zarr has the versions 2 and 3, not {version!r}")
        with _new(path, version) as target:
            _put(target, group_of(value), version, compression)
        return Losses(self.name, path, lossy).kept()

    def write_batches(
        self, batches: Iterable[Any], path: Path, *, lossy: bool = False, along: str | None = None
    ) -> Kept:
        """Writes a labelled array that comes in parts along one dimension.

        Args:
            batches: the parts, labelled arrays that differ in their place along that dimension only.
            path: where.
            lossy: nothing is lost.
            along: the dimension; without it the first one.
        """
        found = iter(batches)
        growing = Growing(first_of(found, path), along)
        with _new(path, 3) as target:
            _put(target, growing.group, 3, 3, growing.along)
            for part in found:
                for name, one, place in growing.next(part):
                    array = target[name]
                    array.resize(
                        tuple(
                            growing.length if dim == growing.along else size
                            for dim, size in zip(one.dims, array.shape, strict=True)
                        )
                    )
                    if one.data.size:
                        target[name][place] = one.data
        return Losses(self.name, path, lossy).kept()

    @contextlib.contextmanager
    def lazily(self, path: Path) -> Iterator[Group]:
        with _opened(path, None) as found:
            _check_chunks(_arrays(found), path, None)
            group = _read(found, path, 0)
            if group.told:
                yield settled(group)
            elif not _labelled(group):
                yield settled(lazy_plain(group))
            else:
                with _tree(found, True) as tree:
                    yield settled(lazy_xarray(simplest(tree)))

    def write_group(self, group: Group, path: Path) -> None:
        with _new(path, 3) as target:
            _put(target, group, 3, 3)

    def owns(self, names: set[str]) -> bool:
        return bool(names & _META)


# ------------------------------------------------------------------ stores


@contextlib.contextmanager
def _new(path: Path, version: int) -> Iterator[Any]:
    zarr = library("zarr")
    packed = path.suffix.lower() == ".zip"
    with tempfile.TemporaryDirectory(dir=path.parent) if packed else contextlib.nullcontext(path) as folder:
        yield zarr.open_group(zarr.storage.LocalStore(folder), mode="w", zarr_format=version)
        if packed:  # in one go: what is written twice would stand in the file twice
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
                for file in sorted(Path(folder).rglob("*")):
                    if file.is_file():
                        archive.write(file, file.relative_to(folder).as_posix())


@contextlib.contextmanager
def _opened(path: Path, limit: int | None) -> Iterator[Any]:
    """The store of a path, opened for reading after a look at its parts."""
    zarr = library("zarr")
    with contextlib.ExitStack() as stack:
        if path.is_dir():
            _check_folder(path)
            store = zarr.storage.LocalStore(path, read_only=True)
        else:
            _check_zip(path, limit)
            store = zarr.storage.ZipStore(path, mode="r")
            stack.callback(store.close)
        try:
            yield zarr.open(store, mode="r")
        except FileNotFoundError as error:
            raise DataError(
                f"{path} has no Zarr metadata: it is no store, or damaged", service="zarr"
            ) from error


def _check_folder(path: Path) -> None:
    count = 0
    for at, folders, names in os.walk(path):
        for name in (*folders, *names):
            count += 1
            if os.path.islink(os.path.join(at, name)):
                raise DataError(
                    f"{path}: {os.path.relpath(os.path.join(at, name), path)} is a link, which is not "
                    "followed",
                    service="zarr",
                )
        if count > _MOST:
            raise DataError(f"{path} has more than {_MOST:,} files", service="zarr")


def _check_zip(path: Path, limit: int | None) -> None:
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    if len(infos) > _MOST:
        raise DataError(f"{path} has more than {_MOST:,} files", service="zarr")
    for info in infos:
        parts = info.filename.replace("\\", "/").split("/")
        if info.filename.startswith(("/", "\\")) or ".." in parts or re.match("[A-Za-z]:", parts[0]):
            raise DataError(
                f"{path}: the name {info.filename!r} leads out of the archive; nothing of it is read",
                service="zarr",
            )
    check_size(path, sum(info.file_size for info in infos), limit, "what is in it")


def _files(path: Path) -> Iterator[tuple[str, int, Any]]:
    """Name, size and content of every chunk or shard."""
    if path.is_dir():
        for at, _, names in os.walk(path):
            for name in names:
                if name not in _META:
                    file = os.path.join(at, name)
                    with open(file, "rb") as content:
                        yield os.path.relpath(file, path), os.path.getsize(file), content
        return
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if not info.is_dir() and info.filename.rpartition("/")[2] not in _META:
                with archive.open(info) as content:
                    yield info.filename, info.file_size, content


def _check_chunks(arrays: dict[str, Any], path: Path, limit: int | None) -> None:
    """Refuses chunks that become more than a chunk of their array can be."""
    codecs = {name: _codecs(name, array, path) for name, array in arrays.items()}
    counts: Counter[str] = Counter()
    for name, size, content in _files(path):
        owner = next((key for key in arrays if not key or name.startswith(key + "/")), None)
        if owner is None:
            continue
        array = arrays[owner]
        text, item = array.dtype.kind in "OTU", array.dtype.itemsize
        nominal = prod(array.chunks) * item if not text else limit or size * 1000
        packer = next((one for one in codecs[owner] if one in PACKERS), None)
        for start, length in _chunks_in(array, size, content, path):
            content.seek(start)
            told = _unpacked(content.read(18))
            if (told is not None and told > nominal + _SLACK) or length > 2 * nominal + _SLACK:
                what = f"says that it becomes {told:,}" if told else "is longer than it should become"
            elif packer and becomes_more(
                length, partial(_part, content, start, length), packer, nominal + _SLACK
            ):
                what = "becomes more"
            else:
                continue
            raise LimitExceeded(
                f"{path.name}: the chunk {name} of {length:,} bytes {what}; a chunk of this array has "
                f"{nominal:,}. It is damaged, or made to fill the memory",
                setting="limit",
            )
        counts[owner] += 1
    for name, array in arrays.items():
        if MARK in array.attrs and counts[name] < array.nchunks:  # Zarr would take them for the fill value
            raise DataError(
                f"{path}: {array.nchunks - counts[name]} of {array.nchunks} chunks of {name!r} are missing",
                service="zarr",
            )


def _codecs(name: str, array: Any, path: Path) -> list[str]:
    """The names of the codecs of an array, if they are such as may be read."""
    told = str({key: one for key, one in array.metadata.to_dict().items() if key != "attributes"}).lower()
    if "pickle" in told:  # newer versions of Zarr refuse these by themselves
        raise DataError(
            f"{path}: {name!r} is pickled: to read it would run what its writer wished; it is not read",
            service="zarr",
        )
    found: list[str] = re.findall(r"'(?:id|name)': '(?:numcodecs\.)?(\w+)'", told)
    packers = [one for one in found if one in PACKERS or one in _PACKERS]
    if len(packers) > 1:
        raise LimitExceeded(
            f"{path.name}: the chunks of {name!r} are packed {len(packers)} times over "
            f"({', '.join(packers)}), which serves to fill the memory; repack it",
            setting="limit",
        )
    return found


def _chunks_in(array: Any, size: int, content: Any, path: Path) -> Iterator[tuple[int, int]]:
    """Where the chunks in a file are: the file itself, or those of a shard."""
    shards = getattr(array, "shards", None)
    if shards is None:
        yield 0, size
        return
    told = next(one for one in array.metadata.to_dict()["codecs"] if one["name"] == "sharding_indexed")
    how = told["configuration"]
    if [one["name"] for one in how["index_codecs"]] != ["bytes", "crc32c"]:
        raise DataError(f"{path}: shards with an index of this kind are not read: {how['index_codecs']}")
    count = prod(shards) // prod(array.chunks)
    at_end = how.get("index_location", "end") == "end"
    content.seek(max(0, size - 16 * count - 4) if at_end else 0)
    index = content.read(16 * count)
    for at in range(0, len(index) - 15, 16):
        start, length = (int.from_bytes(index[k : k + 8], "little") for k in (at, at + 8))
        if start != _NOTHING:
            yield start, length


def _part(content: Any, start: int, length: int) -> bytes:
    content.seek(start)
    return bytes(content.read(length))


def _arrays(found: Any) -> dict[str, Any]:
    """All arrays of a store by their paths, the deepest first."""
    if hasattr(found, "shape"):
        return {"": found}
    listed = [(str(name), one) for name, one in found.members(max_depth=None) if hasattr(one, "shape")]
    return dict(sorted(listed, key=lambda item: -len(item[0])))


def _unpacked(head: bytes) -> int | None:
    """The size that a Zstandard frame or a Blosc buffer says it has when it is unpacked."""
    if head[:4] == b"\x28\xb5\x2f\xfd" and len(head) >= 6:
        flags = head[4]
        single, kind = flags >> 5 & 1, flags >> 6
        at = 5 + (0 if single else 1) + (0, 1, 2, 4)[flags & 3]
        width = (1 if single else 0, 2, 4, 8)[kind]
        told = int.from_bytes(head[at : at + width], "little") + (256 if width == 2 else 0)
        return told if width else None
    if len(head) >= 16 and head[0] == 2 and head[1] in (1, 2) and head[3] <= 64:
        size = int.from_bytes(head[12:16], "little")
        return int.from_bytes(head[4:8], "little") if size else None
    return None


# ------------------------------------------------------------------ writing


def _put(target: Any, group: Group, version: int, compression: int, growing: str | None = None) -> None:
    target.attrs.update(_attrs(group.attrs, group.told, version))
    for name, one in group.variables.items():
        _array(target, name, one, version, compression, growing)
    for name, below in group.groups.items():
        _put(target.create_group(name), below, version, compression)


def _array(
    target: Any, name: str, one: Variable, version: int, compression: int, growing: str | None
) -> None:
    data, shape = one.data, tuple(one.data.shape)
    text = data.dtype.kind == "O"
    fill = one.attrs.get("_FillValue", one.attrs.get("missing_value"))
    how: dict[str, Any] = {"fill_value": fill}  # in version 2 it is what stands for missing elements
    if version == 3:
        from zarr.codecs import Crc32cCodec, ZstdCodec

        how["fill_value"] = ("" if text else 0) if fill is None else fill
        how["dimension_names"] = list(one.dims)
        how["compressors"] = [ZstdCodec(level=compression), Crc32cCodec()]
    else:
        import numcodecs

        how["compressors"] = numcodecs.Zstd(level=compression, checksum=True)
    size, unit = max(data.dtype.itemsize, 1), shape
    if growing in one.dims:  # chunks of some size, however small the first part is
        at = one.dims.index(growing)
        row = max(1, size * prod(shape[:at] + shape[at + 1 :]))
        unit = (*shape[:at], max(shape[at], _GROWN // row), *shape[at + 1 :])
    made = target.create_array(
        name,
        shape=shape,
        dtype=str if text else data.dtype.newbyteorder("="),
        chunks=chunks(unit, size, _CHUNK),
        config={"write_empty_chunks": True},
        **how,
    )
    if prod(shape):
        if isinstance(data, np.ndarray) or not shape:
            made[...] = np.asarray(data[...])
        else:
            for place in blocks(shape, width(data.dtype), getattr(data, "chunks", None) or made.chunks):
                made[place] = data[place]
    attrs = _attrs(one.attrs, {**one.told, "dims": list(one.dims)}, version)
    if version == 2:
        attrs[_DIMS] = list(one.dims)
    made.attrs.update(attrs)


def _attrs(attrs: dict[str, Any], told: dict[str, Any], version: int) -> dict[str, Any]:
    made = {key: _json(value) for key, value in attrs.items() if key != "_FillValue"}
    if "_FillValue" in attrs and version == 3:  # as xarray writes it there
        fill = attrs["_FillValue"]
        if fill.dtype.kind == "f":
            made["_FillValue"] = base64.b64encode(np.array(fill, "<f8").tobytes()).decode()
        else:
            made["_FillValue"] = int(fill)
    if told:
        made[MARK] = told
    return made


def _json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_json(one) for one in value.reshape(-1)]
    if isinstance(value, np.generic):
        value = value.item()
    return str(value) if isinstance(value, float) and not np.isfinite(value) else value


# ------------------------------------------------------------------ reading


class _Lazy:
    """An array in a store, read when it is asked for."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self._text = array.dtype.kind in "OTU"
        self.dtype = np.dtype(object) if self._text else array.dtype
        self.shape = array.shape
        self.chunks = array.chunks

    def __getitem__(self, index: Any) -> Any:
        found = np.asarray(self._array[index])
        return found.astype(object) if self._text else found


def _read(found: Any, path: Path, depth: int) -> Group:
    if depth > _DEPTH:
        raise DataError(f"{path.name}: the groups nest deeper than {_DEPTH} levels", service="zarr")
    if hasattr(found, "shape"):  # an array alone
        return Group({"value": _variable("value", found)})
    attrs = dict(found.attrs)
    told = attrs.pop(MARK, {})
    group = Group(attrs=attrs, told=told if isinstance(told, dict) else {})
    for name, one in sorted(found.members(), key=lambda item: str(item[0])):
        if hasattr(one, "shape"):
            group.variables[name] = _variable(name, one)
        else:
            group.groups[name] = _read(one, path, depth + 1)
    return group


def _variable(name: str, array: Any) -> Variable:
    attrs = dict(array.attrs)
    told = attrs.pop(MARK, {})
    told = told if isinstance(told, dict) else {}
    dims = attrs.pop(_DIMS, None) or getattr(array.metadata, "dimension_names", None)
    if dims is None or None in dims or len(dims) != array.ndim:
        dims = [f"{name}_{at}" for at in range(array.ndim)]
    return Variable(tuple(map(str, dims)), _Lazy(array), attrs, told)


def _labelled(group: Group) -> bool:
    return any(one.dims and one.dims[0] != f"{path.rpartition('/')[2]}_0" for path, one in group.all())


@contextlib.contextmanager
def _tree(found: Any, decode: bool) -> Iterator[Any]:
    """Another's store as a tree whose arrays are read when they are asked for."""
    import xarray as xr

    how: dict[str, Any] = {"consolidated": False, "decode_cf": decode, "cache": False, "chunks": None}
    with xr.open_datatree(found.store, engine="zarr", **how) as tree:
        yield tree


def _others(found: Any, path: Path, variable: str | None, limit: int | None, decode: bool) -> Any:
    with _tree(found, decode) as tree:
        if tree.children:
            check_size(path, sum(node.to_dataset(inherit=False).nbytes for node in tree.subtree), limit)
            return named_column(all_unrounded(tree.load()), variable, path)
        part = named_column(tree.to_dataset(), variable, path)
        check_size(path, part.nbytes, limit)
        loaded = all_unrounded(part.load())
        return loaded if variable is not None else simplest(loaded)
