"""What HDF5, NetCDF and Zarr share: files of others as xarray's objects, sizes, parts, and pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from arcuate.connector import DataError
from arcuate.errors import ConversionError, Unsupported
from arcuate.formats import blocks, groups
from arcuate.formats.format import LIMIT, Format, check_size, decoded
from arcuate.formats.groups import MARK, Group, Variable
from arcuate.formats.tabular import named_column

__all__ = [
    "Grouped", "all_unrounded", "check_group", "clean", "marked", "marks", "pieces", "plain_tree",
    "plain_variable", "read_group", "simplest", "unrounded",
]  # fmt: skip

_PIECE = 30_000
_EXACT = 1 << 53


class Grouped(Format):
    """What HDF5, NetCDF and Zarr do in one way, once :meth:`lazily` gives what a file holds."""

    streams = True
    grouped = True

    def batches(self, path: Path, *, variable: str | None = None, limit: int | None = LIMIT) -> Iterator[Any]:
        """Parts of a labelled array along its first dimension, whole chunks each.

        Args:
            path: the file.
            variable: one array of a dataset.
            limit: bytes in memory that one chunk may take; all, where the file is far too small for them.
        """
        from arcuate.formats.lazily import check_growth

        with self.lazily(path) as group:
            check_growth(path, group, limit)
            yield from pieces(group, variable)

    def in_pieces(self, path: Path, variable: str | None) -> bool:
        with self.lazily(path) as group:
            if variable is None:
                return bool(group.told.get("kind") == "labelled")
            return group.told.get("kind") == "dataset" and variable in dict(group.told["vars"])

    def takes(self, piece: Any) -> bool:
        return type(piece).__name__ == "DataArray"


def marks(told: Mapping[str, Any]) -> dict[str, str]:
    """A description as attributes; HDF5 takes none over 64 KB."""
    text = json.dumps(told, separators=(",", ":"))
    parts = [text[at : at + _PIECE] for at in range(0, len(text), _PIECE)]
    return {MARK if not at else f"{MARK}_{at}": part for at, part in enumerate(parts)}


def marked(attrs: Mapping[str, Any]) -> dict[str, Any]:
    """The description in attributes; empty where Arcuate did not write them."""
    if MARK not in attrs:
        return {}
    parts, at = [str(attrs[MARK])], 1
    while f"{MARK}_{at}" in attrs:
        parts.append(str(attrs[f"{MARK}_{at}"]))
        at += 1
    try:
        told = json.loads("".join(parts))
        if not isinstance(told, dict):
            raise ValueError("it is no mapping")
    except ValueError as error:
        raise DataError(f"the attribute {MARK!r} is damaged: {error}", service="formats") from error
    return told


def check_group(group: Group, path: Path, limit: int | None) -> None:
    """Refuses a file whose arrays would take more memory than the limit."""
    total = 0
    for name, one in group.all():
        total += prod(one.data.shape) * max(one.data.dtype.itemsize, 1)
        check_size(path, total, limit, f"what it says to hold down to {name}")


def read_group(group: Group, path: Path, variable: str | None, limit: int | None) -> Any:
    """The value of a group, of Arcuate's or another's making."""
    if variable is not None:
        group = _part(group, variable) or group
    check_group(group, path, limit)
    value = groups.value_of(group) if group.told else simplest(plain_tree(group))
    return named_column(value, variable, path)


def _part(group: Group, variable: str) -> Group | None:
    """The group with the variables alone that one needs, so that no more is loaded."""
    told = group.told
    if told.get("kind") == "mapping":
        kept = [item for item in told["items"] if item[0] == variable]
        return Group(group.variables, group.groups, {}, {**told, "items": kept}) if kept else None
    if told.get("kind") == "dataset":
        kept = [item for item in told["vars"] if item[0] == variable]
        return Group(group.variables, {}, {}, {**told, "vars": kept}) if kept else None
    return None


def plain_tree(group: Group) -> Any:
    """A group of another's making as a Dataset, or a DataTree where it has groups."""
    import xarray as xr

    variables = {name: plain_variable(one, f"/{name}") for name, one in group.variables.items()}
    dataset = xr.Dataset(variables, attrs={key: _attr(value) for key, value in group.attrs.items()})
    if not group.groups:
        return dataset
    below = {name: plain_tree(one) for name, one in group.groups.items()}
    children = {
        name: one if isinstance(one, xr.DataTree) else xr.DataTree(one) for name, one in below.items()
    }
    return xr.DataTree(dataset, children)


def plain_variable(one: Variable, path: str) -> Any:
    """An array of another's making as a variable of xarray, in memory."""
    import xarray as xr

    data = np.asarray(one.data[...])
    if data.dtype.kind == "V":
        raise ConversionError(f"the type {data.dtype} is none that a value can have", path=path)
    if data.dtype.kind == "S":
        data = np.char.decode(data, "utf-8").astype(object)
    return xr.Variable(one.dims, data, {key: _attr(value) for key, value in one.attrs.items()})


