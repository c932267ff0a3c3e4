"""Groups whose arrays stay in their files until a block of them is asked for.

A file of HDF5, NetCDF or Zarr that holds more than fits into memory goes to another one of them block by
block, whoever wrote it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.formats import leaves, trees
from arcuate.formats.blocks import width
from arcuate.formats.format import PiecesDiffer, check_size, guarded, sized
from arcuate.formats.groups import Group, Variable, group_of, tree_of
from arcuate.formats.node import Node

__all__ = [
    "Source", "check_growth", "lazy_array", "lazy_plain", "lazy_xarray", "settled", "watched",
]  # fmt: skip

_PACKED = 2000
"""Files of zeros are packed to about a thousandth."""
_TRUSTED = "if you trust the file, set limit="


class Source:
    """An array of which blocks can be read.

    Args:
        shape: its shape.
        unit: the chunks of its file, ``None`` where it has none.
        get: gives the block at a tuple of slices as a labelled variable of xarray.
    """

    def __init__(
        self, shape: tuple[int, ...], unit: tuple[int, ...] | None, get: Callable[[tuple[slice, ...]], Any]
    ) -> None:
        self.shape, self.unit, self.get = shape, unit, get


class _Blocks:
    """The data of a variable: each block becomes what the first element became, or is no such block."""

    def __init__(self, source: Source, first: Variable, name: str) -> None:
        self._source, self._name = source, name
        self._told = {key: one for key, one in first.told.items() if key != "attrs"}
        self.shape, self.chunks, self.dtype = source.shape, source.unit, np.asarray(first.data).dtype

    def part(self, index: Any) -> leaves.Leaf:
        """A block with a description of its own."""
        places = tuple(slice(None) for _ in self.shape) if index is ... else index
        return leaves.leaf_of(_node(self._source.get(places)))

    def __getitem__(self, index: Any) -> Any:
        leaf = self.part(index)
        if leaf.told != self._told or leaf.data.dtype != self.dtype:
            raise PiecesDiffer(
                f"the elements of {self._name!r} need different descriptions, such as missing values in a "
                "part of it alone"
            )
        return leaf.data


def _node(variable: Any) -> Node:
    import xarray as xr

    array = xr.DataArray(variable)
    array.attrs = {}
    return Node.of(array)["data"]


def lazy_array(value: Any, sources: dict[str, Source]) -> Group:
    """The group of a labelled array or dataset, of which ``value`` holds the first elements alone.

    Args:
        value: with dimensions of the length 1, or 0 where there is nothing.
        sources: the whole arrays by the names of variables and coordinates; ``""`` for one without a name.
    """
    group = group_of(value)
    for name, safe in [*group.told.get("vars", ()), *group.told.get("coords", ())]:
        first = group.variables[safe]
        first.data = _Blocks(sources[name if name in sources else ""], first, name)
    return group


def _few(value: Any) -> Any:
    return value.isel({dim: slice(0, 1) for dim in value.dims}).load()


def lazy_xarray(value: Any) -> Group:
    """The group of a DataArray, Dataset or DataTree of xarray that is open and not loaded."""
    if type(value).__name__ == "DataTree":
        return tree_of(value, lambda node: lazy_xarray(node.to_dataset(inherit=False)))
    parts = dict(value.variables) if hasattr(value, "data_vars") else {}
    if not hasattr(value, "data_vars"):
        parts = {name: one.variable for name, one in value.coords.items()}
        parts["" if value.name is None or value.name in parts else value.name] = value.variable
    return lazy_array(_few(value), {str(name): _source(one) for name, one in parts.items()})


def _source(variable: Any) -> Source:
    found = variable.encoding.get("chunksizes") or variable.encoding.get("preferred_chunks") or ()
    unit = tuple(found.get(dim, 1) for dim in variable.dims) if isinstance(found, dict) else tuple(found)
    fits = len(unit) == variable.ndim and all(unit)
    return Source(
        variable.shape, unit if fits else None, lambda places: trees.unrounded("it", variable[places].load())
    )


def lazy_plain(group: Group) -> Group:
    """A group of another's making as one that has a description, its arrays where they are.

    Raises:
        PiecesDiffer: arrays of different lengths have a dimension of one name.
    """
    _check_dims(group, {})
    value = trees.simplest(trees.plain_tree(_first_elements(group)))
    if type(value).__name__ == "DataTree":
        return tree_of(value, lambda node: _described(node.to_dataset(inherit=False), _at(group, node.path)))
    return _described(value, group)


def _check_dims(group: Group, above: dict[str, int]) -> None:
    sizes = dict(above)
    for name, one in group.variables.items():
        for dim, size in zip(one.dims, one.data.shape, strict=True):
            if sizes.setdefault(dim, size) != size:
                raise PiecesDiffer(f"{dim!r} of {name!r} is {size} long, and {sizes[dim]} elsewhere")
    for below in group.groups.values():
        _check_dims(below, sizes)


def _first_elements(group: Group) -> Group:
    made = Group(attrs=group.attrs)
    for name, one in group.variables.items():
        data = np.asarray(one.data[tuple(slice(0, 1) for _ in one.data.shape)])
        made.variables[name] = Variable(one.dims, data, one.attrs)
    made.groups = {name: _first_elements(below) for name, below in group.groups.items()}
    return made


def _at(group: Group, path: str) -> Group:
    for name in path.strip("/").split("/") if path.strip("/") else ():
        group = group.groups[name]
    return group


def _described(value: Any, group: Group) -> Group:
    sources = {name: _plain_source(one, name) for name, one in group.variables.items()}
    if not hasattr(value, "data_vars") and value.name is None:
        sources[""] = next(iter(sources.values()))
    return lazy_array(value, sources)


def _plain_source(one: Variable, name: str) -> Source:
    def get(places: tuple[slice, ...]) -> Any:
        return trees.plain_variable(Variable(one.dims, one.data[places], {}), f"/{name}")

    unit = getattr(one.data, "chunks", None)
    return Source(tuple(one.data.shape), unit, get)


def settled(group: Group) -> Group:
    """A described group with the attributes that its arrays have in every format."""
    for one in group.variables.values():
        told = one.told.get("codes", one.told)
        if "fill" in told and one.data.dtype.kind != "O":
            one.attrs["_FillValue"] = np.array(told["fill"]).astype(one.data.dtype)[()]
        else:
            one.attrs.pop("_FillValue", None)
        if "flag_values" in one.attrs:
            one.attrs["flag_values"] = np.asarray(one.attrs["flag_values"]).astype(one.data.dtype)
        if one.data.dtype.kind == "b":
            one.attrs.pop("dtype", None)
        one.told = {key: value for key, value in one.told.items() if key not in ("complex", "half", "dims")}
    for below in group.groups.values():
        settled(below)
    return group


def check_growth(path: Path, group: Group, limit: int | None) -> None:
    """Refuses a file that would fill the disk with next to nothing, or whose chunks fill the memory.

    Args:
        path: the file.
        group: what is in it.
        limit: bytes that are let pass in any case; ``None``: any number.

    Raises:
        LimitExceeded: a chunk is larger than the limit, or all are together and 2,000 times their file.
    """
    if limit is None:
        return
    total = 0
    for name, one in group.all():
        item = width(one.data.dtype)
        total += prod(one.data.shape) * item
        chunk = prod(getattr(one.data, "chunks", None) or (0,))
        check_size(path, chunk * item, limit, f"one chunk of {name}", _TRUSTED)
    if total > limit and total > _PACKED * sized(path):
        check_size(path, total, limit, "what it says to hold, 2,000 times its own size and more,", _TRUSTED)


def watched(
    group: Group, path: Path, name: str, progress: Callable[[int, int | None], object] | None
) -> Group:
    """The group with the errors of its blocks as those of reading a file, and their elements reported."""
    done, total = 0, sum(prod(one.data.shape) for _, one in group.all())

    def tell(count: int) -> None:
        nonlocal done
        done += count
        if progress is not None:
            progress(done, total)

    def wrapped(group: Group) -> Group:
        made = Group(attrs=group.attrs, told=group.told)
        for key, one in group.variables.items():
            data = _Watched(one.data, path, name, tell)
            made.variables[key] = Variable(one.dims, data, one.attrs, one.told)
        made.groups = {key: wrapped(below) for key, below in group.groups.items()}
        return made

    return wrapped(group)


class _Watched:
    def __init__(self, data: Any, path: Path, name: str, tell: Callable[[int], None]) -> None:
        self._data, self._path, self._name, self._tell = data, path, name, tell
        self.shape, self.dtype, self.chunks = tuple(data.shape), data.dtype, getattr(data, "chunks", None)

    def __getitem__(self, index: Any) -> Any:
        with guarded(self._path, self._name):
            found = np.asarray(self._data[index])
        self._tell(found.size)
        return found