def _attr(value: Any) -> Any:
    if isinstance(value, bytes):
        return decoded(value)
    if isinstance(value, np.ndarray) and value.dtype.kind in "SO":
        items = [decoded(one) if isinstance(one, bytes) else one for one in value.reshape(-1).tolist()]
        return items[0] if value.ndim == 0 or value.size == 1 else items
    if isinstance(value, np.void) and value.dtype.names:
        return {name: _attr(value[name]) for name in value.dtype.names}
    if isinstance(value, np.ndarray) and value.size == 1 and not value.dtype.names:
        return value.reshape(-1)[0].item()
    return value.item() if isinstance(value, np.generic) else value


def simplest(value: Any) -> Any:
    """The one variable of a dataset that has just one, else the value itself."""
    import xarray as xr

    if isinstance(value, xr.DataTree) and not value.children:
        value = value.to_dataset()
    if not isinstance(value, xr.Dataset) or len(value.data_vars) != 1 or value.attrs:
        return value
    ((name, array),) = value.data_vars.items()
    return array.rename(None) if name == "__xarray_dataarray_variable__" else array


def clean(dataset: Any) -> Any:
    """A dataset of another's file with the texts of its attributes as they are: UTF-8, whatever they say."""
    for one in (dataset, *dataset.variables.values()):
        for key, value in one.attrs.items():
            if isinstance(value, str) and not value.isascii():
                one.attrs[key] = decoded(value.encode("utf-8", "surrogateescape"))
    return dataset


def unrounded(name: Any, variable: Any) -> Any:
    """A variable that xarray has decoded.

    Raises:
        ConversionError: it made floats of integers, for the missing ones among them, and rounded some.
    """
    stored = variable.encoding.get("dtype")
    if (
        isinstance(stored, np.dtype)
        and stored.kind in "iu"
        and stored.itemsize == 8
        and variable.dtype.kind == "f"
        and not {"scale_factor", "add_offset"} & set(variable.encoding)
        and (np.abs(variable.values) >= _EXACT).any()
    ):
        raise ConversionError(
            f"{name!r} has missing values, and integers beyond 2^53 beside them, which floats would round; "
            "decode=False reads the stored numbers (on the command line -O decode=false)"
        )
    return variable


def all_unrounded(value: Any) -> Any:
    """The same of an array, a dataset or a tree that is in memory."""
    if type(value).__name__ == "DataTree":
        for node in value.subtree:
            all_unrounded(node.to_dataset(inherit=False))
    elif hasattr(value, "data_vars"):
        for name, one in value.variables.items():
            unrounded(name, one)
    else:
        unrounded(value.name, value.variable)
    return value


def pieces(group: Group, variable: str | None) -> Iterator[Any]:
    """Parts of a labelled array along its first dimension, of about 16 MB each unless a row has more.

    Raises:
        Unsupported: there is no such array.
    """
    told = group.told
    if told.get("kind") not in ("labelled", "dataset"):
        raise Unsupported("only a labelled array is read piece by piece; use open_data")
    names = [name for name, _ in told["vars"]]
    if variable is None and len(names) != 1:
        raise Unsupported(f"which one of {', '.join(names)} is to be read? give variable=")
    wanted = names[0] if variable is None else variable
    safe = dict(told["vars"]).get(wanted)
    if safe is None:
        raise Unsupported(f"there is no variable {wanted!r}; there are {', '.join(names)}")
    main = group.variables[safe]
    if not main.dims:
        yield _piece(group, wanted, safe, None)
        return
    length, first = main.data.shape[0], main.dims[0]
    row = prod(main.data.shape[1:]) * blocks.width(main.data.dtype)
    chunk = (getattr(main.data, "chunks", None) or (1,))[0]
    step = max(1, blocks.BLOCK // max(row, 1) // chunk) * chunk
    for start in range(0, max(length, 1), step):
        yield _piece(group, wanted, safe, (first, slice(start, start + step)))


def _piece(group: Group, name: str, safe: str, span: tuple[str, slice] | None) -> Any:
    """The part of a labelled array in a span of one dimension."""
    main = group.variables[safe]
    told = {**group.told, "kind": "labelled", "vars": [[name, safe]]}
    if group.told["kind"] == "dataset":
        told["name"] = {"kind": "text", "text": name}
        told["coords"] = [
            [key, one] for key, one in told["coords"] if set(group.variables[one].dims) <= set(main.dims)
        ]
    told.pop("attrs", None)
    cut: dict[str, Variable] = {}
    for key in [safe, *(one for _, one in told["coords"])]:
        one = group.variables[key]
        index = tuple(span[1] if span and dim == span[0] else slice(None) for dim in one.dims)
        if hasattr(one.data, "part"):  # another's file, of which each part may need another description
            leaf = one.data.part(index)
            kept = {"attrs": one.told["attrs"]} if "attrs" in one.told else {}
            cut[key] = Variable(one.dims, leaf.data, {**one.attrs, **leaf.attrs}, {**leaf.told, **kept})
        else:
            cut[key] = Variable(one.dims, np.asarray(one.data[index]), one.attrs, one.told)
    value = groups.value_of(Group(cut, {}, {}, told))
    if hasattr(value, "encoding"):
        value.encoding["original_shape"] = tuple(main.data.shape)  # as xarray calls it
    return value
